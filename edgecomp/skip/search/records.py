"""Every trial of a search in a file, so that a search that was broken off resumes where it stood, and can be read afterwards.

JSON lines, only ever appended. The first line identifies network, data and settings; a last line that was cut is dropped. A search is
deterministic, so one that runs again asks the same trials in the same order and finds the first of them here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgecomp.errors import DataError, OutputError
from edgecomp.skip.evaluator import Outcome

SCHEMA = "edgecomp.skip-records/1"


class Records:
    """Outcomes by what was asked. Without a path they are kept for the time of the search only."""

    def __init__(self, path: str | os.PathLike[str] | None, identity: Mapping[str, Any]) -> None:
        """Read what is there, and make ready to append.

        Raises:
            DataError: the file belongs to another search.
            OutputError: it cannot be written.
        """
        self._outcomes: dict[str, Outcome] = {}
        self.path = None if path is None else Path(path)
        self.found = 0
        if self.path is None:
            return
        header = {"schema": SCHEMA, **json.loads(json.dumps(identity))}
        try:
            is_new = self._read(header)
            self._stream = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read or written: {error.strerror}") from error
        if is_new:
            self._append(header)

    def _read(self, header: Mapping[str, Any]) -> bool:
        """Take in the lines of the file; whether there was none. What follows the last whole line is cut off."""
        assert self.path is not None
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self.path.open("r+b") as stream:
                stream.truncate(len(whole))
        lines = whole.decode("utf-8", "replace").splitlines()
        if not lines:
            return True
        try:
            documents = [json.loads(line) for line in lines]
        except ValueError as error:
            raise DataError(f"{self.path}: is not a file of records ({error}): give another name, or remove it") from error
        if documents[0] != header:
            differ = [key for key in header if documents[0].get(key) != header[key]]
            raise DataError(
                f"{self.path}: holds the records of another search ({', '.join(differ)} differ): give another file, or remove it"
            )
        for document in documents[1:]:
            if "key" in document:
                self._outcomes[document["key"]] = _outcome(document)
                self.found += 1
        return False

    def get(self, key: str) -> Outcome | None:
        """The outcome of a trial asked before, or None."""
        return self._outcomes.get(key)

    def put(self, key: str, outcome: Outcome, stage: str, about: Mapping[str, Any]) -> None:
        """Keep an outcome; `stage` is the pass that asked, `about` what it was, for a reader."""
        self._outcomes[key] = outcome
        document = {
            "pass": stage,
            **about,
            "key": key,
            "samples": outcome.samples,
            "lost": outcome.lost,
            "gained": outcome.gained,
            "divergence": outcome.divergence,
            "zeros": outcome.zeros.tolist(),
            "skipped": outcome.skipped.tolist(),
            "stopped": outcome.stopped,
        }
        self._append(document)

    def note(self, stage: str, about: Mapping[str, Any]) -> None:
        """Keep what a pass decided without a trial, for a reader; what was noted before is not noted again."""
        self._append({"pass": stage, **about})

    def _append(self, document: Mapping[str, Any]) -> None:
        if self.path is not None:
            self._stream.write(json.dumps(document) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        if self.path is not None:
            self._stream.close()


def _outcome(document: Mapping[str, Any]) -> Outcome:
    counts = (document["samples"], document["lost"], document["gained"], document["divergence"])
    return Outcome(*counts, np.array(document["zeros"]), np.array(document["skipped"]), document["stopped"])
