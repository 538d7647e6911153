"""The confusion matrix and the worst samples, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

from edgecomp.page.axes import place
from edgecomp.page.documents import Confused, Confusion, WorstSample
from edgecomp.page.png import map_address, picture_address
from edgecomp.thumbnail import IMAGE, MAP, SERIES, Thumbnail

MOST_NUMBERED = 16
"""Classes up to which cells hold their count."""
MOST_PAIRS = 6
WHITE_FROM_RIGHT, WHITE_FROM_WRONG = 0.862, 0.27
"""Strengths at which white has as much contrast as black on the colours that style.css mixes for a cell."""
LINE_HEIGHT = 100.0
"""Of a series, in units of its own; its width is the number of its points."""


@dataclass(frozen=True)
class Cell:
    """Of the matrix; `strength` 0..1 is its part of the row, `is_right` the diagonal."""

    count: int
    strength: float
    is_right: bool
    title: str

    @property
    def is_strong(self) -> bool:
        """Whether its colour in the light theme asks for white digits."""
        return self.strength >= (WHITE_FROM_RIGHT if self.is_right else WHITE_FROM_WRONG)


@dataclass(frozen=True)
class Row:
    """Samples of one class."""

    name: str
    cells: tuple[Cell, ...]
    total: int
    recall: float | None


@dataclass(frozen=True)
class Pair:
    """A frequent mistake."""

    label: str
    predicted: str
    count: int
    width: str


@dataclass(frozen=True)
class Matrix:
    """`rows` are labels, columns what the board gave; without rows there were too many classes to keep them."""

    rows: tuple[Row, ...]
    names: tuple[str, ...]
    is_numbered: bool
    pairs: tuple[Pair, ...]
    wrong: int


@dataclass(frozen=True)
class Picture:
    """An `address` of pixels, or the `points` of a line in a box of `width` by LINE_HEIGHT."""

    kind: str
    address: str | None
    points: str | None
    width: int
    height: int
    low: float
    high: float


@dataclass(frozen=True)
class Sample:
    """One of the worst."""

    row: int | None
    label: str | None
    predicted: str | None
    float_predicted: str | None
    is_wrong: bool
    margin: float | None
    sqnr_db: float | None
    picture: Picture | None


def matrix(confusion: Confusion | None) -> Matrix | None:
    """None where there are no labels, or the counts are no square."""
    if confusion is None:
        return None
    counts = confusion.counts
    if any(len(row) != len(counts) for row in counts):
        counts = ()
    names = tuple(class_name(confusion, index) for index in range(len(counts)))
    rows = tuple(_row(index, counts[index], names) for index in range(len(counts)))
    most = max((each.count or 0 for each in confusion.most_confused), default=1)
    pairs = tuple(_pair(confusion, each, max(most, 1)) for each in confusion.most_confused[:MOST_PAIRS])
    wrong = sum(count for label, row in enumerate(counts) for other, count in enumerate(row) if label != other)
    return Matrix(rows, names, len(rows) <= MOST_NUMBERED, pairs, wrong)


def class_name(confusion: Confusion | None, index: int | None) -> str:
    """The name, or the number where there is none."""
    names = confusion.names if confusion else ()
    if index is None:
        return "?"
    return names[index] if 0 <= index < len(names) else str(index)


def sample(worst: WorstSample, confusion: Confusion | None) -> Sample:
    """One of the worst samples with the names of its classes."""

    def named(index: int | None) -> str | None:
        return None if index is None else class_name(confusion, index)

    return Sample(
        worst.row,
        named(worst.label),
        named(worst.predicted),
        named(worst.float_predicted),
        worst.label is not None and worst.label != worst.predicted,
        worst.margin,
        worst.sqnr_db,
        picture(worst.input) if worst.input else None,
    )


def picture(thumbnail: Thumbnail) -> Picture:
    """How a thumbnail is shown."""
    levels = thumbnail.levels()
    low, high = thumbnail.low, thumbnail.high
    if thumbnail.kind == SERIES:
        points = " ".join(f"{at},{LINE_HEIGHT * (1 - level / 255):.1f}" for at, level in enumerate(levels.tolist()))
        return Picture(SERIES, None, points, max(len(levels) - 1, 1), int(LINE_HEIGHT), low, high)
    address = picture_address(levels) if thumbnail.kind == IMAGE else map_address(levels)
    kind = IMAGE if thumbnail.kind == IMAGE else MAP
    return Picture(kind, address, None, thumbnail.shape[1], thumbnail.shape[0], low, high)


def _pair(confusion: Confusion, confused: Confused, most: int) -> Pair:
    count = confused.count or 0
    return Pair(class_name(confusion, confused.label), class_name(confusion, confused.predicted), count, place(count / most))


def _row(label: int, counts: tuple[int, ...], names: tuple[str, ...]) -> Row:
    total = sum(counts)
    cells = tuple(
        Cell(count, count / total if total > 0 else 0.0, label == other, f"{names[label]} taken for {names[other]}: {count} of {total}")
        for other, count in enumerate(counts)
    )
    return Row(names[label], cells, total, counts[label] / total if total > 0 else None)
