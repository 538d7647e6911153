"""Boards at the end of a serial line; docs/serial_protocol.md describes what is spoken there."""

from edgecomp.run.serial.client import Answer, OtherImageError, SerialClient
from edgecomp.run.serial.line import open_line
from edgecomp.run.serial.messages import Infer
from edgecomp.run.serial.runner import SerialRunner

__all__ = ["Answer", "Infer", "OtherImageError", "SerialClient", "SerialRunner", "open_line"]
