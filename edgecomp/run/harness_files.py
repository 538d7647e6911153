"""The files `targets/common/harness.c` reads and writes; formats are described there."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from edgecomp.errors import RunError
from edgecomp.run.request import Bytes

INPUT_FILE: Final = "input.bin"
OUTPUT_FILE: Final = "output.bin"
TRACE_FILE: Final = "trace.bin"
STATS_FILE: Final = "stats.txt"
REHEARSALS: Final = 2
"""Runs of the first sample that measure memory, with two colours of paint."""

_HEADER_MAGIC: Final = 0x31434345
_FLAG_TRACE: Final = 1


def write_input(folder: Path, samples: Bytes, *, rehearse: bool, trace: bool) -> None:
    """Write input.bin for `samples` [N, input_bytes]."""
    rehearsals = REHEARSALS if rehearse else 0
    with (folder / INPUT_FILE).open("wb") as file:
        file.write(struct.pack("<4I", _HEADER_MAGIC, _FLAG_TRACE if trace else 0, rehearsals, len(samples)))
        file.write(samples[:1].tobytes() * rehearsals)
        file.write(samples.tobytes())


def outputs_done(folder: Path, output_bytes: int) -> int:
    """Samples whose outputs are in output.bin so far."""
    try:
        return (folder / OUTPUT_FILE).stat().st_size // max(1, output_bytes)
    except FileNotFoundError:
        return 0


def read_outputs(folder: Path, samples: int, output_bytes: int) -> Bytes:
    """Outputs as [N, output_bytes].

    Raises:
        RunError: another number of bytes was written.
    """
    raw = np.frombuffer(_read(folder / OUTPUT_FILE), dtype=np.uint8)
    if raw.size != samples * output_bytes:
        raise RunError(f"the firmware answered {raw.size} bytes for {samples} samples; {samples * output_bytes} were expected")
    return raw.reshape(samples, output_bytes)


def read_stats(folder: Path) -> Mapping[str, int]:
    """Key and value of each line of stats.txt.

    Raises:
        RunError: the file is missing or out of form.
    """
    try:
        lines = (folder / STATS_FILE).read_text(encoding="ascii").splitlines()
        return {key: int(value) for key, _, value in (line.partition("=") for line in lines)}
    except (OSError, ValueError) as error:
        raise RunError(f"the firmware ended without a valid {STATS_FILE}: {error}") from error


def read_trace(folder: Path, samples: int, layers: int) -> tuple[Bytes, ...]:
    """Output of every layer as [N, bytes].

    Raises:
        RunError: the model did not report each layer once a sample, in order and with equal sizes.
    """
    raw = _read(folder / TRACE_FILE)
    rows: list[list[Bytes]] = [[] for _ in range(layers)]
    offset = 0
    for number in range(samples * layers):
        if offset + 8 > len(raw):
            raise RunError(f"{TRACE_FILE} ends after {number} layer outputs; {samples} samples of {layers} layers were expected")
        layer, size = struct.unpack_from("<II", raw, offset)
        if layer != number % layers:
            raise RunError(f"the model reported layer {layer} where layer {number % layers} was expected")
        rows[layer].append(np.frombuffer(raw, np.uint8, min(size, len(raw) - offset - 8), offset + 8))
        offset += 8 + size
    if offset != len(raw) or any(len({row.size for row in layer_rows}) > 1 for layer_rows in rows):
        raise RunError(f"{TRACE_FILE} is out of form: the model reported more layers than {layers}, or sizes that change")
    return tuple(np.stack(layer_rows) for layer_rows in rows)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RunError(f"the firmware left no {file.name}: {error.strerror}") from error
