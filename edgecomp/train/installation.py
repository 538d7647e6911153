"""Whether PyTorch is there, and what to say where it is not."""

from __future__ import annotations

from edgecomp.errors import ToolError

INSTALL = "pip install 'edgecomp[train]'"


def require_torch() -> str:
    """The version of PyTorch, imported.

    Raises:
        ToolError: PyTorch is missing or broken; names the command that installs it.
    """
    try:
        import torch
    except ImportError as error:
        raise ToolError(f"training needs PyTorch, which cannot be imported ({error}); install it with: {INSTALL}") from error
    except Exception as error:  # its libraries raise errors of their own while they load
        raise ToolError(f"PyTorch is installed but does not load: {error}; install it again with: {INSTALL}") from error
    return str(torch.__version__)
