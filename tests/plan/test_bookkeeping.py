"""Book-keeping against counts made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgecomp.plan import Tile, lay_out
from edgecomp.plan.bookkeeping import FILTERS, MAPS, Book, keep_books
from edgecomp.plan.tiling import extent, tiling_waste
from edgecomp.qgraph import Work
from edgecomp.qops.conv2d import Conv2D
from tests.plan.networks import chain, portable_target, small_classifier

CONV_MACS = (8 * 3) ** 2 * 3 * 5
CONV_PADDING_MACS = CONV_MACS - (8 * 3 - 2) ** 2 * 3 * 5  # each axis: 8 positions of 3 taps, the outermost two lose one
DEPTHWISE_MACS = (4 * 3) ** 2 * 5
DEPTHWISE_PADDING_MACS = DEPTHWISE_MACS - (4 * 3 - 1) ** 2 * 5  # windows start at 0, 2, 4, 6: the last tap of the last one lies outside
DENSE_MACS = 80 * 10


@pytest.fixture(scope="module")
def book() -> Book:
    return keep_books(lay_out(small_classifier(), portable_target()))


def test_work_is_counted_exactly(book: Book) -> None:
    assert [layer.work.macs for layer in book.layers] == [CONV_MACS, 0, DEPTHWISE_MACS, DENSE_MACS]
    assert book.work == Work(CONV_MACS + DEPTHWISE_MACS + DENSE_MACS, CONV_PADDING_MACS + DEPTHWISE_PADDING_MACS, 320 + 80 + 10, 0)


def test_filters_and_constants(book: Book) -> None:
    assert [layer.filter_bytes for layer in book.layers] == [135, 0, 45, 800]
    assert [layer.constant_bytes for layer in book.layers] == [135 + 5 * 8, 256, 45 + 5 * 8, 800 + 10 * 8]
    assert book.filter_bytes == 980


def test_feature_maps_of_each_edge(book: Book) -> None:
    assert [(edge.tensor, edge.bytes, edge.producer, edge.consumers) for edge in book.edges] == [
        ("image", 192, None, (0,)),
        ("conv", 320, 0, (1,)),
        ("table", 320, 1, (2,)),
        ("depthwise", 80, 2, (3,)),
        ("dense", 10, 3, ()),
    ]
    assert [edge.overwrites for edge in book.edges] == [None, None, "conv", None, None]
    assert [edge.is_output for edge in book.edges] == [False, False, False, False, True]


def test_shares_of_the_peak(book: Book) -> None:
    assert [layer.live_bytes for layer in book.layers] == [352, 320, 328, 90]
    assert [layer.peak_share for layer in book.layers] == [352 / 360, 320 / 360, 328 / 360, 90 / 360]
    assert book.peak_layer == 0


def test_kinds_add_up_and_come_by_weight(book: Book) -> None:
    assert [kind.kind.split("_s8")[0] for kind in book.kinds] == ["ec_conv2d", "ec_fully_connected", "ec_depthwise_conv2d", "ec_lut"]
    assert sum(kind.work.macs for kind in book.kinds) == book.work.macs


def test_what_dominates(book: Book) -> None:
    assert [layer.dominant for layer in book.layers] == [MAPS, MAPS, MAPS, FILTERS]
    assert book.dominant == FILTERS
    assert (book.half_of_maps, book.half_of_filters) == (2, 1)


def test_network_without_layers_has_empty_books() -> None:
    empty = keep_books(lay_out(chain(5), portable_target()))
    assert empty.layers == ()
    assert (empty.half_of_maps, empty.half_of_filters) == (0, 0)


@pytest.mark.parametrize(
    ("tile", "waste"),
    [
        pytest.param(Tile(), 0.0, id="block of one"),
        pytest.param(Tile(output_channels=4), 8 / 5 - 1, id="5 channels in fours"),
        pytest.param(Tile(pixels=24), 72 / 64 - 1, id="64 pixels in twenty-fours"),
        pytest.param(Tile(output_channels=2, pixels=4, inputs=4), 6 / 5 * 28 / 27 - 1, id="2 channels x 4 pixels x 4 inputs"),
    ],
)
def test_waste_of_partly_filled_blocks(tile: Tile, waste: float) -> None:
    conv = small_classifier().nodes[0].op
    assert tiling_waste(conv, tile) == pytest.approx(waste)


def test_groups_are_tiled_one_by_one() -> None:
    conv = small_classifier().nodes[0].op
    assert isinstance(conv, Conv2D)
    grouped = replace(conv, groups=3, output_c=6)
    assert tiling_waste(grouped, Tile(output_channels=4)) == pytest.approx(4 / 2 - 1)


def test_operators_without_products_have_no_blocks() -> None:
    assert extent(small_classifier().nodes[1].op) is None
