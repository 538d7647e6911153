"""What a search is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edgecomp.errors import DataError
from edgecomp.pipeline import QuantizedModel
from edgecomp.skip.rules import Spatial
from edgecomp.skip.search.patterns import PATCHES

MODES = ("uniform-layer", "uniform-filter", "uniform-patch", "max-granularity", "exhaustive-uniform-layer")
DEFAULT_BETAS = (0.001, 0.002, 0.004, 0.006, 0.009, 0.013, 0.018, 0.025, 0.035, 0.05, 0.07, 0.1, 0.14)

Saving = Callable[[str, float, Spatial], float]
"""What a rule saves of one inference: (integer tensor, share of (patch, channel) pairs predicted to be zero, rule) -> any unit; negative
where it costs more than it saves."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SearchSettings:
    """How zeros are searched.

    `max_loss` is in points (100 points are all samples). `ones_range` bounds the ones of a pattern; `patterns` are given directly.
    `granularity` is the side, in patches, of the squares of neighbouring patches that are one target in the modes that tell patches
    apart; 0 makes a channel one target. `top` candidates are kept per stage. `layers` and each group of `couple` name sites by integer
    tensor, ONNX node or number. `betas` are the energy budgets tried, as shares of a layer's energy. `budget_seconds` ends the search
    with the best that holds. `records` is the file that a search resumes from. `correct_biases` lets biases take back the means that
    predictions shift. `held_out_share` of the samples choose nothing; what is chosen holds with `confidence` on the others. A hopeless
    trial is stopped early, wrongly with a probability of at most `stop_error`.
    """

    max_loss: float
    mode: str = "uniform-layer"
    patch: int = 2
    ones_range: tuple[int, int] | None = None
    patterns: tuple[int, ...] | None = None
    granularity: int = 1
    top: int = 1
    layers: tuple[str, ...] = ()
    couple: tuple[tuple[str, ...], ...] = ()
    betas: tuple[float, ...] = DEFAULT_BETAS
    budget_seconds: float | None = None
    records: str | None = None
    correct_biases: bool = True
    held_out_share: float = 0.3
    confidence: float = 0.9
    stop_error: float = 0.01

    def __post_init__(self) -> None:
        checks = (
            (self.mode in MODES, f"--mode {self.mode}: must be one of {', '.join(MODES)}"),
            (self.patch in PATCHES, f"--patch {self.patch}: must be one of {', '.join(map(str, PATCHES))}"),
            (0 <= self.max_loss <= 100, f"--max-loss {self.max_loss}: must be points within 0..100"),
            (self.granularity >= 0, f"--granularity {self.granularity}: must be 0 (whole channels) or a number of patches"),
            (self.top >= 1, f"--top {self.top}: at least 1 candidate must be kept"),
            (self.budget_seconds is None or self.budget_seconds > 0, f"--budget-seconds {self.budget_seconds}: must be greater than 0"),
            (
                self.mode != "exhaustive-uniform-layer" or bool(self.layers),
                "--mode exhaustive-uniform-layer: name a few layers with --layers",
            ),
            (0 < self.held_out_share < 1, f"held_out_share {self.held_out_share}: must be between 0 and 1"),
        )
        for holds, message in checks:
            if not holds:
                raise DataError(message)

    def identity(self) -> Mapping[str, Any]:
        """All that changes the records of a search: not how long it may take, nor where they are."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("budget_seconds", "records")}


@dataclass(frozen=True)
class Accuracy:
    """Shares of the held-out samples, 0..1: right by labels, or without labels the same largest output as the dense network."""

    dense: float
    skip: float
    samples: int


@dataclass(frozen=True)
class LayerResult:
    """One site. `zero_rate` is the share of (patch, channel) pairs predicted to be zero, `skipped` of outputs that are not computed,

    `false_zero_rate` of outputs taken as zero that would not be, all on held-out samples; `macs_saved` is the mean of one inference.
    `beta` is the energy budget. `enabled` false says why in `reason`.
    """

    name: str
    tensor: str
    enabled: bool
    reason: str
    mask: str
    beta: float
    zero_rate: float
    skipped: float
    false_zero_rate: float
    macs: int
    macs_saved: float


@dataclass(frozen=True)
class FrontPoint:
    """A combination that was judged on search samples: its loss in points, MACs saved (share) and what `saving` said (sum)."""

    loss: float
    macs_saved: float
    saving: float
    chosen: bool


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What was found. `rules` are for `quantized`, the network with corrected biases; `accuracy` is on samples that chose nothing.

    `macs_executed` is the mean of one inference. `split` says in words which samples chose.
    """

    mode: str
    quantized: QuantizedModel
    rules: Mapping[str, Spatial]
    accuracy: Accuracy
    macs_dense: int
    macs_executed: float
    layers: Sequence[LayerResult]
    front: Sequence[FrontPoint]
    evaluations: int
    seconds: float
    split: str
