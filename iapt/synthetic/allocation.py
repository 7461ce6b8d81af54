"""Splitting whole numbers into whole parts, exactly and the same on every machine.

Everything is integer arithmetic on frozen random streams: no floating point, so no last digit that depends on a
processor. Sums are kept by construction, never repaired afterwards.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_PHASE_BITS = 20
_LARGEST = np.iinfo(np.int64).max


def make_random_stream(*labels: str) -> np.random.RandomState:
    """A random stream of its own for everything that has a name, so that one period never moves another."""
    return np.random.RandomState(zlib.crc32("|".join(labels).encode()))


def draw_whole_numbers(random: np.random.RandomState, low: int, high: int, shape: tuple[int, ...]) -> IntArray:
    """Whole numbers from `low` to `high`, both included, in the shape asked for."""
    return random.randint(low, high + 1, size=shape, dtype=np.int64)


def allocate(totals: IntArray | int, weights: IntArray, random: np.random.RandomState) -> IntArray:
    """Split each total along the last axis of `weights`, in their proportion; the parts add up to it.

    A part is the proportional share rounded up or down: never above its weight where the total is not above the sum of
    weights, and 0 where its weight is 0. Where the rounding falls is random.

    Raises ValueError where something is to be split over no weight, or where the numbers are too large.
    """
    totals = np.asarray(totals, dtype=np.int64)
    edges = np.cumsum(weights, axis=-1)
    total_weights = edges[..., -1]
    if np.any((total_weights == 0) & (totals > 0)):
        raise ValueError("expected a weight to split over, found none for a total above 0")
    if max(int(totals.max(initial=0)) + 1, 1 << _PHASE_BITS) > _LARGEST // max(int(total_weights.max(initial=0)), 1):
        raise ValueError("expected totals and weights whose products fit 64 bits, found larger ones")
    total_weights = np.maximum(total_weights, 1)
    phase = (total_weights * draw_whole_numbers(random, 0, (1 << _PHASE_BITS) - 1, total_weights.shape)) >> _PHASE_BITS
    marks = (totals[..., None] * edges + phase[..., None]) // total_weights[..., None]
    return np.diff(marks, axis=-1, prepend=0)


def sum_by_group(values: IntArray, group: IntArray, groups: int) -> IntArray:
    """Sum the rows of `values` by group; a group without rows is 0."""
    sums = np.zeros((groups, *values.shape[1:]), dtype=np.int64)
    np.add.at(sums, group, values)
    return sums


def round_half_up(numerator: int, denominator: int) -> int:
    """A ratio of whole numbers above 0 rounded to the nearest whole, ties upwards."""
    return (2 * numerator + denominator) // (2 * denominator)
