"""The Makefile explains itself and installs what the boards say they need."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgecomp.target import list_targets, load_target

ROOT = Path(__file__).resolve().parents[2]


def test_make_alone_explains_every_target() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    done = subprocess.run(["make", "-C", ROOT, "--no-print-directory"], capture_output=True, text=True)
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    explained = {line.split()[0] for line in done.stdout.splitlines()[2:]}
    assert done.returncode == 0
    assert explained == set(targets) - {"tools"}  # a part of setup


@pytest.mark.parametrize("board", [name for name in list_targets() if name == "host" or name.startswith("qemu_")])
def test_set_up_installs_what_every_emulated_board_needs(board: str) -> None:
    target = load_target(board)
    makefile = (ROOT / "Makefile").read_text()
    for package in (*target.toolchain_debian_packages, target.emulator_debian_package):
        assert package in makefile
