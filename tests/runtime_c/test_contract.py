"""Python and C say the same: fields, order, C types and signatures; every operator has a header and a portable kernel."""

from __future__ import annotations

import re

import pytest

from edgecomp.paths import runtime_dir
from edgecomp.qgraph import CType, parameters
from edgecomp.qops import QOPS, Conv2D

INCLUDE = runtime_dir() / "include"
PORTABLE = runtime_dir() / "src" / "portable"
_MEMBER = re.compile(r"^(const )?(\w+) (\*?)(\w+)(?:\[(\d+)\])?$")


def _without_comments(kernel: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (INCLUDE / f"ec_{kernel}.h").read_text(encoding="utf-8"), flags=re.DOTALL)


def _struct_members(kernel: str) -> list[tuple[str, CType]]:
    body = re.search(rf"typedef struct \{{(.*?)\}} ec_{kernel}_params;", _without_comments(kernel), re.DOTALL)
    assert body, f"ec_{kernel}.h has no struct ec_{kernel}_params"
    members = []
    for line in filter(None, (" ".join(text.split()) for text in body[1].split(";"))):
        parsed = _MEMBER.match(line)
        assert parsed, f"ec_{kernel}.h: cannot read member {line!r}"
        constant, name, star, member, length = parsed.groups()
        assert bool(constant) == bool(star), f"ec_{kernel}.h: {member} must be a constant array or a plain value"
        members.append((member, CType(name, int(length or 0), bool(star))))
    return members


@pytest.mark.parametrize("kernel", sorted(QOPS))
def test_struct_members_are_the_fields_in_order(kernel: str) -> None:
    assert _struct_members(kernel) == list(parameters(QOPS[kernel]).items())


@pytest.mark.parametrize("kernel", sorted(QOPS))
def test_signature_follows_from_the_operator(kernel: str) -> None:
    kind = QOPS[kernel]
    found = re.search(rf"void ec_{kernel}\((.*?)\);", _without_comments(kernel), re.DOTALL)
    assert found, f"ec_{kernel}.h does not declare ec_{kernel}"
    types = [re.sub(r"\w+$", "", " ".join(argument.split())).strip() for argument in found[1].split(",")]
    inputs = ["const int8_t *const *"] if kind.variadic else ["const int8_t *"] * kind.arity
    assert types == [f"const ec_{kernel}_params *", *inputs, "int8_t *", *(["void *"] if kind.takes_scratch else [])]


@pytest.mark.parametrize("kernel", sorted(name for name, kind in QOPS.items() if issubclass(kind, Conv2D) and kind is not Conv2D))
def test_fused_structs_begin_with_the_convolution(kernel: str) -> None:
    """`ec_conv2d_rows_begin` copies that much."""
    members = _struct_members("conv2d_s8")
    assert _struct_members(kernel)[: len(members)] == members


def test_every_operator_has_a_header_and_a_portable_kernel_and_nothing_else_is_there() -> None:
    expected = {f"ec_{kernel}" for kernel in QOPS}
    assert {path.stem for path in INCLUDE.glob("ec_*_s8.h")} == expected
    assert {path.stem for path in PORTABLE.glob("*.c")} == expected


def test_every_header_is_guarded_by_its_name_and_opens_with_it() -> None:
    for path in INCLUDE.glob("*.h"):
        lines = path.read_text(encoding="utf-8").splitlines()
        guard = path.name.upper().replace(".", "_")
        assert lines[0].startswith(f"/* {path.name} - "), path.name
        assert f"#ifndef {guard}" in lines, path.name
        assert f"#define {guard}" in lines, path.name


def test_the_readme_lists_every_kernel() -> None:
    readme = (runtime_dir() / "README.md").read_text(encoding="utf-8")
    missing = [kernel for kernel in QOPS if f"`{kernel}`" not in readme]
    assert not missing
