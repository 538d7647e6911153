"""A recipe: the steps of a compression in order, as a TOML file or as one method from the command line.

    [[step]]
    method = "svd"
    keep_parameters = 0.5

    [[step]]
    method = "prune-filters-l1"
    keep_macs = 0.6            # shares are of the network that was given
    epochs = 3
    layers = ["/c.1/Conv", "/c.2/Conv"]

What a step does not say is taken from the command line. Other keys are options of the method.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgecomp.compress.registry import method
from edgecomp.errors import DataError

OWN_KEYS = {
    "method": str,
    "keep_macs": float,
    "keep_parameters": float,
    "epochs": int,
    "seed": int,
    "learning_rate": float,
    "layers": tuple,
}


@dataclass(frozen=True)
class Step:
    """One method and what it is told; None: as the whole compression is told."""

    method: str
    keep_macs: float | None = None
    keep_parameters: float | None = None
    epochs: int | None = None
    seed: int | None = None
    learning_rate: float | None = None
    layers: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names_a_size(self) -> bool:
        """Whether it says how small."""
        return self.keep_macs is not None or self.keep_parameters is not None


def step(fields: Mapping[str, Any], where: str) -> Step:
    """A step from the keys of a recipe, options of the method among them.

    Raises:
        DataError: a key is missing or unknown, or a value is of another type.
    """
    if not isinstance(fields.get("method"), str):
        raise DataError(f'{where}: has no method: write method = "NAME" (`edgecomp compress --help` lists them)')
    name = str(fields["method"])
    own = {key: _typed(value, OWN_KEYS[key], f"{where}: {key}") for key, value in fields.items() if key in OWN_KEYS}
    given = {key: value for key, value in fields.items() if key not in OWN_KEYS}
    return Step(**own, options=method(name).read_options(f"{where}: {name}", given))


def read_recipe(path: str | Path) -> tuple[Step, ...]:
    """The steps of a TOML file.

    Raises:
        DataError: the file is missing, is no TOML, or a step is wrong.
    """
    try:
        found = tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: is not TOML: {error}") from error
    steps = found.get("step")
    if not isinstance(steps, list) or not steps or set(found) != {"step"}:
        raise DataError(f"{path}: holds {', '.join(found) or 'nothing'}; a recipe is one [[step]] after another")
    return tuple(step(fields, f"{path}: step {number}") for number, fields in enumerate(steps, start=1))


def recipe_text(steps: tuple[Step, ...]) -> str:
    """The TOML that `read_recipe` reads back."""
    return "\n".join(_step_text(item) for item in steps)


def _step_text(item: Step) -> str:
    fields = {key: getattr(item, key) for key in OWN_KEYS} | dict(item.options)
    lines = [f"{key} = {_toml(value)}" for key, value in fields.items() if value is not None]
    return "\n".join(["[[step]]", *lines, ""])


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(part) for part in value)}]"
    return repr(value)


def _typed(value: Any, kind: type, where: str) -> Any:
    """A value of a TOML file as the type of its key; whole numbers may stand for shares."""
    if kind is tuple and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind is not float and isinstance(value, kind) and not isinstance(value, bool):
        return value
    words = {tuple: "a list of names", float: "a number", int: "a whole number", str: "text"}
    raise DataError(f"{where} = {value!r}: must be {words[kind]}")
