from clinic.conftest import bundle_root, study  # noqa: F401 - fixtures
