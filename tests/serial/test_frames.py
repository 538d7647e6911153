"""Frames: what is encoded is decoded, from any pieces, behind any noise; damage never makes a frame."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.run.serial.frames import LONGEST_PAYLOAD_BYTES, OVERHEAD_BYTES, SYNC, Frame, FrameDecoder, encode

frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 0xFFFF), st.binary(max_size=60))
noise = st.binary(max_size=30).filter(lambda data: SYNC[:1] not in data)
exact = settings(derandomize=True, max_examples=200, deadline=None)


def test_a_frame_is_as_the_document_says() -> None:
    data = encode(Frame(5, 0x1234, b"ab"))
    body = bytes([2, 0, 0x34, 0x12, 5])
    body += bytes([zlib.crc32(body) & 0xFF]) + b"ab"
    assert data == b"\xec\x5e" + body + zlib.crc32(body).to_bytes(4, "little")
    assert len(data) == OVERHEAD_BYTES + 2


def test_a_payload_has_its_limit() -> None:
    longest = Frame(1, 1, bytes(LONGEST_PAYLOAD_BYTES))
    assert FrameDecoder().feed(encode(longest)) == [longest]
    with pytest.raises(ValueError, match="65536 bytes; at most 65535"):
        encode(Frame(1, 1, bytes(LONGEST_PAYLOAD_BYTES + 1)))


@exact
@given(st.lists(st.tuples(noise, frames), max_size=6), st.integers(1, 20))
def test_frames_come_back_from_any_pieces_with_noise_between(parts: list[tuple[bytes, Frame]], piece: int) -> None:
    stream = b"".join(before + encode(frame) for before, frame in parts)
    decoder = FrameDecoder()
    found = [frame for start in range(0, len(stream), piece) for frame in decoder.feed(stream[start : start + piece])]
    assert found == [frame for _, frame in parts]
    assert decoder.passed_over_bytes == sum(len(before) for before, _ in parts)


@exact
@given(frames, frames, st.data())
def test_a_cut_frame_does_not_take_the_next_with_it(cut: Frame, whole: Frame, data: st.DataObject) -> None:
    broken = encode(cut)[: data.draw(st.integers(0, len(encode(cut)) - 1))]
    decoder = FrameDecoder()
    found = decoder.feed(broken + encode(whole))
    while not found and decoder.missing_bytes < LONGEST_PAYLOAD_BYTES and (more := decoder.give_up_partial()) is not None:
        found = more
        if decoder.missing_bytes == OVERHEAD_BYTES:
            break
    assert whole in found


@exact
@given(frames, st.data())
def test_a_damaged_frame_is_none(frame: Frame, data: st.DataObject) -> None:
    damaged = bytearray(encode(frame))
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= data.draw(st.integers(1, 255))
    decoder = FrameDecoder()
    assert decoder.feed(bytes(damaged)) + decoder.give_up_partial() == []


@exact
@given(st.binary(max_size=300))
def test_nothing_breaks_the_decoder(data: bytes) -> None:
    decoder = FrameDecoder()
    found = decoder.feed(data)
    assert decoder.missing_bytes >= 1
    assert sum(len(frame.payload) + OVERHEAD_BYTES for frame in found) <= len(data)
    for _ in data:
        decoder.give_up_partial()
    assert decoder.feed(encode(Frame(1, 2, b"x"))) == [Frame(1, 2, b"x")]
