"""Whether TVM is there, and what to say where it is not."""

from __future__ import annotations

import logging

from edgecomp.errors import ToolError

OLDEST = (0, 27)
INSTALL = "pip install 'edgecomp[tvm]'"


def require_tvm() -> str:
    """The version of TVM, imported.

    Raises:
        ToolError: TVM is missing, broken or too old; names the command that installs it.
    """
    try:
        import tvm
    except ImportError as error:
        raise ToolError(f"this needs Apache TVM, which cannot be imported ({error}); install it with: {INSTALL}") from error
    except Exception as error:  # its libraries raise errors of their own while they load
        raise ToolError(f"Apache TVM is installed but does not load: {error}; install it again with: {INSTALL}") from error
    logging.getLogger("tvm").setLevel(logging.ERROR)
    version = str(tvm.__version__)
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ToolError(f"this needs Apache TVM {OLDEST[0]}.{OLDEST[1]} or later, found {version}; install it with: {INSTALL}")
    return version
