"""PyTorch is imported with threads that sleep, and where it is missing the extra is named."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgecomp.errors import ToolError
from edgecomp.train.installation import WAITING, require_torch


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolError, match=r"pip install 'edgecomp\[train\]'"):
        require_torch()


def test_the_environment_stays_and_the_packages_import_no_torch() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")
    script = (
        "import os, sys; import edgecomp.skip.finetune, edgecomp.train.loop; assert 'torch' not in sys.modules;"
        "from edgecomp.train.installation import require_torch; require_torch();"
        f"print(os.environ.get('{WAITING}'), 'torch' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != WAITING}
    for given, left in (({}, "None True"), ({WAITING: "ACTIVE"}, "ACTIVE True")):
        command = [sys.executable, "-c", script]
        ran = subprocess.run(command, env={**environment, **given}, capture_output=True, text=True, timeout=120)
        assert ran.stdout.strip() == left, ran.stderr
