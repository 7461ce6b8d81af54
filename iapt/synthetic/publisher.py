"""The publisher's own disclosure rule, as measured on the published files.

England is exact. Everywhere else a count of 0 to 4 is suppressed and any other is rounded to the nearest 5; a
percentage is whole, from the true counts, and suppressed exactly when its numerator is 0 to 4; a mean or median has its
usual precision and is suppressed with its base. All of it is integer arithmetic, ties upwards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iapt.synthetic.allocation import IntArray

SUPPRESSED = "*"
LARGEST_SUPPRESSED = 4

TextArray = npt.NDArray[np.object_]
BoolArray = npt.NDArray[np.bool_]


def round_count(count: IntArray) -> IntArray:
    """A count to the nearest 5."""
    return (count + 2) // 5 * 5


def round_percentage(numerator: IntArray, denominator: IntArray) -> IntArray:
    """A percentage without decimals; 0 where there is nothing to divide by."""
    safe: IntArray = np.maximum(denominator, 1)
    percentage: IntArray = (200 * numerator + safe) // (2 * safe)
    return percentage


def round_to_tenths(numerator: IntArray, denominator: IntArray) -> IntArray:
    """Ten times a ratio, rounded to a whole number; 0 where there is nothing to divide by."""
    safe: IntArray = np.maximum(denominator, 1)
    ratio: IntArray = (20 * numerator + safe) // (2 * safe)
    return ratio


def _format_whole(values: IntArray) -> TextArray:
    return values.astype(str).astype(np.object_)


def _format_tenths(values_in_tenths: IntArray) -> TextArray:
    whole_part, decimal = np.divmod(values_in_tenths, 10)
    texts: TextArray = _format_whole(whole_part) + np.where(decimal == 0, "", "." + _format_whole(decimal))
    return texts


def _suppress(texts: TextArray, count: IntArray, england: BoolArray) -> TextArray:
    """The texts with the marker where a figure outside England rests on a count of 0 to 4."""
    texts[~england & (count <= LARGEST_SUPPRESSED)] = SUPPRESSED
    return texts


def _reject_empty_england(base: IntArray, england: BoolArray) -> None:
    if np.any(england & (base == 0)):
        raise ValueError("expected a base above 0 for every figure of England, found 0")


def publish_counts(counts: IntArray, england: BoolArray) -> TextArray:
    """Counts as published."""
    return _suppress(_format_whole(np.where(england, counts, round_count(counts))), counts, england)


def publish_percentages(numerator: IntArray, denominator: IntArray, england: BoolArray) -> TextArray:
    """Percentages as published, always from the true counts."""
    _reject_empty_england(denominator, england)
    one_decimal = _format_tenths(round_to_tenths(100 * numerator, denominator))
    texts = np.where(england, one_decimal, _format_whole(round_percentage(numerator, denominator)))
    return _suppress(texts, numerator, england)


def publish_means(total: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Means as published: one decimal everywhere, suppressed with their base."""
    _reject_empty_england(base, england)
    return _suppress(_format_tenths(round_to_tenths(total, base)), base, england)


def publish_medians(halves: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Medians, given in halves, as published: whole or with a half everywhere, suppressed with their base."""
    _reject_empty_england(base, england)
    return _suppress(_format_tenths(5 * halves), base, england)


def publish_extremes(extremes: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Largest and smallest values as published: raw everywhere, suppressed with their base."""
    _reject_empty_england(base, england)
    return _suppress(_format_whole(extremes), base, england)
