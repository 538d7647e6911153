# edgecomp: set-up, demo, tests and checks. `make` alone explains the targets.
#
# make demo PYTHON=python3.12     another Python (3.11 or later)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EDGECOMP := $(BIN)/edgecomp
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO := build/demo
DEMO_BOARDS := qemu_cortex_m4 qemu_rv32imc
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist worksteal
C_FILES = $(shell git ls-files 'runtime_c/*.[ch]' 'targets/*.[ch]' 'examples/*.[ch]')

.PHONY: help demo setup extras tools test test-all check wheel clean distclean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## Show this text
	@echo "Usage: make TARGET"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: setup ## Set up if needed, then run the digit classifier on a Cortex-M4 and an RV32IMC core in QEMU
	@$(EDGECOMP) data digits --split test -o $(DEMO)/digits-test.npz
	@$(EDGECOMP) data digits --split train -o $(DEMO)/digits-train.npz
	@available=" $$($(EDGECOMP) boards --available | tr '\n' ' ')"; boards=; \
	for board in $(DEMO_BOARDS); do \
	    case "$$available" in \
	        *" $$board "*) boards="$$boards $$board" ;; \
	        *) echo "demo: leaving out $$board, as its tools are missing ($(EDGECOMP) doctor says which)" ;; \
	    esac; \
	done; \
	for board in $${boards:-host}; do \
	    set -- $(EDGECOMP) run examples/digits/digits.onnx --target $$board --data $(DEMO)/digits-test.npz \
	        --calib $(DEMO)/digits-train.npz --layout nhwc --mean 0 --std 16; \
	    echo; echo "$$ $$*"; "$$@" || exit; \
	done

setup: tools $(VENV)/.ready ## Install what is missing: compilers and QEMU (apt-get), Python packages (in .venv)

extras: setup $(VENV)/.extras-ready ## Add TVM (comparison, oracle), PyTorch (training), dataset packages, a browser and other tools for tests

test: setup ## Run the tests, without those marked slow
	$(PYTEST) -m "not slow"

test-all: setup ## Run all tests
	$(PYTEST)

check: $(VENV)/.ready ## Check style and types of Python and C; under a minute
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@if command -v clang-format >/dev/null; then set -- clang-format --dry-run --Werror $(C_FILES); echo "clang-format"; "$$@"; \
	else echo "clang-format is not installed: skipped"; fi
	@if command -v cppcheck >/dev/null; then echo "cppcheck"; cppcheck --quiet --std=c11 --error-exitcode=1 -j 2 \
	    --enable=warning,performance,portability --inline-suppr --suppress=comparePointers -I runtime_c/include -I targets/common $(filter %.c,$(C_FILES)); \
	else echo "cppcheck is not installed: skipped"; fi

wheel: $(VENV)/.ready ## Build dist/edgecomp-*.whl
	$(BIN)/python -m build --wheel --no-isolation

clean: ## Remove what was built, and caches
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

distclean: clean ## Remove .venv too
	rm -rf $(VENV)

# --- Tools from the system -------------------------------------------------------------------------------------------------
# needs(test, package): the package's name if the shell command fails

needs = $(shell { $(1); } >/dev/null 2>&1 || echo $(2))
has_header = echo '\#include <string.h>' | $(1) -E -

MISSING_PACKAGES = $(strip \
    $(call needs,command -v cc && command -v make,build-essential) \
    $(call needs,command -v cmake,cmake) \
    $(call needs,command -v arm-none-eabi-gcc,gcc-arm-none-eabi) \
    $(call needs,$(call has_header,arm-none-eabi-gcc),libnewlib-arm-none-eabi) \
    $(call needs,command -v riscv64-unknown-elf-gcc,gcc-riscv64-unknown-elf) \
    $(call needs,$(call has_header,riscv64-unknown-elf-gcc --specs=picolibc.specs),picolibc-riscv64-unknown-elf) \
    $(call needs,command -v qemu-system-arm,qemu-system-arm) \
    $(call needs,command -v qemu-system-riscv32,qemu-system-misc) \
    $(call needs,$(PYTHON) -c 'import ensurepip; import venv',python3-venv) \
    $(EXTRA_PACKAGES))

extras: EXTRA_PACKAGES = \
    $(call needs,command -v chromium && command -v chromedriver,chromium chromium-driver) \
    $(call needs,command -v openocd,openocd)

AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
# Later releases moved the RISC-V emulators out of qemu-system-misc.
NEWER_QEMU_PACKAGE = $$(case "$$missing" in *qemu-system-misc*) apt-cache pkgnames qemu-system-riscv | grep -x qemu-system-riscv;; esac)
APT_GET = $(AS_ROOT) env DEBIAN_FRONTEND=noninteractive apt-get -q

tools:
	@missing="$(MISSING_PACKAGES)"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	    echo "Missing, by their Debian names: $$missing"; \
	    echo "Install them with your system's package manager; going on with what is there."; \
	elif [ -n "$(AS_ROOT)" ] && ! command -v sudo >/dev/null; then \
	    echo "Missing: $$missing. As root: apt-get install $$missing; going on with what is there."; \
	else \
	    echo "Installing with apt-get: $$missing"; mkdir -p build; \
	    { $(APT_GET) update && $(APT_GET) install -y --no-install-recommends $$missing $(NEWER_QEMU_PACKAGE); } >build/apt-get.log 2>&1 \
	        || { tail -n 5 build/apt-get.log; echo "apt-get failed (build/apt-get.log has all it said); going on with what is there."; }; \
	fi

# --- Python packages in .venv ----------------------------------------------------------------------------------------------
# The stamps are older than pyproject.toml when its dependencies may have changed.

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or later is needed, $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Install python3-venv, then try again."; exit 1; }
	@echo "Installing edgecomp and its test tools into $(VENV)"
	@$(PIP_INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/.extras-ready: $(VENV)/.ready
	@echo "Installing TVM, PyTorch, dataset packages and tools that check exports into $(VENV)"
	@$(PIP_INSTALL) --editable '.[test,data,dask,exports,figures,tvm,train]'
	@touch $@
