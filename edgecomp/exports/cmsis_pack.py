"""An Open-CMSIS-Pack: a description (.pdsc, schema 1.7.32) and the archive (.pack) that tools install."""

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Final

from edgecomp.errors import ExportError
from edgecomp.exports.library import Files, Format, Library, compiled

_MAINLINE_DSP: Final = ("Cortex-M33", "Cortex-M35P", "Star-MC1", "ARMV8MML")
_HELIUM: Final = ("Cortex-M52", "Cortex-M55", "Cortex-M85", "ARMV81MML")
_ARMV7M: Final = ("Cortex-M3", "SC300", "Cortex-M4", "Cortex-M7")
_BASELINE: Final = ("Cortex-M0", "Cortex-M0+", "Cortex-M1", "SC000", "Cortex-M23", "ARMV8MBL")


def _cores(names: tuple[str, ...], **more: str) -> tuple[Mapping[str, str], ...]:
    return tuple({"Dcore": name, **more} for name in names)


CORES: Final[Mapping[str, tuple[Mapping[str, str], ...]]] = {
    "arm_v6m": _cores((*_BASELINE, *_ARMV7M, *_MAINLINE_DSP, *_HELIUM)),
    "arm_v7m": _cores((*_ARMV7M, *_MAINLINE_DSP, *_HELIUM)),
    "arm_dsp": (*_cores(("Cortex-M4", "Cortex-M7")), *_cores(_MAINLINE_DSP, Ddsp="DSP"), *_cores(_HELIUM)),
    "arm_mve": (*_cores(_HELIUM, Dmve="MVE"), *_cores(_HELIUM, Dmve="FP_MVE")),
}
"""Instruction set -> attributes of processors that have it, as DcoreEnum, DdspEnum and DmveEnum of the schema spell them."""

MOST_NAME_CHARACTERS: Final = 32
"""Of a component and of a vendor (CsubType and CvendorType of the schema)."""

_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE_MODE: Final = 0o100644


def arrange(library: Library) -> Files:
    """<vendor>.<name>.pdsc, include/, src/, templates/ (the example as user code templates)."""
    if len(library.prefix) > MOST_NAME_CHARACTERS:
        raise ExportError(
            f"a component's name has at most {MOST_NAME_CHARACTERS} characters, {library.prefix!r} has more: give a shorter --prefix"
        )
    files = library.lay_out("include", "src")
    conditions = _conditions(library)
    description = library.render(
        "cmsis_pack/description.pdsc.j2",
        vendor=vendor(library),
        conditions=conditions,
        headers=sorted(name for name in files if name.startswith("include/")),
        sources=compiled(files, "src"),
    )
    return {
        **files,
        f"{vendor(library)}.{library.prefix}.pdsc": description,
        "templates/self_test.c": library.render("exports/main.c.j2"),
        f"templates/{library.prefix}_test_vector.h": library.render("exports/test_vector.h.j2"),
        "README.md": library.render("cmsis_pack/README.md.j2", vendor=vendor(library)),
    }


def vendor(library: Library) -> str:
    """The author as RestrictedString and CvendorType of the schema take it: 2 to 32 letters, digits and -."""
    name = re.sub(r"[^-A-Za-z0-9]", "", library.package.author).lstrip("-")[:MOST_NAME_CHARACTERS]
    return name if len(name) > 1 else "edgecomp"


def _conditions(library: Library) -> Mapping[str, tuple[Mapping[str, str], ...]]:
    """Instruction set -> processors, one of which a device must have."""
    foreign = sorted(set(library.instruction_sets) - CORES.keys())
    if foreign:
        raise ExportError(
            f"CMSIS packs are for Arm cores, and the kernels for {library.plan.target.name} ({', '.join(foreign)}) do not run there: "
            f"give a Cortex-M board with --target, or --target host for portable C"
        )
    return {isa: CORES[isa] for isa in library.instruction_sets}


def archive(library: Library, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The .pack: a zip of all files. They are stored, not deflated, so that the bytes do not depend on zlib's version."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as pack:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.create_system = 3  # Unix, on every system
            entry.external_attr = _REGULAR_FILE_MODE << 16
            pack.writestr(entry, content)
    return {f"{vendor(library)}.{library.prefix}.{library.package.version}.pack": stream.getvalue()}


FORMAT = Format("an Open-CMSIS-Pack (.pdsc and .pack)", arrange, archive)
