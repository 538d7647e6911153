"""Measure what every kernel takes on every emulated core, and write the table from which `analyze` foretells code and stack.

    python benchmarks/code_size.py            measure and rewrite edgecomp/plan/code_size.json
    python benchmarks/code_size.py --check    exit 1 if the table is not what would be written

Kernels are compiled with each board's own flags, one at a time. Needs the cross compilers (`edgecomp doctor`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edgecomp.build import LANGUAGE_FLAGS, compiler_version, find_compiler
from edgecomp.elf import ElfFile
from edgecomp.emit import emit
from edgecomp.paths import runtime_dir
from edgecomp.plan import code_size, lay_out
from edgecomp.plan.kernels import IN_PLACE
from edgecomp.qgraph import Port, QGraph, QNode, QTensor
from edgecomp.qops.lut import Lut
from edgecomp.target import Target, list_targets, load_target

TABLE = Path(code_size.__file__).with_name(code_size.TABLE_FILE)
FEW_LAYERS, MANY_LAYERS = 4, 36


class Workbench:
    """One board's compiler and a folder to work in."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self.folder = folder
        self.compiler = find_compiler(target)

    def compile(self, source: Path, *include: Path) -> tuple[Path, int]:
        """The object of one C file, and the sum of its functions' frames: no call chain in it is deeper."""
        obj = self.folder / f"{source.stem}.o"
        flags = [*LANGUAGE_FLAGS, *self.target.cflags, "-fstack-usage", *(f"-I{path}" for path in include)]
        self._call(*flags, "-c", str(source), "-o", str(obj))
        frames = [int(line.split("\t")[1]) for line in obj.with_suffix(".su").read_text().splitlines()]
        return obj, sum(frames)

    def needs(self, obj: Path) -> list[str]:
        """Symbols that an object takes from the compiler's libraries; other kernels are measured on their own."""
        listed = subprocess.run([self._binutil("nm"), "--undefined-only", str(obj)], capture_output=True, text=True, check=True, timeout=60)
        return sorted({name for name in re.findall(r"\bU (\w+)", listed.stdout) if not name.startswith("ec_")})

    def library_members(self, symbol: str) -> dict[str, int]:
        """Machine code that one library function and all it calls bring along, by member of the library: two may share some."""
        elf, listing = self.folder / f"library_{symbol}.elf", self.folder / f"library_{symbol}.map"
        options = f"-Wl,--entry={symbol},--undefined={symbol},--gc-sections,-Map={listing}"
        self._call(*self.target.cflags, "-nostartfiles", "-nostdlib", options, "-lc", "-lgcc", "-o", str(elf))
        linked = listing.read_text().split("Linker script and memory map")[1]
        members: dict[str, int] = {}
        for size, member in re.findall(r"^ \.text\S*\s+0x\w+\s+0x(\w+) \S*\((\S+)\)$", linked, re.MULTILINE):
            members[member] = members.get(member, 0) + int(size, 16)
        return {member: size for member, size in sorted(members.items()) if size}

    def _binutil(self, name: str) -> str:
        return str(Path(self.compiler).with_name(f"{self.target.toolchain_prefix}{name}"))

    def _call(self, *arguments: str) -> None:
        done = subprocess.run([self.compiler, *arguments], capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            sys.exit(f"{self.target.name}: {done.stderr}")


def measure_core(target: Target, folder: Path) -> dict[str, Any]:
    """Everything the estimate needs of one core."""
    bench = Workbench(target, folder)
    kernels: dict[str, Any] = {}
    for isa in (*target.isa, IN_PLACE):
        for source in sorted((runtime_dir() / "src" / isa).glob("ec_*.c")):
            obj, stack_bytes = bench.compile(source, runtime_dir() / "include", source.parent)
            sizes = ElfFile(obj).sizes()
            kernels[source.relative_to(runtime_dir()).as_posix()] = {
                "code_bytes": sizes.code,
                "constant_bytes": sizes.rodata,
                "stack_bytes": stack_bytes,
                "calls": bench.needs(obj),
            }
    called = sorted({symbol for kernel in kernels.values() for symbol in kernel["calls"]})
    return {
        "board": target.name,
        "cflags": list(target.cflags),
        "compiler": compiler_version(bench.compiler),
        "model": measure_model(bench),
        "library": {symbol: bench.library_members(symbol) for symbol in called},
        "kernels": kernels,
    }


def measure_model(bench: Workbench) -> dict[str, int]:
    """What a generated model adds to its kernels: a part that is always there and a part for each layer."""
    (few, _), (many, stack_bytes) = (_model_code(bench, layers) for layers in (FEW_LAYERS, MANY_LAYERS))
    layer_bytes = round((many - few) / (MANY_LAYERS - FEW_LAYERS))
    return {"code_bytes": few - FEW_LAYERS * layer_bytes, "layer_code_bytes": layer_bytes, "stack_bytes": stack_bytes}


def _model_code(bench: Workbench, layers: int) -> tuple[int, int]:
    folder = bench.folder / f"model_{layers}"
    sources = emit(lay_out(_tables_in_a_row(layers), bench.target))
    for name, text in sources.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    obj, stack_bytes = bench.compile(folder / f"{sources.prefix}.c", folder, folder / "include")
    return ElfFile(obj).sizes().code, stack_bytes


def _tables_in_a_row(layers: int) -> QGraph:
    """A network of table look-ups: the smallest kernel there is."""
    names = [f"t{index}" for index in range(layers + 1)]
    table = np.arange(-128, 128).astype(np.int8)
    return QGraph(
        name="measured",
        tensors={name: QTensor(name, (64,), 1.0, 0) for name in names},
        nodes=tuple(QNode(f"layer{i}", "Lut", Lut(64, table), (names[i],), names[i + 1]) for i in range(layers)),
        inputs=(Port("input", names[0], (64,), (0,)),),
        outputs=(Port("output", names[-1], (64,), (0,)),),
    ).verify()


def measure() -> str:
    """The whole table as text."""
    cores = {}
    for name in list_targets():
        target = load_target(name)
        if target.runner == "qemu" and target.core not in cores:
            with tempfile.TemporaryDirectory() as folder:
                cores[target.core] = measure_core(target, Path(folder))
    return json.dumps({"cores": dict(sorted(cores.items()))}, indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write the table, or check it."""
    text = measure()
    if "--check" in sys.argv[1:]:
        sys.exit(0 if TABLE.read_text() == text else f"{TABLE} is out of date: run python {sys.argv[0]}")
    TABLE.write_text(text)
    for core, row in json.loads(text)["cores"].items():
        kernels = row["kernels"].values()
        print(f"{core:14} {sum(kernel['code_bytes'] for kernel in kernels):6} bytes in {len(kernels)} kernels, {row['model']}")


if __name__ == "__main__":
    main()
