"""Where training stands, kept in a file after each epoch, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgecomp.artifacts import write_atomically


class Checkpoint:
    """One file. `key` names the work (a hash of the network, the data and the plan): what another work left is not taken up."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None where there is nothing, it is damaged, or it belongs to other work."""
        import torch

        try:
            found = torch.load(self.path, weights_only=True)
        except Exception:  # no file, half a file of another program, an older form: all the same, the work starts anew
            return None
        state: dict[str, Any] | None = found["state"] if isinstance(found, dict) and found.get("key") == self.key else None
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep a state (tensors, numbers, lists, dictionaries), wholly or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        import torch

        buffer = io.BytesIO()
        torch.save({"key": self.key, "state": dict(state)}, buffer)
        write_atomically(self.path, buffer.getvalue())
