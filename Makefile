# `make venv`, `make demo` and `make test` do all their own set-up: Python >= 3.10, git and make are enough.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# pip names each package as it comes, and leaves it to Python to compile what is used
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-compile
# One thread a process: two processes fill two cores, and a laptop stays usable.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
# A Python that has PyTorch for its GPU, and what it lacks besides: `make gpu-wheels` fetches it, `make gpu-check`
# unpacks it beside the project and installs nothing.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
GPU_PYTHON_VERSION ?= 3.12
GPU_PACKAGES ?= monai pytorch-ignite nibabel fire termcolor einops filelock
GPU_OPTIONS ?=

# The viewer of `make test-dicom`, as npm has it
OHIF = @ohif/app@3.13.2
# The validator of `make test-wheel`
CYCLONEDX = 11.12.0

.PHONY: help venv demo test gates unit test-release test-dicom test-wheel test-consumers test-label test-deploy test-fl test-mlflow label-server gpu-wheels gpu-check clean

help:
	@echo "make venv          a virtual environment in $(VENV) with what the bundle runs on"
	@echo "make demo          phantoms -> plain ViT and the recommended recipe -> scores and an HTML page (under 10 minutes)"
	@echo "make test          all gates and tests"
	@echo "make test-release  the packed bundle in a fresh virtual environment"
	@echo "make test-dicom    DICOM objects tried on validators, readers, an archive and a viewer of others"
	@echo "make label-server  serve BUNDLE=folder over STUDIES=folder to 3D Slicer and OHIF, by MONAI Label, on this machine alone"
	@echo "make test-consumers  test-release and the next five, each in an environment of its own"
	@echo "make test-wheel    the wheel in an empty environment: lgm-vit from phantoms to an inference"
	@echo "make test-label    the server of MONAI Label, asked as 3D Slicer and OHIF ask"
	@echo "make test-deploy   the operator and the app for MONAI Deploy, in its SDK"
	@echo "make test-fl       federated training by NVFlare: three sites, a killed one, a wrong one"
	@echo "make test-mlflow   a training followed by MLflow, offline"
	@echo "make gpu-wheels    fetch the packages that a GPU machine without a network lacks"
	@echo "make gpu-check     tests, speed and memory on a GPU, in 8 minutes"

$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version) if sys.version_info < (3, 10) else 0'
	@echo "Making the virtual environment $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the bundle runs on (PyTorch is large: some minutes the first time)"
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@echo "Installing the gates and the test tools"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

venv: $(VENV)/.runtime
	@echo "$(VENV) has what the bundle runs on. Activate it in this shell:"
	@echo "    . $(BIN)/activate"

demo: $(VENV)/.runtime
	$(BIN)/python scripts/run_demo.py

test: gates unit

gates: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

test-release: $(VENV)/.dev
	$(PYTHON) -m venv --clear $(VENV)/release
	$(VENV)/release/bin/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.txt
	RELEASE_PYTHON=$(abspath $(VENV)/release/bin/python) $(BIN)/python -m pytest tests/packing

# Programs of Debian are named where they are absent, never installed; what was skipped, and why, is at the end.
test-dicom: $(VENV)/.dev
	@echo "Installing dcmqi into $(VENV)/dcmqi, and the viewer into .ohif if npm is there"
	@test -x $(VENV)/dcmqi/bin/python || $(PYTHON) -m venv $(VENV)/dcmqi
	@$(VENV)/dcmqi/bin/python -m pip install --disable-pip-version-check --progress-bar off dcmqi==1.5.7
	@test -d .ohif/package || ! command -v npm >/dev/null || { mkdir -p .ohif && cd .ohif && npm pack --silent $(OHIF) \
		&& tar xzf ohif-app-*.tgz; } || echo "The viewer cannot be fetched: its test is skipped"
	@for need in dciodvfy:dicom3tools dsrdump:dcmtk Orthanc:"orthanc orthanc-dicomweb" chromium:chromium npm:npm; do \
		command -v "$${need%%:*}" >/dev/null || echo "$${need%%:*} is absent: apt-get install $${need#*:}"; done
	DCMQI_BIN=$(abspath $(VENV)/dcmqi/bin) OHIF_DIST=$(CURDIR)/.ohif/package/dist $(BIN)/python -m pytest tests/dicom -rs

test-fl:
	@test -x $(VENV)/fl/bin/python || $(PYTHON) -m venv $(VENV)/fl
	$(VENV)/fl/bin/python -m pip install --disable-pip-version-check --progress-bar off -r requirements-fl.txt pytest==9.2.0
	$(VENV)/fl/bin/python -m pytest tests/consumers/fl -rs

