"""What the options say: each from the command line, else from pytest's ini file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEFAULT_BOARD = "host"


@dataclass(frozen=True)
class Settings:
    """Options of a test run."""

    ports: tuple[tuple[str | None, str], ...]
    """Board, or None for any, and pyserial URL."""
    hardware_map: Path | None
    transport: str | None
    emulate: bool
    require: bool
    artifacts: Path | None
    runs: Path | None
    update: bool


def read_settings(config: pytest.Config) -> Settings:
    """All settings; paths of the ini file are relative to it, those of the command line to where pytest was called.

    Raises:
        pytest.UsageError: a value is not allowed.
    """
    return Settings(
        ports=_ports(config),
        hardware_map=_path(config, "map"),
        transport=_value(config, "transport") or None,
        emulate=bool(_value(config, "emulate")),
        require=bool(_value(config, "require")),
        artifacts=_path(config, "artifacts"),
        runs=_path(config, "runs"),
        update=bool(config.getoption("edgecomp_update")),
    )


def board_names(config: pytest.Config) -> list[str]:
    """The boards to test on, each once.

    Raises:
        pytest.UsageError: a board is unknown, or wrongly described.
    """
    from edgecomp.errors import TargetError
    from edgecomp.target import load_target

    names = list(dict.fromkeys(_value(config, "target") or [DEFAULT_BOARD]))
    for name in names:
        try:
            load_target(name)
        except TargetError as error:
            raise pytest.UsageError(f"--edgecomp-target: {error}") from None
    return names


def board_id(name: str) -> str:
    """A board in a test's name: a folder elsewhere by its last part."""
    return os.path.basename(os.path.normpath(name))


def is_shared(config: pytest.Config, name: str) -> bool:
    """Whether tests wait for one another because the options name one port for the board."""
    return len([board for board, _ in _ports(config) if board in (None, board_id(name))]) == 1


def _ports(config: pytest.Config) -> tuple[tuple[str | None, str], ...]:
    ports: list[tuple[str | None, str]] = []
    for text in _value(config, "port") or ():
        board, equals, port = text.partition("=")
        named = bool(equals) and bool(re.fullmatch(r"[\w.-]+", board) or os.path.isdir(board))  # a URL may hold = too
        ports.append((board_id(board), port) if named else (None, text))
        if not ports[-1][1]:
            raise pytest.UsageError(f"--edgecomp-port {text}: names no port; write [BOARD=]PORT, such as nucleo_f446re=/dev/ttyACM0")
    return tuple(ports)


def _value(config: pytest.Config, name: str) -> Any:
    given = config.getoption(f"edgecomp_{name}")
    return config.getini(f"edgecomp_{name}") if given is None else given


def _path(config: pytest.Config, name: str) -> Path | None:
    given = config.getoption(f"edgecomp_{name}")
    if given is not None:
        return config.invocation_params.dir / str(given)
    text = str(config.getini(f"edgecomp_{name}"))
    return config.rootpath / text if text else None
