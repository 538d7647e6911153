"""Programs that are started and waited for; whatever ends us ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecomp.errors import ToolError


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect at the end of the block, so that a program that was started is also known to whoever ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for came in dict.fromkeys(received):
            signal.raise_signal(came)


class ProcessGroup:
    """Programs that run side by side, in threads; `end` ends them all, and none starts after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def call(self, command: Sequence[str], cwd: Path | None = None, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, in English, without input.

        Raises:
            ToolError: it took longer than `timeout_s`, or the group was ended before.
            OSError: it cannot be started.
        """
        process = self._start(command, cwd)
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ToolError(f"{Path(command[0]).name} took longer than {timeout_s:.0f} s and was ended") from None
        finally:
            _kill(process)  # nothing to do where it has ended
            with self._lock:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def end(self) -> None:
        """End all programs, with what they have started."""
        with self._lock:
            self._ended = True
            for process in self._running:
                _kill(process)

    def _start(self, command: Sequence[str], cwd: Path | None) -> subprocess.Popen[str]:
        with self._lock:
            if self._ended:
                raise ToolError(f"{Path(command[0]).name} was not started: the work was ended")
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that it can be ended with its children, and Ctrl-C reaches us alone
            )
            self._running.add(process)
        return process


def call(command: Sequence[str], cwd: Path | None = None, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run one program to its end; see `ProcessGroup.call`."""
    return ProcessGroup().call(command, cwd, timeout_s)


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
