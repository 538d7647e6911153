"""`emit(plan, prefix) -> Sources`: the C library of one model, deterministic to the byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgecomp import __version__
from edgecomp.build import Sources
from edgecomp.emit.c_text import comment, identifier, member, rows, string_content
from edgecomp.emit.core_needs import core_needs
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.graph import Array
from edgecomp.paths import codegen_dir, runtime_dir
from edgecomp.plan import Plan, Step
from edgecomp.plan.kernels import Kernel
from edgecomp.qgraph import INPUT_NOTE_KEY, Port, parameters

AXIS_NAMES = {4: "NCHW", 3: "NCW", 2: "NC", 1: "N"}
ARRAY_ALIGNMENT = 8
FLOAT32_MANTISSA_BITS = 24


@dataclass(frozen=True)
class ArrayText:
    """A constant array in flash: `ctype symbol[length]`, its values as `text`."""

    symbol: str
    ctype: str
    length: int
    alignment: int
    comment: str
    text: str


@dataclass(frozen=True)
class LayerText:
    """One kernel call: `parameters` are (member, initialiser) pairs, `inputs` and `output` C expressions."""

    index: int
    name: str
    c_name: str
    kind: str
    describe: str
    kernel: str
    struct: str
    macs: int
    parameters: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    variadic: bool
    output: str
    output_bytes: int
    scratch: str


@dataclass(frozen=True)
class PortText:
    """An input or output: where it lies in the arena and what an element means. `suffix` is "" for the first, "_2" for the next."""

    index: int
    suffix: str
    name: str
    c_name: str
    ctype: str
    layout: str
    scale: str
    scale_mantissa: int
    scale_exponent: int
    zero_point: int
    note: str
    offset: int
    bytes: int
    element_bytes: int


class _Arrays:
    """Constant arrays by content, so that none is stored twice."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.symbols: dict[tuple[str, bytes], str] = {}
        self.texts: list[ArrayText] = []

    def symbol(self, ctype: str, values: Array, name: str, meaning: str) -> str:
        """The symbol of an array; declared at its first use."""
        typed = np.ascontiguousarray(values, ctype.removesuffix("_t"))
        key = (ctype, typed.tobytes())
        if key not in self.symbols:
            self.symbols[key] = f"{self.prefix}_{name}"
            shape = "][".join(map(str, typed.shape))
            self.texts.append(
                ArrayText(self.symbols[key], ctype, typed.size, ARRAY_ALIGNMENT, comment(f"{meaning} [{shape}]"), rows(typed))
            )
        return self.symbols[key]


def emit(plan: Plan, prefix: str | None = None) -> Sources:
    """The generated library: model, weights, the runtime files it uses, CMakeLists.txt and a manifest.

    `prefix` starts every public name (default: the model's name as a C identifier), so that two models link together.
    """
    qgraph = plan.qgraph
    prefix = identifier(prefix or qgraph.name)
    arrays = _Arrays(prefix)
    layers = tuple(_layer(plan, index, step, arrays) for index, step in enumerate(plan.steps))
    names: dict[str, Any] = {
        "prefix": prefix,
        "PREFIX": prefix.upper(),
        "name": comment(qgraph.name),
        "c_name": string_content(qgraph.name),
        "version": __version__,
        "board": plan.target.name,
        "core": comment(plan.target.core).replace('"', "'"),
        "core_needs": core_needs(instruction_sets(plan)),
        "macs": qgraph.macs,
        "weight_bytes": plan.weight_bytes,
        "sha256": fingerprint(qgraph),
        "arena_bytes": plan.memory_bytes,
        "arena_alignment": plan.arena_alignment,
        "layers": layers,
        "headers": sorted({step.kernel.header for step in plan.steps}),
        "inputs": port_texts(plan, qgraph.inputs),
        "outputs": port_texts(plan, qgraph.outputs),
        "arrays": arrays.texts,
    }
    runtime = _runtime_files(plan)
    files = {
        f"{prefix}.h": render("model.h.j2", names),
        f"{prefix}.c": render("model.c.j2", names),
        f"{prefix}_weights.h": render("weights.h.j2", names),
        f"{prefix}_weights.c": render("weights.c.j2", names),
        **runtime,
    }
    names["sources"] = sorted(path for path in files if path.endswith((".c", ".S")))
    files["CMakeLists.txt"] = render("CMakeLists.txt.j2", names)
    files["manifest.json"] = _manifest(plan, names, files)
    return Sources(prefix, files)


