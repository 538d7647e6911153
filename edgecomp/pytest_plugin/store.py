"""Models that are quantized, built and proven once: by content, across tests, and where it is dear across sessions too."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from edgecomp import __version__
from edgecomp.cache import cache_folder, content_key, fetch, keep, prune
from edgecomp.doctor import version_of
from edgecomp.emit.fingerprint import fingerprint
from edgecomp.errors import RunError
from edgecomp.graph import Array
from edgecomp.pipeline import Model, QuantizedModel
from edgecomp.pytest_plugin.locks import one_of
from edgecomp.pytest_plugin.result import described
from edgecomp.verify import Built, RunOptions, build_firmware, check

if TYPE_CHECKING:
    from edgecomp.data.samples import Preprocessing
    from edgecomp.quant.search import Calibration
    from edgecomp.target import Target

_CALIBRATIONS: Final = "calibrations"
_PROOFS: Final = "proofs"
_LIMIT_BYTES: Final = 256 << 20
PROOF_SAMPLES: Final = 4
"""Random inputs over which a built model must equal the reference before a test gets it."""


class ModelStore:
    """What a session has quantized and built; `close` removes the programs."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="edgecomp-", ignore_cleanup_errors=True)
        self._quantized: dict[str, QuantizedModel] = {}
        self._built: dict[str, Built] = {}
        self._proven: set[str] = set()

    def quantized(self, model: Model, x: Array | None, preprocessing: Preprocessing, method: str) -> QuantizedModel:
        """`model.quantize`; the calibration of a float model is kept in the user's cache."""
        if model.is_quantized or x is None:
            return self._remember(model, preprocessing, "", lambda: model.quantize(x, preprocessing=preprocessing))
        data = hashlib.sha256(np.ascontiguousarray(x).tobytes()).hexdigest()
        about = f"{data} {x.dtype} {x.shape} {method}"

        def calibrate() -> QuantizedModel:
            key = content_key(_code(), _model_key(model), json.dumps(preprocessing.to_dict()), about)
            with one_of([key]):
                known = self._kept_calibration(key)
                if known is not None:
                    return QuantizedModel(model, known.scheme, preprocessing, known)
                made = model.quantize(x, preprocessing=preprocessing, method=method)
                self._keep(_CALIBRATIONS, key, pickle.dumps(made.calibration))
                return made

        return self._remember(model, preprocessing, about, calibrate)

    def built(self, quantized: QuantizedModel, target: Target, options: RunOptions) -> Built:
        """The firmware of a model for a board."""
        board = (str(target.directory.resolve()), str(target.serial_baud), options.transport or "")
        key = content_key(quantized.model.name, fingerprint(quantized.qgraph), board, options.optimize)
        if key not in self._built:
            directory = Path(self._folder.name) / key
            directory.mkdir(exist_ok=True)
            self._built[key] = build_firmware(quantized, target, directory, options)
        return self._built[key]

    def prove(self, built: Built, place: str, options: RunOptions) -> None:
        """Hold what was built against the reference on random inputs, once a session on a board (`place` is its port), else once for all.

        Raises:
            RunError: an output bit differs.
        """
        key = content_key(_code(), built.firmware.image_id, _sha256(built.firmware.elf), version_of(built.target.emulator) or "", place)
        if key in self._proven or (not place and (cache_folder(_PROOFS) / key).exists()):
            return
        port = built.plan.qgraph.inputs[0]
        size = built.plan.qgraph.tensors[port.tensor].bytes
        buffers = np.random.default_rng(0).integers(-128, 128, (PROOF_SAMPLES, size)).astype(np.int8)
        exact = check(built, buffers, np.arange(PROOF_SAMPLES), options).exact
        if exact.first_difference is not None:
            where = f"{built.plan.qgraph.name} on {built.target.name}, random inputs"
            raise RunError(f"{where}: {described(exact.first_difference)}")
        self._proven.add(key)
        if not place:
            self._keep(_PROOFS, key, b"")

    def close(self) -> None:
        """Remove what was built."""
        self._folder.cleanup()

    def _remember(self, model: Model, preprocessing: Preprocessing, about: str, make: Callable[[], QuantizedModel]) -> QuantizedModel:
        key = content_key(_model_key(model), json.dumps(preprocessing.to_dict()), about)
        if key not in self._quantized:
            self._quantized[key] = make()
        return self._quantized[key]

    def _kept_calibration(self, key: str) -> Calibration | None:
        file = Path(self._folder.name) / key
        if not fetch(_CALIBRATIONS, key, file):
            return None
        try:
            known: Calibration = pickle.loads(file.read_bytes())  # from the user's own cache, where compiled programs lie too
        except Exception:  # a damaged file may raise anything
            return None
        return known

    def _keep(self, kind: str, key: str, content: bytes) -> None:
        file = Path(self._folder.name) / f"{kind}-{key}"
        file.write_bytes(content)
        keep(kind, key, file)
        prune(kind, _LIMIT_BYTES)


def _model_key(model: Model) -> str:
    return json.dumps([model.name, model.sha256, sorted((name, list(shape)) for name, shape in model.shapes.items())])


@cache
def _code() -> str:
    """Hash of the package's own Python, so that what an older one computed is not taken for what this one would."""
    files = sorted(Path(__file__).resolve().parents[1].rglob("*.py"))
    return content_key(__version__, [part for file in files for part in (file.name, _sha256(file))])


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
