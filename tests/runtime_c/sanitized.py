"""Writes a C program that runs drawn cases on exactly sized heap buffers, for the address and undefined-behaviour sanitizers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from edgecomp.qgraph import parameters
from tests.runtime_c.drawn import CASES, Case
from tests.runtime_c.native import scratch_bytes

LARGEST_INPUT = 4000  # elements; longer ones only make the program's text long
_MAIN = """
static int8_t *heap_copy(const int8_t *values, size_t count) {
    int8_t *copy = malloc(count); /* exactly as long, so that one step outside is seen */
    if (copy == NULL) { exit(2); }
    memcpy(copy, values, count);
    return copy;
}

static int failures = 0;

static void compare(const char *name, const int8_t *found, const int8_t *expected, size_t count) {
    if (memcmp(found, expected, count) != 0) {
        printf("%s differs\\n", name);
        failures++;
    }
}
"""


def drawn_cases(kernel: str, count: int) -> list[Case]:
    """The first `count` cases of a kernel's strategy, always the same."""
    cases: list[Case] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(CASES[kernel])
    def collect(case: Case) -> None:
        if all(x.size <= LARGEST_INPUT for x in case.inputs):
            cases.append(case)

    collect()
    return cases


def _array(c_type: str, name: str, values: Iterable[int]) -> str:
    return f"static const {c_type} {name}[] = {{{', '.join(str(int(v)) if v > -(2**31) else 'INT32_MIN' for v in values)}}};"


def _case_text(name: str, case: Case) -> tuple[str, str]:
    """Constants, and the statements that run one case."""
    op = case.op
    expected = op.evaluate(*(x[None] for x in case.inputs))[0]
    constants = [_array("int8_t", f"{name}_input{i}", x) for i, x in enumerate(case.inputs)]
    constants.append(_array("int8_t", f"{name}_expected", expected))
    members = []
    for item, ctype in parameters(type(op)).items():
        value = getattr(op, item)
        if ctype.pointer:
            constants.append(_array(ctype.name, f"{name}_{item}", np.asarray(value).reshape(-1)))
            members.append(f".{item} = {name}_{item}")
        else:
            members.append(f".{item} = " + (f"{{{', '.join(map(str, value))}}}" if ctype.length else str(int(value))))
    constants.append(f"static const ec_{op.kernel}_params {name}_params = {{{', '.join(members)}}};")
    return "\n".join(constants), _statements(name, case, expected.size)


def _statements(name: str, case: Case, output_size: int) -> str:
    op, inputs = case.op, [f"input{i}" for i in range(len(case.inputs))]
    lines = [f"int8_t *input{i} = heap_copy({name}_input{i}, {x.size});" for i, x in enumerate(case.inputs)]
    lines += [f"int8_t *output = malloc({output_size});", "if (output == NULL) { exit(2); }"]
    arguments = ", ".join(inputs)
    if op.variadic:
        lines.append(f"const int8_t *const list[] = {{{arguments}}};")
        arguments = "list"
    working = scratch_bytes(op)
    if working:
        lines += [f"int8_t *scratch = malloc({working});", "if (scratch == NULL) { exit(2); }"]
    tail = (", scratch" if working else ", NULL") if op.takes_scratch else ""
    lines.append(f"ec_{op.kernel}(&{name}_params, {arguments}, output{tail});")
    lines.append(f'compare("{name}", output, {name}_expected, {output_size});')
    if op.in_place:
        same_size = [i for i, x in enumerate(case.inputs) if x.size == output_size and i >= op.in_place_from]
        for i in same_size[:1]:
            lines.append(f"ec_{op.kernel}(&{name}_params, {arguments}, {inputs[i]}{tail});")
            lines.append(f'compare("{name} in place", {inputs[i]}, {name}_expected, {output_size});')
    lines += [f"free({each});" for each in (*inputs, "output", *(["scratch"] if working else []))]
    return "    {\n" + "\n".join(f"        {line}" for line in lines) + "\n    }"


def program(kernels: Iterable[str], cases_each: int) -> tuple[str, int]:
    """The program's text and how many cases it runs; it prints every case that differs and returns 1 if any does."""
    kernels = sorted(kernels)
    texts = [_case_text(f"{kernel}_{index}", case) for kernel in kernels for index, case in enumerate(drawn_cases(kernel, cases_each))]
    includes = ["<stdio.h>", "<stdlib.h>", "<string.h>", *(f'"ec_{kernel}.h"' for kernel in kernels)]
    head = "\n".join(f"#include {name}" for name in includes)
    body = "\n".join(statements for _, statements in texts)
    constants = "\n".join(constants for constants, _ in texts)
    return f"{head}\n{_MAIN}\n{constants}\n\nint main(void) {{\n{body}\n    return failures != 0;\n}}\n", len(texts)
