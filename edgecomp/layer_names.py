"""Names of layers for people: without the folders that all of them lie in."""

from __future__ import annotations

from collections.abc import Sequence


def shortened(names: Sequence[str]) -> tuple[str, ...]:
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
