"""What the README says is true: its commands run, its program compiles, its tables list what there is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from edgecomp.ops import OPERATORS
from edgecomp.target import list_targets, load_target

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
SNIPPET = """#include <string.h>
{snippet_include}
extern const int8_t image[DIGITS_INPUT_BYTES];
const int8_t *classify(void);
{arena}
const int8_t *classify(void) {{
{body}
    return NULL;
}}
"""


def blocks(language: str) -> list[str]:
    """The fenced code blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def operator_table() -> str:
    """Operators with equal limits in one row."""
    rows = defaultdict(list)
    for name, kind in sorted(OPERATORS.items()):
        rows[kind.limits].append(name)
    lines = [f"| {', '.join(names)} | {limits} |" for limits, names in sorted(rows.items(), key=lambda row: row[1])]
    return "\n".join(["| operators | limits |", "|---|---|", *lines])


def board_table() -> str:
    """All boards."""
    boards = [load_target(name) for name in list_targets()]
    rows = [f"| `{b.name}` | {b.core} | {b.description} | {b.counter} | {b.verified} |" for b in boards]
    return "\n".join(["| board | core | what | counts | verified |", "|---|---|---|---|---|", *rows])


def run(script: str, directory: Path) -> str:
    """Run a shell script where a reader would: with the examples at hand and edgecomp on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", script], cwd=directory, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("readme")
    (directory / "examples").symlink_to(ROOT / "examples")
    return directory


def test_the_commands_run_and_the_program_compiles(workplace: Path) -> None:
    if shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("qemu-system-arm or arm-none-eabi-gcc is not installed")
    example, library = (block for block in blocks("sh") if "edgecomp " in block)
    report = run(example, workplace)
    assert "bit-exact" in report and "yes" in report
    (python,) = (block for block in blocks("python") if "edgecomp.load" in block)
    (workplace / "example.py").write_text(python)
    accuracy, equal = run("python example.py", workplace).split()
    assert float(accuracy) >= 0.97 and equal == "True"
    run(library, workplace)
    (snippet,) = blocks("c")
    include, arena, body = re.fullmatch(r"(#include .*?\n)\n(static .*?\n)\n(.*)", snippet, re.DOTALL).groups()  # type: ignore[union-attr]
    body = body.replace("const int8_t *scores =", "return")
    (workplace / "snippet.c").write_text(SNIPPET.format(snippet_include=include, arena=arena, body=body))
    flags = "-std=c11 -Wall -Wextra -Wconversion -Wshadow -pedantic -Werror -I digits_c -I digits_c/include"
    run(f"cc {flags} -c snippet.c -o snippet.o", workplace)


def test_the_example_program_builds_with_cmake(workplace: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("cc") is None:
        pytest.skip("cmake or a C compiler is not installed")
    script = """
        edgecomp data digits --split train -o train.npz
        edgecomp generate examples/digits/digits.onnx --target host --data train.npz --layout nhwc --std 16 -o model_c
        cmake -S examples/digits/firmware -B program -D MODEL=$PWD/model_c
        cmake --build program
        program/classify
    """
    assert "digit 0" in run(script, workplace)


def test_the_operator_table_is_the_registry() -> None:
    assert operator_table() in README, f"put this into README.md:\n{operator_table()}"


def test_the_board_table_is_the_registry() -> None:
    assert board_table() in README, f"put this into README.md:\n{board_table()}"


def test_files_that_the_pages_link_to_exist() -> None:
    for page in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/report.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page} links to {link}"
