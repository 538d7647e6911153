"""What a finished choice does, with false zeros, which a search has no need to count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto

from edgecomp.graph import Array
from edgecomp.skip.segments import NetworkSource, fold_constants, name_batch_axis
from edgecomp.skip.sites import Choice, Site
from edgecomp.skip.spatial_layer import insert_spatial

SAMPLES = 256


def false_zeros(source: NetworkSource, sites: Sequence[Site], choices: Sequence[Choice | None], samples: Array) -> list[float]:
    """Of each site the share of outputs taken as zero that would not be, on some of the samples."""
    import onnxruntime

    model = ModelProto.FromString(source.model)
    fold_constants(model)
    whole = insert_spatial(model, source.layers)
    name_batch_axis(whole)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session: Any = onnxruntime.InferenceSession(whole.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [site.spatial.false_zeros for site in sites]
    lost = np.zeros(len(sites))
    rows = samples[:SAMPLES]
    for row in rows:
        feeds: dict[str, Array] = {whole.graph.input[0].name: row[None]}
        for site, choice in zip(sites, choices, strict=True):
            feeds |= site.spatial.dense() if choice is None else site.spatial.feeds(choice.masks, choice.thresholds)
        found = session.run(names, feeds)
        lost += [float(values[site.kept].sum()) for site, values in zip(sites, found, strict=True)]
    outputs = np.array([int(site.kept.sum()) * site.spatial.height * site.spatial.width for site in sites])
    result: list[float] = (lost / (outputs * len(rows))).tolist()
    return result
