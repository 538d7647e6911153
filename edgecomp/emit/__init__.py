"""From a plan to C sources: decisions are made here, text stands in `codegen/`, arithmetic in `runtime_c/`."""

from edgecomp.emit.library import ArrayText, LayerText, PortText, emit, instruction_sets, port_texts, render

__all__ = ["ArrayText", "LayerText", "PortText", "emit", "instruction_sets", "port_texts", "render"]
