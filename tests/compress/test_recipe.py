"""Recipes are read, checked, and written as they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgecomp.compress.recipe import read_recipe, recipe_text
from edgecomp.errors import DataError

TWO_STEPS = """
[[step]]
method = "prune-filters-l1"
keep_macs = 0.7
layers = ["/c.1/Conv", "b"]

[[step]]
method = "prune-activations"
keep_parameters = 1
epochs = 2
seed = 7
learning_rate = 0.01
variant = "l1"
"""


def written(folder: Path, text: str) -> Path:
    """A recipe file."""
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_a_recipe_comes_back_as_it_was_written(tmp_path: Path) -> None:
    steps = read_recipe(written(tmp_path, TWO_STEPS))
    assert [step.method for step in steps] == ["prune-filters-l1", "prune-activations"]
    assert steps[0].layers == ("/c.1/Conv", "b") and steps[0].epochs is None
    assert steps[1].keep_parameters == 1.0 and steps[1].options["variant"] == "l1" and steps[1].options["cycles"] == 2
    assert read_recipe(written(tmp_path, recipe_text(steps))) == steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[step]]\nkeep_macs = 0.5", "step 1: has no method"),
        ('[[step]]\nmethod = "nonsense"', "no method 'nonsense': must be one of prune-filters-l1"),
        ('[[step]]\nmethod = "thinet"\nspeed = 3', "has no option 'speed'; it has: rescale"),
        ('[[step]]\nmethod = "thinet"\nrescale = "none"', "must be one of channels, weights"),
        ('[[step]]\nmethod = "thinet"\nepochs = "many"', "epochs = 'many': must be a whole number"),
        ('[[step]]\nmethod = "thinet"\nlayers = "a"', "layers = 'a': must be a list of names"),
        ('[[step]]\nmethod = "prune-activations"\ncycles = "x"', "must be of type int"),
        ('method = "thinet"', "a recipe is one \\[\\[step\\]\\] after another"),
        ("", "holds nothing"),
        ("[[step", "is not TOML"),
    ],
)
def test_a_wrong_recipe_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_recipe(written(tmp_path, text))


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.toml: cannot be read"):
        read_recipe(tmp_path / "nothing.toml")
