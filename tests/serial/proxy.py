"""A line that goes wrong: stands between a host and a board, both TCP, and loses, damages, repeats, cuts and invents what passes."""

import random
import select
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from edgecomp.run.serial.frames import OVERHEAD_BYTES, SYNC, FrameDecoder


@dataclass(frozen=True)
class Faults:
    """Chances, a frame; `noise` that bytes come between two frames."""

    lost: float = 0.0
    damaged: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    """Repeated after the next frames."""
    cut: float = 0.0
    noise: float = 0.0

    @classmethod
    def evenly(cls, chance: float) -> "Faults":
        return cls(*[chance / 6] * 6)


class _Direction:
    """Bytes one way: whole frames are mangled, what lies between them passes."""

    def __init__(self, faults: Faults, seed: int, bytes_per_s: float | None, latency_s: float) -> None:
        self.faults = faults
        self.frames = 0
        self.inflicted = 0
        self.carried_bytes = 0
        self._random = random.Random(seed)
        self._pending = bytearray()
        self._kept: list[bytes] = []
        self._byte_s = 1 / bytes_per_s if bytes_per_s else 0.0
        self._latency_s = latency_s
        self._free_s = 0.0

    def pass_on(self, data: bytes) -> bytes:
        self._pending += data
        out = bytearray()
        while self._pending:
            frame = self._take_frame()
            if frame is None:
                break
            out += self._mangled(frame) if frame.startswith(SYNC) else frame
        return bytes(out)

    def pace(self, count: int, waited: bool) -> None:
        """Wait until the line would have carried so many bytes; they came behind the last ones unless they had to be waited for."""
        self.carried_bytes += count
        now_s = time.monotonic()
        self._free_s = (max(self._free_s, now_s) if waited else self._free_s) + count * self._byte_s
        left_s = self._free_s + self._latency_s - now_s
        if left_s > 0:
            time.sleep(left_s)

    def _take_frame(self) -> bytes | None:
        """A whole frame, or the bytes before one; None where more must come."""
        if not self._pending.startswith(SYNC):
            start = self._pending.find(SYNC)
            size = start if start >= 0 else len(self._pending) - self._pending.endswith(SYNC[:1])
            return self._cut_off(size) if size else None
        if len(self._pending) < OVERHEAD_BYTES:
            return None
        size = OVERHEAD_BYTES + int.from_bytes(self._pending[2:4], "little")
        if len(self._pending) < size:
            return None
        if not FrameDecoder().feed(bytes(self._pending[:size])):
            return self._cut_off(1)  # sync bytes by chance
        return self._cut_off(size)

    def _cut_off(self, size: int) -> bytes:
        head = bytes(self._pending[:size])
        del self._pending[:size]
        return head

    def _mangled(self, frame: bytes) -> bytes:
        self.frames += 1
        before = self._kept.pop(0) if self._kept and self._random.random() < 0.5 else b""
        chance = self._random.random()
        faults = self.faults
        if self._random.random() < faults.noise:
            before += self._random.randbytes(self._random.randrange(1, 40))
            self.inflicted += 1
        for name in ("lost", "damaged", "repeated", "late", "cut"):
            share = getattr(faults, name)
            if chance < share:
                self.inflicted += 1
                return before + getattr(self, f"_{name}")(frame)
            chance -= share
        return before + frame

    def _lost(self, frame: bytes) -> bytes:
        return b""

    def _damaged(self, frame: bytes) -> bytes:
        changed = bytearray(frame)
        for _ in range(self._random.randrange(1, 4)):
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _repeated(self, frame: bytes) -> bytes:
        return frame + frame

    def _late(self, frame: bytes) -> bytes:
        self._kept.append(frame)
        return frame

    def _cut(self, frame: bytes) -> bytes:
        start = self._random.randrange(len(frame))
        return frame[:start] + frame[start + self._random.randrange(1, len(frame)) :]


class Proxy:
    """Use as a context manager; `port` is where the host connects."""

    def __init__(
        self,
        board_port: int,
        to_board: Faults | None = None,
        to_host: Faults | None = None,
        *,
        seed: int = 0,
        bytes_per_s: float | None = None,
        latency_s: float = 0.0,
    ) -> None:
        self.to_board = _Direction(to_board or Faults(), seed, bytes_per_s, latency_s)
        self.to_host = _Direction(to_host or Faults(), seed + 1, bytes_per_s, latency_s)
        self._inject: list[bytes] = []
        self._mute = threading.Event()
        self._stop = threading.Event()
        self._board = socket.create_connection(("127.0.0.1", board_port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._host: socket.socket | None = None
        self._threads = [threading.Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> "Proxy":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self.pull()
        for thread in self._threads:
            thread.join(5)

    def inject(self, data: Iterable[bytes]) -> None:
        """Send bytes to the board that no host has sent."""
        for part in data:
            self._board.sendall(part)

    def noise_to_host(self, data: bytes) -> None:
        """Bytes that the host will find first when it connects."""
        self._inject.append(data)

    def exchange_board(self, port: int) -> None:
        """Plug the line into another board."""
        self._board = socket.create_connection(("127.0.0.1", port))
        time.sleep(0.2)  # until the pumps have looked again

    def mute(self) -> None:
        """From now on nothing passes, though both ends stay open: a wire has come off."""
        self._mute.set()

    def pull(self) -> None:
        """Close both ends."""
        for end in (self._host, self._board, self._listener):
            if end is not None:
                end.close()

    def _serve(self) -> None:
        try:
            self._host, _ = self._listener.accept()
            for end in (self._host, self._board):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for data in self._inject:
                self._host.sendall(data)
            back = threading.Thread(target=self._pump, args=("_board", "_host", self.to_host), daemon=True)
            self._threads.append(back)
            back.start()
            self._pump("_host", "_board", self.to_board)
        except (OSError, ValueError):
            return

    def _pump(self, source_name: str, sink_name: str, direction: _Direction) -> None:
        try:
            while not self._stop.is_set():
                source, sink = getattr(self, source_name), getattr(self, sink_name)
                waited = not select.select([source], [], [], 0)[0]
                if waited and not select.select([source], [], [], 0.05)[0]:
                    continue
                data = source.recv(1024)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                passed = direction.pass_on(data)
                if passed:
                    direction.pace(len(passed), waited)
                if passed and not self._mute.is_set():
                    sink.sendall(passed)
        except (OSError, ValueError):
            return