# The validator of the bill of materials comes after the wheel, which has to do without it.
test-wheel: $(VENV)/.dev
	@echo "Installing the wheel into an empty environment, $(VENV)/wheel"
	@$(PYTHON) -m venv --clear $(VENV)/wheel
	@$(VENV)/wheel/bin/python -m pip install --disable-pip-version-check --progress-bar off -c requirements.txt .
	@$(VENV)/wheel/bin/python -m pip install --disable-pip-version-check --progress-bar off \
		"cyclonedx-python-lib[json-validation]==$(CYCLONEDX)" || echo "The validator of CycloneDX cannot be fetched"
	WHEEL_BIN=$(abspath $(VENV)/wheel/bin) $(BIN)/python -m pytest tests/console/test_wheel.py -n 0 -rs

# The SDK must lie in the same site-packages as MONAI, so it has an environment of its own.
$(VENV)/deploy/.installed: requirements.txt requirements-dev.txt requirements-deploy.txt
	@echo "Installing the MONAI Deploy App SDK into $(VENV)/deploy (2 GB)"
	@test -x $(VENV)/deploy/bin/python || $(PYTHON) -m venv $(VENV)/deploy
	@$(VENV)/deploy/bin/python -m pip install --disable-pip-version-check --progress-bar off -r requirements-dev.txt
	@$(VENV)/deploy/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-deps -r requirements-deploy.txt
	@touch $@

test-deploy: $(VENV)/deploy/.installed
	@command -v dciodvfy >/dev/null || echo "dciodvfy is absent: apt-get install dicom3tools"
	HOLOSCAN_LOG_LEVEL=ERROR $(VENV)/deploy/bin/python -m pytest tests/consumers/deploy -rs

$(VENV)/label/.installed: requirements.txt requirements-label.txt
	@test -x $(VENV)/label/bin/python || $(PYTHON) -m venv $(VENV)/label
	@echo "Installing MONAI Label into $(VENV)/label (1.5 GB: some minutes the first time)"
	@$(VENV)/label/bin/python -m pip install --disable-pip-version-check --progress-bar off -r requirements.txt
	@$(VENV)/label/bin/python -m pip install --disable-pip-version-check --progress-bar off --no-deps -r requirements-label.txt
	@touch $@

label-server: $(VENV)/label/.installed
	@test -n "$(BUNDLE)" -a -n "$(STUDIES)" || { echo "Say which: make label-server BUNDLE=lgm_vit STUDIES=studies"; exit 2; }
	$(VENV)/label/bin/python scripts/label_server.py --bundle $(BUNDLE) --studies $(STUDIES) $(LABEL_OPTIONS)

test-label: $(VENV)/label/.installed
	@$(VENV)/label/bin/python -m pip install --quiet --disable-pip-version-check pytest==9.2.0
	@for need in Orthanc:"orthanc orthanc-dicomweb" chromium:chromium; do \
		command -v "$${need%%:*}" >/dev/null || echo "$${need%%:*} is absent: apt-get install $${need#*:}"; done
	$(VENV)/label/bin/python -m pytest tests/consumers/label -rs

test-mlflow: $(VENV)/.dev requirements-mlflow.txt
	@test -x $(VENV)/mlflow/bin/python || $(PYTHON) -m venv $(VENV)/mlflow
	@$(VENV)/mlflow/bin/python -m pip install --disable-pip-version-check --progress-bar off \
		-r requirements.txt -r requirements-mlflow.txt pytest pytest-randomly pytest-xdist
	MLFLOW_DISABLE_TELEMETRY=true $(VENV)/mlflow/bin/python -m pytest tests/consumers/mlflow -rs

# One after the other, each to its end; what was skipped, and why, stands at the end of each.
CONSUMERS = test-release test-wheel test-label test-deploy test-fl test-mlflow
test-consumers:
	@failed=; for one in $(CONSUMERS); do echo "== make $$one"; $(MAKE) $$one || failed="$$failed $$one"; done; \
	test -z "$$failed" || { echo "Failed:$$failed"; exit 1; }

gpu-wheels:
	rm -rf .gpu_wheels
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest .gpu_wheels \
		--implementation cp --python-version $(GPU_PYTHON_VERSION) --platform manylinux2014_x86_64 \
		--platform manylinux_2_17_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_28_x86_64 \
		--constraint requirements.txt $(GPU_PACKAGES)
	@du -sh .gpu_wheels

gpu-check:
	rm -rf .gpu_site
	@test ! -d .gpu_wheels || $(GPU_PYTHON) -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
		--no-compile --target .gpu_site .gpu_wheels/*.whl
	PYTHONPATH=$(CURDIR)/.gpu_site:$$PYTHONPATH $(GPU_PYTHON) scripts/gpu_check.py $(GPU_OPTIONS)

clean:
	rm -rf .gpu_site .gpu_wheels .ohif $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
