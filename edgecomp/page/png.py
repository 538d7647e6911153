"""Pictures as PNG data addresses, so that a page needs no other file (RFC 2083, RFC 2397)."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from edgecomp.graph import Array

ANCHORS = ((14, 20, 48), (29, 72, 118), (38, 136, 134), (132, 190, 104), (250, 232, 140))
"""Colours of a map from low to high, evenly spaced; lightness rises all along."""
GREY, RGB, PALETTE = 0, 2, 3


def picture_address(pixels: Array) -> str:
    """`pixels` uint8 [height, width, 1 or 3] as they are."""
    return _address(pixels, GREY if pixels.shape[2] == 1 else RGB)


def map_address(levels: Array) -> str:
    """`levels` uint8 [height, width] in the colours of ANCHORS."""
    return _address(levels[..., None], PALETTE, _chunk(b"PLTE", _ramp().tobytes()))


def _ramp() -> Array:
    steps = np.linspace(0, len(ANCHORS) - 1, 256)
    channels = [np.interp(steps, range(len(ANCHORS)), [anchor[channel] for anchor in ANCHORS]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def _address(pixels: Array, colour: int, palette: bytes = b"") -> str:
    height, width = pixels.shape[:2]
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    lines = np.zeros((height, 1 + pixels[0].size), np.uint8)  # each line begins with its filter, none
    lines[:, 1:] = pixels.reshape(height, -1)
    content = b"\x89PNG\r\n\x1a\n" + header + palette + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)) + _chunk(b"IEND", b"")
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
