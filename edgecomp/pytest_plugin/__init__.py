"""The pytest plug-in: the fixture `edgecomp_board`, its options and markers (docs/testing.md).

def test_digits(edgecomp_board):
    model = edgecomp_board.load("digits.onnx", calibration="train.npz", layout="nhwc", std=16)
    result = model.infer(x, y)
    result.assert_matches_reference()
    assert result.accuracy >= 0.97

Every pytest run of an environment that has edgecomp imports this file, so it imports nothing but pytest; the rest comes with
the first test that asks for a board.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edgecomp.pytest_plugin.board import Board
    from edgecomp.pytest_plugin.session import BoardSession

__all__ = ["edgecomp_board"]

FIXTURE = "edgecomp_board"
SESSION = pytest.StashKey["BoardSession"]()
MARKERS = (
    "edgecomp: tests on boards; every test that uses edgecomp_board carries it",
    "edgecomp_boards(*patterns): run on boards of these names only, skip on others; `*` and `?` stand for any characters",
    "edgecomp_counts(what): skip on boards that do not count it; what is 'instructions' or 'cycles'",
)
SCOPES = ("function", "class", "module", "package", "session")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, and the settings of the same names in pytest's ini file."""
    group = parser.getgroup("edgecomp", "tests on boards (edgecomp)")
    add, ini = group.addoption, parser.addini
    add("--edgecomp-target", action="append", metavar="BOARD", help="run tests of edgecomp_board on this board; repeat for several")
    ini("edgecomp_target", "boards that tests of edgecomp_board run on (default: host)", type="args", default=[])
    add("--edgecomp-port", action="append", metavar="[BOARD=]PORT", help="serial port of a board: a device, socket://, rfc2217://")
    ini("edgecomp_port", "serial ports of boards, [BOARD=]PORT", type="args", default=[])
    add("--edgecomp-map", metavar="FILE", help="hardware map: which board is plugged in where (boards.toml, or twister's)")
    ini("edgecomp_map", "hardware map: which board is plugged in where", default="")
    add("--edgecomp-transport", choices=("files", "semihosting", "serial"), help="how samples reach the boards (default: the board's)")
    ini("edgecomp_transport", "how samples reach the boards", default="")
    add("--edgecomp-emulate", action="store_true", default=None, help="run images of real boards in the QEMU machine that models them")
    ini("edgecomp_emulate", "run images of real boards in the QEMU machine that models them", type="bool", default=False)
    add("--edgecomp-require", action="store_true", default=None, help="a board that is missing fails its tests instead of skipping them")
    ini("edgecomp_require", "a board that is missing fails its tests instead of skipping them", type="bool", default=False)
    add("--edgecomp-artifacts", metavar="DIR", help="keep reports, outputs, C and ELF of each test here (default: under pytest's own)")
    ini("edgecomp_artifacts", "folder in which reports, outputs, C and ELF of each test are kept", default="")
    add("--edgecomp-runs", metavar="DIR", help="write the runs held against a baseline here, for `edgecomp compare`")
    ini("edgecomp_runs", "folder for the runs that were held against a baseline", default="")
    add("--edgecomp-update", action="store_true", help="write baselines instead of comparing with them")
    ini("edgecomp_scope", f"how long a test keeps its board: {', '.join(SCOPES)}", default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a board, unless the test chooses its boards with `parametrize` itself."""
    if FIXTURE not in metafunc.fixturenames or _parametrized(metafunc):
        return
    from edgecomp.pytest_plugin.settings import board_id, board_names

    names = board_names(metafunc.config)
    metafunc.parametrize(FIXTURE, names, indirect=True, ids=[board_id(name) for name in names])


def _parametrized(metafunc: pytest.Metafunc) -> bool:
    for marker in metafunc.definition.iter_markers("parametrize"):
        names = marker.args[0] if marker.args else marker.kwargs.get("argnames", ())
        if FIXTURE in (names.replace(" ", "").split(",") if isinstance(names, str) else names):
            return True
    return False


def _scope(fixture_name: str, config: pytest.Config) -> str:  # what pytest calls for a scope
    scope: str = config.getini("edgecomp_scope")
    if scope not in SCOPES:
        raise pytest.UsageError(f"edgecomp_scope = {scope!r}; allowed: {', '.join(SCOPES)}")
    return scope


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests on boards, for `-m edgecomp`; with pytest-xdist's `--dist loadgroup`, one worker takes all tests of a board on a port."""
    for item in items:
        if FIXTURE not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker("edgecomp")
        name = _board_name(item)
        if name and config.pluginmanager.hasplugin("xdist"):
            from edgecomp.pytest_plugin.settings import is_shared

            if is_shared(config, name):
                item.add_marker(pytest.mark.xdist_group(f"edgecomp-{name}"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell the board which test it serves, and heed the markers."""
    if FIXTURE not in getattr(item, "fixturenames", ()):
        return
    from edgecomp.pytest_plugin.markers import why_not

    session = _session(item.config)
    session.item = item
    name = _board_name(item)
    reason = why_not(item, name, session.settings) if name else None
    if reason:
        raise pytest.skip.Exception(reason, _use_item_location=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what was built."""
    session = config.stash.get(SESSION, None)
    if session is not None:
        session.close()


@pytest.fixture(scope=_scope)  # type: ignore[arg-type]
def edgecomp_board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """A board to load models on: this computer, a core in QEMU, or a board on the desk, by `--edgecomp-target`.

    A board, compiler or emulator that is not there skips the test with the reason; with `--edgecomp-require` it fails.
    """
    from edgecomp.pytest_plugin.settings import board_names

    session = _session(request.config)
    if isinstance(request.node, pytest.Item):
        session.item = request.node
    name = getattr(request, "param", None) or board_names(request.config)[0]  # no parameter where it is asked for while a test runs
    with session.board(name) as board:
        yield board


def _session(config: pytest.Config) -> BoardSession:
    if SESSION not in config.stash:
        from edgecomp.pytest_plugin.session import BoardSession

        config.stash[SESSION] = BoardSession(config)
    return config.stash[SESSION]


def _board_name(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get(FIXTURE) if callspec else None
    return None if name is None else str(name)
