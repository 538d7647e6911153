"""A limit as people write it: `+2%`, `+500`, `+4KiB` beside the baseline, or `300000`, `64KiB` for themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from edgecomp.errors import DataError

_FORM: Final = re.compile(r"([+-]?)(\d[\d_,]*(?:\.\d+)?)\s*(%|[kKMG]i?B?|B)?")
_FACTORS: Final = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
FORMS: Final = "+2%, +500 or +4KiB more than the baseline; -5% less than it; 300000, 1.5M or 64KiB whatever the baseline"


@dataclass(frozen=True)
class Limit:
    """The most that is allowed: a part of the baseline more (`percent`), an amount more (`difference`), or an amount (`value`)."""

    text: str
    kind: str
    amount: Fraction

    @property
    def relative(self) -> bool:
        """Whether it needs a baseline."""
        return self.kind != "value"

    def most(self, baseline: int) -> Fraction:
        """The greatest value allowed beside this baseline."""
        if self.kind == "percent":
            return baseline * (1 + self.amount / 100)
        return baseline + self.amount if self.kind == "difference" else self.amount


def parse_limit(text: str | int) -> Limit:
    """Read a limit; a bare int is a value.

    Raises:
        DataError: it is of none of the forms.
    """
    written = str(text).strip()
    found = _FORM.fullmatch(written)
    if not found:
        raise DataError(f"limit {written!r} is not understood: write {FORMS}")
    sign, digits, unit = found[1], found[2].replace(",", "").replace("_", ""), found[3] or ""
    amount = Fraction(digits) * (-1 if sign == "-" else 1)
    if unit == "%":
        if not sign:
            raise DataError(f"limit {written!r} may mean two things: write +{written} for that much more than the baseline")
        return Limit(written, "percent", amount)
    factor = _FACTORS[unit.removesuffix("B")]
    return Limit(written, "difference" if sign else "value", amount * factor)
