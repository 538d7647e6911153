"""No kernel reads or writes outside its buffers, overflows, or relies on undefined behaviour."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgecomp.paths import runtime_dir
from edgecomp.qops import QOPS
from tests.runtime_c.native import SOURCES
from tests.runtime_c.sanitized import program

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1"]


def _build(compiler: str, text: str, folder: Path, extra: list[Path]) -> subprocess.CompletedProcess[str]:
    (folder / "program.c").write_text(text, encoding="utf-8")
    command = [compiler, "-std=c11", *SANITIZE, f"-I{runtime_dir() / 'include'}", "program.c", *extra, "-o", "program"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def sanitizing_compiler(compiler: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The host's compiler, if it links the sanitizers."""
    done = _build(compiler, "int main(void) { return 0; }\n", tmp_path_factory.mktemp("sanitizers"), [])
    if done.returncode:
        pytest.skip(f"{compiler} cannot link the sanitizers here: {done.stderr.strip()[-200:]}")
    return compiler


def _run(compiler: str, text: str, folder: Path, extra: list[Path]) -> subprocess.CompletedProcess[str]:
    built = _build(compiler, text, folder, extra)
    assert built.returncode == 0, built.stderr[:4000]
    return subprocess.run([folder / "program"], capture_output=True, text=True, timeout=120, check=False)


def test_drawn_cases_run_clean(sanitizing_compiler: str, tmp_path: Path) -> None:
    text, count = program(QOPS, cases_each=25)
    assert count > 15 * len(QOPS)
    done = _run(sanitizing_compiler, text, tmp_path, SOURCES)
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


@pytest.mark.parametrize(
    "defect",
    [
        "#include <stdlib.h>\nint main(int n, char **v) { (void)v; volatile char *p = malloc((size_t)n); return p[n]; }\n",
        "int main(int n, char **v) { (void)v; volatile int big = 0x7fffffff; big += n; return 0; }\n",
    ],
    ids=["a read past a buffer", "a signed overflow"],
)
def test_the_sanitizers_would_see(defect: str, sanitizing_compiler: str, tmp_path: Path) -> None:
    assert _run(sanitizing_compiler, defect, tmp_path, []).returncode != 0
