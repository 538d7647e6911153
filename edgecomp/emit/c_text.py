"""Python values as C text, deterministic and warning-free."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import CType

LINE_COLUMNS = 118
C_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict "
    "return short signed sizeof static struct switch typedef union unsigned void volatile while main".split()
)
SYSTEM_HEADERS = frozenset(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbool stddef "
    "stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype".split()
)
"""A generated header of such a name would hide the compiler's own."""


def identifier(name: str) -> str:
    """A C identifier made of any name: lower case, never a keyword, never empty, never reserved, never a system header's name."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    taken = text in C_KEYWORDS or text in SYSTEM_HEADERS or keyword.iskeyword(text) or text.startswith("ec_")
    if not text or text[0].isdigit() or taken:
        text = f"model_{text}".rstrip("_")
    return text


def string_content(text: str) -> str:
    """What stands between the quotes of a C string; anything but plain ASCII becomes octal escapes, which end after three digits."""
    plain = []
    for byte in text.encode():
        character = chr(byte)
        plain.append(character if 32 <= byte < 127 and character not in '"\\?' else f"\\{byte:03o}")
    return "".join(plain)


def comment(text: str) -> str:
    """Text that cannot end the comment it stands in."""
    return re.sub(r"[^ -~]", "?", text).replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def integer(value: int) -> str:
    """An integer literal; INT32_MIN has no literal of its own."""
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(int(value))


def member(ctype: CType, value: object) -> str:
    """The initialiser of a struct member that is a number or a short array of numbers."""
    if ctype.length:
        assert isinstance(value, tuple)
        return "{" + ", ".join(integer(v) for v in value) + "}"
    assert isinstance(value, (int, np.integer))
    return integer(int(value))


def rows(values: Array) -> str:
    """All values of an array, comma separated, in lines of LINE_COLUMNS."""
    return wrapped(integer(v) for v in values.ravel().tolist())


def wrapped(words: Iterable[str]) -> str:
    """Literals, comma separated, in lines of LINE_COLUMNS."""
    lines: list[str] = []
    line: list[str] = []
    used = 4
    for word in words:
        if line and used + len(word) + 2 > LINE_COLUMNS:
            lines.append("    " + ", ".join(line) + ",")
            line, used = [], 4
        line.append(word)
        used += len(word) + 2
    lines.append("    " + ", ".join(line))
    return "\n".join(lines)
