"""The publisher's own disclosure rule, as measured on the published files.

England is exact. Everywhere else a count of 0 to 4 is hidden and any other is rounded to the nearest 5; a
percentage is whole, from the true counts, and hidden exactly when its numerator is 0 to 4; a mean or median
has its usual precision and is hidden with its base. All of it is integer arithmetic, ties upwards. What the
rule is applied to, and where it is printed, is no matter of this module.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iapt.synthetic.allocation import IntArray

HIDDEN = "*"
LARGEST_HIDDEN = 4

TextArray = npt.NDArray[np.object_]
BoolArray = npt.NDArray[np.bool_]


def rounded_count(count: IntArray) -> IntArray:
    """A count to the nearest 5."""
    return (count + 2) // 5 * 5


def whole_percentage(numerator: IntArray, denominator: IntArray) -> IntArray:
    """A percentage without decimals; 0 where there is nothing to divide by."""
    safe: IntArray = np.maximum(denominator, 1)
    percentage: IntArray = (200 * numerator + safe) // (2 * safe)
    return percentage


def tenths(numerator: IntArray, denominator: IntArray) -> IntArray:
    """Ten times a ratio, rounded to a whole number; 0 where there is nothing to divide by."""
    safe: IntArray = np.maximum(denominator, 1)
    ratio: IntArray = (20 * numerator + safe) // (2 * safe)
    return ratio


def hidden(count: IntArray, england: BoolArray) -> BoolArray:
    """Where a figure that rests on the count is hidden."""
    return ~england & (count <= LARGEST_HIDDEN)


def _texts(values: IntArray) -> TextArray:
    return values.astype(str).astype(np.object_)


def _decimal_texts(values_in_tenths: IntArray) -> TextArray:
    whole, decimal = np.divmod(values_in_tenths, 10)
    texts: TextArray = _texts(whole) + np.where(decimal == 0, "", "." + _texts(decimal))
    return texts


def _refuse_empty_england(base: IntArray, england: BoolArray) -> None:
    if np.any(england & (base == 0)):
        raise ValueError("expected a base above 0 for every figure of England, found 0")


def published_counts(counts: IntArray, england: BoolArray) -> TextArray:
    """Counts as published."""
    values = _texts(np.where(england, counts, rounded_count(counts)))
    values[hidden(counts, england)] = HIDDEN
    return values


def published_percentages(numerator: IntArray, denominator: IntArray, england: BoolArray) -> TextArray:
    """Percentages as published, always from the true counts."""
    _refuse_empty_england(denominator, england)
    one_decimal = _decimal_texts(tenths(100 * numerator, denominator))
    values = np.where(england, one_decimal, _texts(whole_percentage(numerator, denominator)))
    values[hidden(numerator, england)] = HIDDEN
    return values


def published_means(total: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Means as published: one decimal everywhere, hidden with their base."""
    _refuse_empty_england(base, england)
    values = _decimal_texts(tenths(total, base))
    values[hidden(base, england)] = HIDDEN
    return values


def published_medians(halves: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Medians as published: whole or with a half everywhere, hidden with their base. Given in halves."""
    _refuse_empty_england(base, england)
    values = _decimal_texts(5 * halves)
    values[hidden(base, england)] = HIDDEN
    return values


def published_extremes(extremes: IntArray, base: IntArray, england: BoolArray) -> TextArray:
    """Largest and smallest values as published: raw everywhere, hidden with their base."""
    _refuse_empty_england(base, england)
    values = _texts(extremes)
    values[hidden(base, england)] = HIDDEN
    return values
