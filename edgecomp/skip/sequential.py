"""Tests on paired outcomes: a sample is lost (right before, wrong now), gained, or the same.

`hopeless` may be asked after any number of samples, as often as wanted. It bets against "the loss is at most `limit`": with a share b of
the capital staked on each sample, the capital is a supermartingale while that is true, so it exceeds 1 / error with a probability of at
most `error`, whenever it is looked at (Ville's inequality; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
betting", 2023). Capital on several stakes is averaged.
"""

from __future__ import annotations

from math import inf, log, sqrt
from statistics import NormalDist

import numpy as np

STAKES = np.geomspace(0.02, 0.9, 12)


def hopeless(lost: int, gained: int, samples: int, limit: float, error: float) -> bool:
    """Whether the share of samples lost net is above `limit` (0..1); wrong with a probability of at most `error`, at all looks together."""
    stakes = STAKES / (1 + limit)
    same = samples - lost - gained
    capital = lost * np.log1p(stakes * (1 - limit)) + gained * np.log1p(-stakes * (1 + limit)) + same * np.log1p(-stakes * limit)
    most = float(capital.max())
    return most + log(float(np.exp(capital - most).mean())) >= -log(error)


def deviation(lost: int, gained: int, samples: int) -> float:
    """Standard deviation of the share of samples lost net, as if one sample more had changed."""
    if samples <= 0:
        return inf
    mean = (lost - gained) / samples
    return sqrt(max((lost + gained + 1) / samples - mean * mean, 0.0) / samples)


def quantile(confidence: float) -> float:
    """How many standard deviations an upper confidence bound is above the mean."""
    return NormalDist().inv_cdf(confidence)


def loss_bound(lost: int, gained: int, samples: int, confidence: float) -> float:
    """Upper confidence bound on the share of samples lost net, one-sided, by the normal approximation."""
    return (lost - gained) / max(samples, 1) + quantile(confidence) * deviation(lost, gained, samples)
