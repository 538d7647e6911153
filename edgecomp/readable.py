"""Numbers and names as people read them."""

from __future__ import annotations

from collections.abc import Sequence

MISSING = "\N{EN DASH}"


def count(value: float | None) -> str:
    """12,345; a dash for None."""
    return MISSING if value is None else f"{value:,.0f}"


def compact(value: float | None) -> str:
    """12.3 M, 4.56 k; three digits."""
    if value is None:
        return MISSING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{_three_digits(value / size)} {unit}"
    return f"{value:,.0f}"


def size(value: float | None) -> str:
    """32.5 KiB; three digits."""
    if value is None:
        return MISSING
    for unit_bytes, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if abs(value) >= unit_bytes:
            return f"{_three_digits(value / unit_bytes)} {unit}"
    return f"{value:,.0f} B"


def ratio(value: float | None) -> str:
    """0.96; three digits."""
    return MISSING if value is None else _three_digits(value)


def percent(share: float | None, digits: int = 1) -> str:
    """12.3 % of a share 0..1."""
    return MISSING if share is None else f"{100 * share:.{digits}f} %"


def decibel(value: float | None) -> str:
    """34.6 dB."""
    return MISSING if value is None else f"{value:.1f} dB"


def signed(value: float) -> str:
    """+0.12."""
    return true_minus(f"{value:+.2f}")


def true_minus(text: str) -> str:
    """A hyphen in front of a number as the minus sign, which is as wide as a plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def short_layers(names: Sequence[str]) -> tuple[str, ...]:
    """`names` without the leading path that all that have one share: `model/a/Relu+model/b/Add` as `a/Relu+b/Add`."""
    parts = [part for name in names for part in name.split("+")]
    folders = [part.split("/")[:-1] for part in parts if "/" in part]
    common: list[str] = []
    for level in zip(*folders, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    prefix = "".join(f"{folder}/" for folder in common)
    return tuple("+".join(part.removeprefix(prefix) for part in name.split("+")) for name in names)


def short_kernel(kernel: str | None) -> str:
    """`ec_conv2d_s8_arm_dsp (arm_dsp)` as `conv2d arm_dsp`: the prefix, type and portable instruction set go without saying."""
    if not kernel:
        return ""
    symbol, _, isa = kernel.partition(" (")
    isa = isa.removesuffix(")")
    core = symbol.removeprefix("ec_").removesuffix(f"_{isa}").replace("_s8", "")
    return core if isa in ("", "portable") else f"{core} {isa}"


def _three_digits(value: float) -> str:
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:,.{digits}f}"
