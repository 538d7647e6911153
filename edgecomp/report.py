"""What a run found, as data: schema `edgecomp.run/1`. A key that does not apply is null, never absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgecomp.graph import Array
from edgecomp.removal import Removed
from edgecomp.thumbnail import Thumbnail

SCHEMA = "edgecomp.run/1"
Number = float
"""`float` under a name of its own, for the schema has a key of that name."""


@dataclass(frozen=True)
class ModelFacts:
    """`sha256` is of the ONNX file, `firmware_sha256` of the integer network: equal hashes compute equal bits."""

    name: str
    sha256: str
    firmware_sha256: str
    macs: int
    parameters: int


@dataclass(frozen=True)
class TargetFacts:
    """`counter` is what the board counts: instructions, cycles or none. `cycle_model` names the timing table of an estimate.

    The limits are the board's memory.
    """

    board: str
    core: str
    counter: str
    cycle_model: str | None
    notes: tuple[str, ...]
    flash_limit_bytes: int | None = None
    ram_limit_bytes: int | None = None


@dataclass(frozen=True)
class Accuracy:
    """`metric` is top1 (fractions) or sqnr_db (against the float model); `quantized` is the numpy reference, `target` the board."""

    metric: str
    float: Number | None
    quantized: Number | None
    target: Number


@dataclass(frozen=True)
class Difference:
    """The first integer that differs from the reference: which sample (row of the data), layer and element, and both values."""

    sample: int
    layer: int | None
    layer_name: str | None
    index: int
    reference: int
    target: int


@dataclass(frozen=True)
class BitExact:
    """Outputs of the board against the numpy reference; `compared` counts integers."""

    equal: bool
    compared: int
    first_difference: Difference | None


@dataclass(frozen=True)
class PerInference:
    """Means over the profiled samples; null where the board cannot tell."""

    instructions: int | None
    estimated_cycles: int | None
    cycles: int | None
    macs_executed: int


@dataclass(frozen=True)
class Removal:
    """Work that was removed without changing an output bit: MACs of the quantized network, of what is computed, and the share gone."""

    macs_before: int
    macs_after: int
    share: float

    @classmethod
    def of(cls, removed: Removed) -> Removal:
        """The figures of a removal."""
        return cls(removed.macs_before, removed.macs_after, removed.share)


@dataclass(frozen=True)
class BufferFacts:
    """A piece of the arena that a tensor, or the scratch of a layer, holds from one layer to another, both included.

    `role` is "input", "output", "map" or "scratch"; `layer` writes it, None for an input. Buffers that share bytes at the same time do so
    on purpose: the layer computes in place.
    """

    name: str
    role: str
    offset_bytes: int
    bytes: int
    first_layer: int
    last_layer: int
    layer: int | None


@dataclass(frozen=True)
class FlashSection:
    """A part of `Memory.flash_bytes`."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Memory:
    """`flash_bytes` and `code_bytes` are the model and the runtime it links, without harness or test data."""

    arena_bytes: int
    scratch_bytes: int
    stack_bytes: int | None
    flash_bytes: int
    code_bytes: int
    weight_bytes: int
    ram_bytes: int
    arena_used_bytes: int | None
    buffers: tuple[BufferFacts, ...] | None = None
    flash_sections: tuple[FlashSection, ...] | None = None


@dataclass(frozen=True)
class Transport:
    """How samples went to the board and results came back."""

    kind: str
    frames: int | None = None
    retries: int | None = None


@dataclass(frozen=True)
class SkipFacts:
    """The rule by which a layer leaves work out, in words; rates are of some of the run's samples, null where nothing was run.

    `zero_rate` is the share of products left out, `false_zero_rate` that of outputs made zero that would not be. `places` shows what is
    always computed, over one patch or the whole map, as shares 0..1; null for rules that know no places.
    """

    rule: str
    mask: str
    threshold: str | None
    zero_rate: float | None
    false_zero_rate: float | None
    places: Thumbnail | None


@dataclass(frozen=True)
class LayerFacts:
    """One kernel call.

    `describe` is the shape of its work in a few characters; `input_bytes` and `output_bytes` are the feature maps it reads and writes,
    `constant_bytes` its arrays in flash.
    `best_instructions_per_mac` is that of the best measured shape of its kind on this core.
    """

    index: int
    name: str
    op: str
    kernel: str
    macs: int
    macs_skipped: int
    instructions: int | None
    estimated_cycles: int | None
    cycles: int | None
    sqnr_db: float | None
    note: str | None = None
    describe: str | None = None
    input_bytes: int | None = None
    output_bytes: int | None = None
    constant_bytes: int | None = None
    best_instructions_per_mac: float | None = None
    skip: SkipFacts | None = None


@dataclass(frozen=True)
class Confused:
    """How often a class was taken for another."""

    label: int
    predicted: int
    count: int


@dataclass(frozen=True)
class Confusion:
    """Samples by label (row) and class that the board gave (column); `counts` is null where there are many classes.

    `names` are the data file's; `most_confused` holds the most frequent errors first.
    """

    classes: int
    names: tuple[str, ...] | None
    counts: tuple[tuple[int, ...], ...] | None
    most_confused: tuple[Confused, ...]


@dataclass(frozen=True)
class WorstSample:
    """A sample the network does badly on: with labels by `margin`, the score of the label less the best other; else by `sqnr_db`.

    `row` counts in the data file. `predicted` is the board's class, `float_predicted` that of the model as it came.
    """

    row: int
    label: int | None
    predicted: int | None
    float_predicted: int | None
    margin: float | None
    sqnr_db: float | None
    input: Thumbnail | None


@dataclass(frozen=True)
class Outputs:
    """Arrays of a run, for `--outputs`: raw integers and real values in the ONNX shape of the first output, one row a sample."""

    index: Array
    target: Array
    target_float: Array
    float: Array | None


@dataclass(frozen=True, eq=False)
class RunReport:
    """The result of `edgecomp run`."""

    model: ModelFacts
    target: TargetFacts
    samples: int
    outputs_sha256: str | None
    accuracy: Accuracy | None
    bit_exact: BitExact | None
    per_inference: PerInference
    memory: Memory
    transport: Transport | None
    layers: tuple[LayerFacts, ...]
    toolchain: Mapping[str, Any]
    quantization: Mapping[str, Any]
    warnings: Sequence[str] = ()
    outputs: Outputs | None = field(default=None, repr=False)
    removal: Removal | None = None
    baseline: RunReport | None = None
    """The same model by another compiler on the same board and data, where one was asked for."""
    confusion: Confusion | None = None
    worst_samples: tuple[WorstSample, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        parts = ("model", "target", "accuracy", "bit_exact", "per_inference", "removal", "memory", "transport", "confusion")
        nested = {name: None if getattr(self, name) is None else asdict(getattr(self, name)) for name in parts}
        return {
            "schema": SCHEMA,
            "model": nested["model"],
            "target": nested["target"],
            "samples": self.samples,
            "outputs_sha256": self.outputs_sha256,
            "accuracy": nested["accuracy"],
            "confusion": nested["confusion"],
            "worst_samples": None if self.worst_samples is None else [asdict(sample) for sample in self.worst_samples],
            "bit_exact": nested["bit_exact"],
            "per_inference": nested["per_inference"],
            "removal": nested["removal"],
            "memory": nested["memory"],
            "transport": nested["transport"],
            "layers": [asdict(layer) for layer in self.layers],
            "toolchain": dict(self.toolchain),
            "quantization": dict(self.quantization),
            "warnings": list(self.warnings),
            "baseline": self.baseline.to_json() if self.baseline else None,
        }