def _layer(plan: Plan, index: int, step: Step, arrays: _Arrays) -> LayerText:
    node, op = step.node, step.op
    values = []
    for name, ctype in parameters(type(op)).items():
        value = getattr(op, name)
        if not ctype.pointer:
            text = member(ctype, value)
        elif value is None:
            text = "NULL"
        else:
            text = arrays.symbol(ctype.name, np.asarray(value), f"{index}_{name}", f"{node.layer}: {name}")
        values.append((name, text))
    inputs = []
    for position, name in enumerate(node.inputs):
        data = plan.qgraph.tensors[name].data
        constant = None if data is None else arrays.symbol("int8_t", data, f"{index}_input_{position}", f"{node.layer}: {name}")
        inputs.append(constant or _at(plan, name))
    scratch = f", arena + {step.scratch.offset_bytes}" if step.scratch else ", NULL"
    return LayerText(
        index=index,
        name=comment(node.layer),
        c_name=string_content(node.layer),
        kind=comment(node.kind),
        describe=comment(op.describe),
        kernel=step.kernel.symbol,
        struct=step.kernel.struct,
        macs=op.work.macs,
        parameters=tuple(values),
        inputs=tuple(inputs),
        variadic=op.variadic,
        output=_at(plan, node.output),
        output_bytes=plan.qgraph.tensors[node.output].bytes,
        scratch=scratch if op.takes_scratch else "",
    )


def _at(plan: Plan, tensor: str) -> str:
    return f"arena + {plan.buffers[tensor].offset_bytes}"


def port_texts(plan: Plan, ports: Iterable[Port]) -> tuple[PortText, ...]:
    """The inputs or the outputs of a plan's network as templates see them."""
    return tuple(_port(plan, index, port) for index, port in enumerate(ports))


def _port(plan: Plan, index: int, port: Port) -> PortText:
    tensor = plan.qgraph.tensors[port.tensor]
    axes = AXIS_NAMES.get(len(port.shape), "")
    order = "".join(axes[axis] for axis in port.permutation) if axes else f"axes {port.permutation}"
    stored = tuple(port.shape[axis] for axis in port.permutation)
    mantissa, exponent = np.frexp(np.float32(tensor.scale))
    return PortText(
        index=index,
        suffix=f"_{index + 1}" if index else "",
        name=comment(port.name),
        c_name=string_content(port.name),
        ctype=f"{tensor.dtype}_t",
        layout=f"[{']['.join(map(str, stored))}] ({order})",
        scale=repr(float(np.float32(tensor.scale))),
        scale_mantissa=int(mantissa * 2**FLOAT32_MANTISSA_BITS),
        scale_exponent=int(exponent) - FLOAT32_MANTISSA_BITS,
        zero_point=tensor.zero_point,
        note=comment(plan.qgraph.metadata.get(INPUT_NOTE_KEY + port.name, "")),
        offset=plan.buffers[port.tensor].offset_bytes,
        bytes=tensor.bytes,
        element_bytes=np.dtype(tensor.dtype).itemsize,
    )


def _kernels(plan: Plan) -> set[Kernel]:
    return {kernel for step in plan.steps for kernel in (step.kernel, *step.kernel.uses)}


def instruction_sets(plan: Plan) -> frozenset[str]:
    """Folders of `runtime_c/src` whose kernels the model calls."""
    return frozenset(kernel.isa for kernel in _kernels(plan))


def _runtime_files(plan: Plan) -> dict[str, str]:
    """The headers and sources of the runtime that this model uses, under the same paths as in `runtime_c/`."""
    kernels = _kernels(plan)
    root = runtime_dir()
    paths = {root / "include" / "ec_model.h"} | {root / kernel.source for kernel in kernels}
    paths |= {root / "include" / kernel.header for kernel in kernels}
    todo, found = sorted(paths), dict[str, str]()
    while todo:
        path = todo.pop()
        relative = path.relative_to(root).as_posix()
        if relative not in found:
            found[relative] = path.read_text()
            todo.extend(sorted(_included(root, path, found[relative])))
    return dict(sorted(found.items()))


def _included(root: Path, path: Path, text: str) -> Iterable[Path]:
    """Runtime headers a file includes."""
    for line in text.splitlines():
        if line.startswith('#include "'):
            name = line.split('"')[1]
            for folder in (root / "include", path.parent):
                if (folder / name).is_file():
                    yield folder / name
                    break


def _manifest(plan: Plan, names: dict[str, Any], files: dict[str, str]) -> str:
    """What was generated, for whom and from what; no date and no path, so that it is reproducible."""
    document = {
        "schema": "edgecomp.manifest/1",
        "edgecomp": __version__,
        "model": {"name": plan.qgraph.name, "sha256": names["sha256"], "macs": plan.qgraph.macs},
        "target": {"board": plan.target.name, "core": plan.target.core, "cflags": list(plan.target.cflags)},
        "optimize": plan.optimize,
        "memory": {"arena_bytes": plan.arena_bytes, "scratch_bytes": plan.scratch_bytes, "weight_bytes": plan.weight_bytes},
        "layers": [{"index": layer.index, "name": layer.name, "kernel": layer.kernel, "macs": layer.macs} for layer in names["layers"]],
        "files": {path: hashlib.sha256(text.encode()).hexdigest() for path, text in sorted(files.items())},
    }
    return json.dumps(document, indent=2) + "\n"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(codegen_dir()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def render(template: str, names: dict[str, Any]) -> str:
    """A template of `codegen/` filled in; an undefined name is an error."""
    return _environment().get_template(template).render(names)
