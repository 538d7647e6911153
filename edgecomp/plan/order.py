"""The execution order that keeps the fewest bytes alive at once.

After a set of nodes has run, the live tensors are the same in whatever order they ran. So the best order is a shortest path
(by its highest point) over the sets that contain all their predecessors, searched size by size: exact for small graphs and for
long ones with few branches, and a beam search where the sets are too many for `SEARCH_RUNS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from edgecomp.plan.lifetimes import arena_inputs, fitting_inputs
from edgecomp.qgraph import QGraph

SEARCH_RUNS = 150_000
"""Node runs that the search tries in all, about five microseconds each."""


@dataclass(frozen=True)
class _State:
    """A set of nodes that have run (a bit mask), and the best way found to get there."""

    done: int
    ready: int
    live_bytes: int
    peak_bytes: int
    last: int
    before: _State | None


class OrderSearch:
    """Orders of one graph's nodes and their peaks; `scratch_bytes` is what each node needs beside its tensors."""

    def __init__(self, qgraph: QGraph, scratch_bytes: Sequence[int]) -> None:
        nodes = qgraph.nodes
        writers = {node.output: index for index, node in enumerate(nodes)}
        self._scratch = scratch_bytes
        self._bytes = {name: tensor.bytes for name, tensor in qgraph.tensors.items()}
        self._nodes = nodes
        self._reads = [arena_inputs(qgraph, node) for node in nodes]
        self._fitting = [frozenset(fitting_inputs(qgraph, node)) for node in nodes]
        self._kept = {port.tensor for port in qgraph.outputs}
        self._readers: dict[str, int] = {}
        self._needs = [0] * len(nodes)
        self._followers: list[list[int]] = [[] for _ in nodes]
        for index, names in enumerate(self._reads):
            for name in names:
                self._readers[name] = self._readers.get(name, 0) | 1 << index
                if name in writers:
                    self._needs[index] |= 1 << writers[name]
                    self._followers[writers[name]].append(index)
        inputs = dict.fromkeys(port.tensor for port in qgraph.inputs)
        self._input_bytes = sum(self._bytes[name] for name in inputs if name in self._readers or name in self._kept)
        self._unread_bytes = sum(self._bytes[name] for name in inputs) - self._input_bytes

    def peak_bytes(self, order: Sequence[int]) -> int:
        """Most bytes alive at one step of an order."""
        state = self._start()
        for index in order:
            state = self._run(state, index)
        return state.peak_bytes

    def best(self) -> tuple[int, ...]:
        """The order with the lowest peak; the order given where no other is lower."""
        given = tuple(range(len(self._nodes)))
        given_peak = self.peak_bytes(given)
        if given_peak <= self._floor_bytes():
            return given
        level = [self._start()]
        for _ in given:
            reached: dict[int, _State] = {}
            for state in level:
                for index in _bits(state.ready):
                    following = self._run(state, index)
                    known = reached.get(following.done)
                    if following.peak_bytes < given_peak and (known is None or following.peak_bytes < known.peak_bytes):
                        reached[following.done] = following
            level = self._most_promising(reached.values())
        return _path(level[0]) if level else given

    def _most_promising(self, states: Iterable[_State]) -> list[_State]:
        """The states with the lowest peaks, as many as this size's part of the runs can follow; at least one."""
        ranked = sorted(states, key=lambda state: (state.peak_bytes, state.live_bytes, state.done))
        runs = accumulate(state.ready.bit_count() for state in ranked)
        limit = SEARCH_RUNS // len(self._nodes)
        return [state for index, (state, used) in enumerate(zip(ranked, runs, strict=True)) if used <= limit or not index]

    def _start(self) -> _State:
        ready = sum(1 << index for index, needs in enumerate(self._needs) if not needs)
        return _State(0, ready, self._input_bytes, self._input_bytes + self._unread_bytes, -1, None)

    def _run(self, state: _State, index: int) -> _State:
        """Run one node: its output is written while its inputs are alive, unless it overwrites one."""
        done = state.done | 1 << index
        output = self._nodes[index].output
        dying = [name for name in self._reads[index] if name not in self._kept and not self._readers[name] & ~done]
        output_bytes = self._bytes[output]
        in_place = not self._fitting[index].isdisjoint(dying)
        during = state.live_bytes + self._scratch[index] + (0 if in_place else output_bytes)
        during += self._unread_bytes if not state.done else 0
        after = state.live_bytes - sum(self._bytes[name] for name in dying)
        after += output_bytes if output in self._readers or output in self._kept else 0
        ready = state.ready & ~(1 << index)
        for follower in self._followers[index]:
            if not self._needs[follower] & ~done:
                ready |= 1 << follower
        return _State(done, ready, after, max(state.peak_bytes, during), index, state)

    def _floor_bytes(self) -> int:
        """Bytes that some node needs in any order."""
        floor = self._input_bytes + self._unread_bytes
        for index, node in enumerate(self._nodes):
            own = sum(self._bytes[name] for name in self._reads[index]) + self._scratch[index]
            floor = max(floor, own + (0 if self._fitting[index] else self._bytes[node.output]))
        return floor


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _path(state: _State) -> tuple[int, ...]:
    order = []
    while state.before is not None:
        order.append(state.last)
        state = state.before
    return tuple(reversed(order))
