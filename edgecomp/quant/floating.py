"""The float network in ONNX Runtime: the reference for accuracy, and the source of calibration values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from edgecomp.errors import DataError, ModelError
from edgecomp.graph import Array, Graph, Shape

Progress = Callable[[int, int], None]

CHUNK_BYTES = 32 << 20
CHUNK_ROWS = 256
WRONG_OPTIMIZERS = ["Pad_Fusion"]
"""Of ONNX Runtime: it puts zeros of a Pad into the padding of a MaxPool, which never wins."""


def sample_shape(shape: Shape) -> Shape:
    """What one sample of a tensor looks like: its shape without a leading batch axis of one."""
    return shape[1:] if shape[:1] == (1,) else shape


class FloatModel:
    """A float `Graph`, ready to run on many samples.

    The network runs one sample a call, with its own static shapes: ONNX Runtime gains little from batches on networks of this size
    (ResNet-8: a sixth), and a network that mixes or moves its batch axis stays right.
    """

    def __init__(self, graph: Graph, outputs: Sequence[str] | None = None, threads: int = 2) -> None:
        """Prepare `graph` to yield tensors named `outputs`, by default its outputs; inputs and constants may be among them.

        Raises:
            ModelError: ONNX Runtime refuses the network.
            ValueError: a name is not of this graph.
        """
        self.graph = graph
        self.names = tuple(graph.outputs if outputs is None else outputs)
        unknown = [name for name in self.names if name not in graph.tensors]
        if unknown:
            raise ValueError(f"{graph.name}: no tensors named {unknown}")
        self._computed = [name for name in self.names if name in graph.producers]
        self._session: Any = _session(graph, self._computed, threads) if self._computed else None

    def run(self, samples: Array | Mapping[str, Array], progress: Progress | None = None) -> Iterator[dict[str, Array]]:
        """Yield chunks of consecutive samples: name -> [n, *sample shape].

        `samples` is [N, *sample shape of the input], or one such array an input. `progress` is called with (done, N).

        Raises:
            DataError: there are no samples, or they do not fit the input.
        """
        feeds = self._feeds(samples)
        total = len(next(iter(feeds.values())))
        rows = self._chunk_rows()
        for start in range(0, total, rows):
            part = {name: values[start : start + rows] for name, values in feeds.items()}
            yield self._run_chunk(part, min(rows, total - start))
            if progress is not None:
                progress(min(start + rows, total), total)

    def predict(self, samples: Array | Mapping[str, Array], progress: Progress | None = None) -> Array:
        """The first of the tensors asked for, for all samples: [N, *sample shape]."""
        name = self.names[0]
        return np.concatenate([chunk[name] for chunk in self.run(samples, progress)])

    def _feeds(self, samples: Array | Mapping[str, Array]) -> dict[str, Array]:
        """An array [N, *whole input shape] an input."""
        inputs = self.graph.inputs
        given = dict(samples) if isinstance(samples, Mapping) else {inputs[0]: samples}
        where = self.graph.name
        if set(given) != set(inputs):
            raise DataError(f"{where}: data is given for inputs {sorted(given)}, the model has {sorted(inputs)}: give one array each")
        feeds = {}
        for name in inputs:
            tensor, values = self.graph.tensors[name], given[name]
            if values.ndim == 0 or not len(values) or values[0].size != prod(tensor.shape):
                wanted = ("N", *sample_shape(tensor.shape))
                raise DataError(f"{where}: input {name!r} takes {wanted}, at least one sample; found data of shape {values.shape}")
            feeds[name] = values.reshape(len(values), *tensor.shape).astype(tensor.dtype, copy=False)
        counts = [len(values) for values in feeds.values()]
        if len(set(counts)) > 1:
            raise DataError(f"{where}: its inputs are given {counts} samples: give the same number for each")
        return feeds

    def _chunk_rows(self) -> int:
        tensors = [self.graph.tensors[name] for name in self.names]
        row_bytes = sum(prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in tensors)
        return int(np.clip(CHUNK_BYTES // max(row_bytes, 1), 1, CHUNK_ROWS))

    def _run_chunk(self, feeds: Mapping[str, Array], rows: int) -> dict[str, Array]:
        tensors = self.graph.tensors
        chunk = {name: np.empty((rows, *sample_shape(tensors[name].shape)), tensors[name].dtype) for name in self._computed}
        for row in range(rows if self._computed else 0):
            values = self._session.run(self._computed, {name: array[row] for name, array in feeds.items()})
            for name, value in zip(self._computed, values, strict=True):
                chunk[name][row] = value.reshape(chunk[name].shape[1:])
        return {name: chunk[name] if name in chunk else self._given(name, feeds, rows) for name in self.names}

    def _given(self, name: str, feeds: Mapping[str, Array], rows: int) -> Array:
        """An input or a constant, for every row of a chunk."""
        tensor = self.graph.tensors[name]
        shape = (rows, *sample_shape(tensor.shape))
        return feeds[name].reshape(shape) if tensor.data is None else np.broadcast_to(tensor.data.reshape(shape[1:]), shape)


def _session(graph: Graph, outputs: Sequence[str], threads: int) -> Any:
    import onnxruntime

    from edgecomp.frontend.onnx_export import to_model

    model = to_model(graph, all_outputs=True)
    wanted = {value.name: value for value in model.graph.output if value.name in set(outputs)}
    del model.graph.output[:]
    model.graph.output.extend(wanted[name] for name in dict.fromkeys(outputs))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"], disabled_optimizers=WRONG_OPTIMIZERS
        )
    except Exception as error:  # its exceptions share no public base
        raise ModelError(f"{graph.name}: ONNX Runtime cannot run the float network: {str(error).splitlines()[0]}") from error
