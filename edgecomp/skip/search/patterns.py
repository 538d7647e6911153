"""Patterns of a patch: which positions are always computed, as numbers whose bit y * patch + x stands for a position."""

from __future__ import annotations

from pathlib import Path

from edgecomp.errors import DataError

PATCHES = (2, 3, 4)


def diagonal(patch: int) -> int:
    """The main diagonal (Shomron and Weiser, section 3)."""
    return sum(1 << place * (patch + 1) for place in range(patch))


def all_patterns(patch: int, ones: tuple[int, int] | None = None) -> tuple[int, ...]:
    """All 2^(patch * patch) - 2 patterns that compute something and leave something out, or those whose number of ones is in a range."""
    low, high = ones or (1, patch * patch - 1)
    if not 1 <= low <= high <= patch * patch - 1:
        raise DataError(f"--ones-range {low}:{high}: must lie in 1:{patch * patch - 1} for patches of {patch}x{patch}")
    return tuple(pattern for pattern in range(1, (1 << patch * patch) - 1) if low <= pattern.bit_count() <= high)


def parse_patterns(text: str, patch: int) -> tuple[int, ...]:
    """Patterns from `diagonal`, a list separated by commas, or a file with one a line.

    A pattern is its rows of 0 and 1 from the top, with '/' between them or nothing, or its number: "10/01", "1001" and "9" are the
    diagonal of 2x2.

    Raises:
        DataError: one is not of that form, or is degenerate.
    """
    if text == "diagonal":
        return (diagonal(patch),)
    path = Path(text)
    lines = path.read_text().splitlines() if path.is_file() else text.split(",")
    words = [word.strip() for word in lines if word.strip() and not word.lstrip().startswith("#")]
    found = tuple(dict.fromkeys(_pattern(word, patch) for word in words))
    if not found:
        raise DataError(f"--patterns {text}: names no pattern; give `diagonal`, a list such as 10/01,01/10, or a file with one a line")
    return found


def pattern_text(pattern: int, patch: int) -> str:
    """Rows of 0 and 1 from the top, separated by '/'."""
    return "/".join("".join(str(pattern >> row * patch + column & 1) for column in range(patch)) for row in range(patch))


def _pattern(word: str, patch: int) -> int:
    is_bare = len(word) == patch * patch and not set(word) - {"0", "1"}
    rows = [word[start : start + patch] for start in range(0, len(word), patch)] if is_bare else word.split("/")
    if len(rows) > 1:
        if len(rows) != patch or any(len(row) != patch or set(row) - {"0", "1"} for row in rows):
            raise DataError(f"--patterns {word}: for patches of {patch}x{patch} give {patch} rows of {patch} digits 0 or 1")
        pattern = sum(1 << row * patch + column for row in range(patch) for column in range(patch) if rows[row][column] == "1")
    elif word.isdigit():
        pattern = int(word)
    else:
        raise DataError(f"--patterns {word}: is neither a file, a number nor rows of 0 and 1 such as 10/01")
    if not 0 < pattern < (1 << patch * patch) - 1:
        raise DataError(f"--patterns {word}: computes nothing or everything; a pattern leaves something out and computes something")
    return pattern
