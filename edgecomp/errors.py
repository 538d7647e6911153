"""What can go wrong for a user, one class a kind; the command line prints the message and exits 1.

Every message names the file, node or option, what was found, what is allowed and what to do.
"""


class EdgecompError(Exception):
    """Base of all errors a user can cause and cure."""


class ModelError(EdgecompError):
    """The ONNX file cannot be read, is not static, or holds values that are not finite."""


class UnsupportedError(EdgecompError):
    """A valid model uses an operator, attribute or form that edgecomp does not have."""


class DataError(EdgecompError):
    """Input data is missing, empty, of another shape or type, or not finite."""


class TargetError(EdgecompError):
    """A board is unknown, or its description is wrong."""


class FitError(EdgecompError):
    """A model does not fit a board's memory."""


class ToolError(EdgecompError):
    """A compiler, emulator or optional package is missing, or failed."""


class RunError(EdgecompError):
    """Firmware was built but did not run to its end, or answered out of form."""


class ExportError(EdgecompError):
    """A format of export cannot hold a model under this name, for this core or with this metadata."""


class OutputError(EdgecompError):
    """A result could not be written."""


class GateError(EdgecompError):
    """A run is worse than its limits allow."""
