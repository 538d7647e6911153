"""The harness's files and the cutting of samples into batches."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecomp.errors import RunError
from edgecomp.run import batches, harness_files


@given(samples=st.integers(1, 500), first=st.integers(1, 600), cores=st.integers(1, 16))
def test_batches_cover_every_sample_once(samples: int, first: int, cores: int) -> None:
    parts = batches._cut(samples, first, cores)
    assert parts[0] == (0, min(samples, first))
    assert [index for start, stop in parts for index in range(start, stop)] == list(range(samples))
    assert len(parts) <= cores + 1
    rest = [stop - start for start, stop in parts[1:]]
    assert not rest or max(rest) - min(rest) <= 1


def test_the_first_sample_is_rehearsed(tmp_path: Path) -> None:
    samples = np.arange(6, dtype=np.uint8).reshape(3, 2)
    harness_files.write_input(tmp_path, samples, rehearse=True, trace=True)
    raw = (tmp_path / "input.bin").read_bytes()
    assert struct.unpack("<4s3I", raw[:16]) == (b"ECC1", 1, 2, 3)
    assert raw[16:] == bytes([0, 1, 0, 1, 0, 1, 2, 3, 4, 5])


def test_outputs_done_counts_whole_samples(tmp_path: Path) -> None:
    assert harness_files.outputs_done(tmp_path, 4) == 0
    (tmp_path / "output.bin").write_bytes(bytes(11))
    assert harness_files.outputs_done(tmp_path, 4) == 2


def test_stats_are_read(tmp_path: Path) -> None:
    (tmp_path / "stats.txt").write_text("samples=3\nstack_bytes=120\n")
    assert harness_files.read_stats(tmp_path) == {"samples": 3, "stack_bytes": 120}


@pytest.mark.parametrize("text", [None, "stack_bytes=many\n", "nonsense\n"])
def test_missing_or_broken_stats_are_an_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "stats.txt").write_text(text)
    with pytest.raises(RunError, match=r"without a valid stats\.txt"):
        harness_files.read_stats(tmp_path)


def record(layer: int, data: bytes) -> bytes:
    return struct.pack("<II", layer, len(data)) + data


def test_a_trace_is_read_by_layer(tmp_path: Path) -> None:
    raw = record(0, b"ab") + record(1, b"x") + record(0, b"cd") + record(1, b"y")
    (tmp_path / "trace.bin").write_bytes(raw)
    first, second = harness_files.read_trace(tmp_path, samples=2, layers=2)
    assert first.tobytes() == b"abcd"
    assert second.tolist() == [[ord("x")], [ord("y")]]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (record(0, b"ab"), "ends after 1 layer outputs"),
        (record(0, b"ab") + record(0, b"ab"), "reported layer 0 where layer 1"),
        (record(0, b"ab") + record(1, b"x") + record(2, b"y"), "out of form"),
        (record(0, b"ab") + struct.pack("<II", 1, 900) + b"x", "out of form"),
    ],
)
def test_a_broken_trace_is_an_error(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "trace.bin").write_bytes(raw)
    with pytest.raises(RunError, match=message):
        harness_files.read_trace(tmp_path, samples=1, layers=2)
