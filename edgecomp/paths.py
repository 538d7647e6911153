"""Where the data folders are: inside the installed package, or at the root of a checkout. The only module that knows."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_data"


def _data_dir() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def codegen_dir() -> Path:
    """Folder of the Jinja templates."""
    return _data_dir() / "codegen"


def targets_dir() -> Path:
    """Folder of the boards, one sub-folder each, and of the start-up code they share."""
    return _data_dir() / "targets"


def runtime_dir() -> Path:
    """Folder of the C runtime: `include/` and `src/<instruction set>/`."""
    return _data_dir() / "runtime_c"
