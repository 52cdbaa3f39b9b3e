"""Software bill of materials: the packages that a packed bundle needs, with versions and licenses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SBOM = "sbom.cdx.json"
_LONGEST_NAME = 60
_OF_METADATA = {"monai_version": "monai", "pytorch_version": "torch", "numpy_version": "numpy"}


def needed_packages(metadata: Mapping[str, Any], uses: Iterable[str] = ("required_packages_version",)) -> list[str]:
    """Return the packages that a metadata.json requires or names for some use, under their canonical names.

    Args:
        metadata: content of metadata.json.
        uses: entries that name packages.

    Example:
        >>> needed_packages({"pytorch_version": "2.13.0", "required_packages_version": {"PyYAML": "6.0.3"}})
        ['pyyaml', 'torch']
    """
    named = [package for entry, package in _OF_METADATA.items() if entry in metadata]
    return sorted(
        {canonicalize_name(name) for name in [*named, *(name for use in uses for name in metadata.get(use, ()))]}
    )


def sbom(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the bundle needs, and what that needs, as installed here, in the form of CycloneDX 1.6.

    Without a date and a serial number, so that the same packages give the same text.

    Args:
        metadata: the packed metadata.json.

    Raises:
        ValueError: a package that the metadata requires is not installed, so that its license is not known.

    Source: CycloneDX 1.6, ECMA-424.

    Example:
        >>> bill = sbom({"required_packages_version": {"einops": "0.8.2"}, "version": "0.1.0"})
        >>> [(part["name"], part["licenses"]) for part in bill["components"]]
        [('einops', [{'license': {'name': 'MIT'}}])]
    """
    installed: dict[str, Distribution] = {}
    for name in needed_packages(metadata):
        _add(name, installed, is_needed=True)
    refs = {name: _purl(name, found.version) for name, found in installed.items()}
    version = str(metadata.get("version", "0"))
    model = {"type": "application", "bom-ref": "lgm_vit", "name": "lgm_vit", "version": version}
    needs = {"lgm_vit": needed_packages(metadata), **{name: _requirements(found) for name, found in installed.items()}}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**model, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": [_component(refs[name], name, installed[name]) for name in sorted(installed)],
        "dependencies": [
            {"ref": refs.get(name, name), "dependsOn": sorted({refs[need] for need in needs[name] if need in refs})}
            for name in sorted(needs)
        ],
    }


def sbom_text(metadata: Mapping[str, Any]) -> bytes:
    """Return the bill of materials as JSON."""
    return (json.dumps(sbom(metadata), indent=2) + "\n").encode()


def _add(name: str, installed: dict[str, Distribution], is_needed: bool = False) -> None:
    if name in installed:
        return
    try:
        installed[name] = distribution(name)
    except PackageNotFoundError:
        if is_needed:
            raise ValueError(
                f"{name} must be installed, as metadata.json requires it, got no such package: install it, so that the "
                "bill of materials can name its license."
            ) from None
        return  # of another platform, or optional
    for need in _requirements(installed[name]):
        _add(need, installed)


def _requirements(found: Distribution) -> list[str]:
    """Return the packages that one needs here, without its extras."""
    parsed = [Requirement(text) for text in found.requires or ()]
    return [canonicalize_name(one.name) for one in parsed if not one.marker or one.marker.evaluate({"extra": ""})]


def _component(ref: str, name: str, found: Distribution) -> dict[str, Any]:
    licenses = {"licenses": license_} if (license_ := _licenses(found)) else {}
    return {"type": "library", "bom-ref": ref, "name": name, "version": found.version, "purl": ref, **licenses}


def _licenses(found: Distribution) -> list[dict[str, Any]]:
    """Return the license that a package states: an SPDX expression, else a short text, else its classifiers."""
    expression, text = ((found.metadata.get_all(name) or [""])[0].strip() for name in ("License-Expression", "License"))
    if expression:
        return [{"expression": expression}]
    if text and len(text) <= _LONGEST_NAME and "\n" not in text and not text.startswith(("=", "Copyright")):
        return [{"license": {"name": text}}]
    classifiers = found.metadata.get_all("Classifier") or []
    names = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License :: ")]
    return [{"license": {"name": name}} for name in names]


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{quote(version)}"
