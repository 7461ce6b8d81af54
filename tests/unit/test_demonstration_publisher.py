"""The publisher's disclosure rule and the exact splitting of totals: every boundary, and any number."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.synthetic import publisher
from iapt.synthetic.allocation import IntArray, allocate, draw_whole_numbers, make_random_stream, sum_by_group
from iapt.synthetic.measures import compute_median_in_halves

COUNTS = st.integers(min_value=0, max_value=2_000_000)
ENGLAND, ELSEWHERE = np.array([True]), np.array([False])


def make_array(value: int) -> IntArray:
    return np.array([value], dtype=np.int64)


def format_exact(numerator: int, denominator: int, places: str) -> str:
    """The quotient rounded half up without a trailing `.0`, in decimals and not by the module under test."""
    rounded = (Decimal(numerator) / Decimal(denominator)).quantize(Decimal(places), ROUND_HALF_UP)
    return format(rounded.normalize(), "f")


@st.composite
def draw_numerator_and_denominator(draw: st.DrawFn) -> tuple[int, int]:
    denominator = draw(st.integers(min_value=1, max_value=2_000_000) | st.integers(min_value=1, max_value=200))
    return draw(st.integers(min_value=0, max_value=denominator)), denominator


@pytest.mark.parametrize(
    ("count", "published"), [(0, "*"), (1, "*"), (2, "*"), (3, "*"), (4, "*"), (5, "5"), (6, "5"), (7, "5"), (8, "10")]
)
def test_a_small_count_is_suppressed_elsewhere_and_printed_for_england(count: int, published: str) -> None:
    assert publisher.publish_counts(make_array(count), ELSEWHERE).tolist() == [published]
    assert publisher.publish_counts(make_array(count), ENGLAND).tolist() == [str(count)]


@given(COUNTS)
def test_a_count_is_published_to_the_nearest_five(count: int) -> None:
    text = publisher.publish_counts(make_array(count), ELSEWHERE)[0]
    assert (text == "*") == (count <= 4)
    if count > 4:
        assert int(text) % 5 == 0
        assert abs(int(text) - count) <= 2


@pytest.mark.parametrize(
    ("numerator", "denominator", "published"),
    [
        (23, 40, "58"),  # 57.5: a tie goes up
        (5, 8, "63"),  # 62.5, where half to even would say 62
        (5, 1000, "1"),  # 0.5
        (5, 1001, "0"),  # a published zero, of a numerator that is shown
        (5, 5, "100"),
        (4, 4, "*"),
        (4, 2000, "*"),
        (0, 0, "*"),
    ],
)
def test_a_percentage_is_whole_and_suppressed_by_its_numerator_alone(
    numerator: int, denominator: int, published: str
) -> None:
    texts = publisher.publish_percentages(make_array(numerator), make_array(denominator), ELSEWHERE)
    assert texts.tolist() == [published]


@given(draw_numerator_and_denominator())
def test_a_percentage_comes_from_the_true_counts(counts: tuple[int, int]) -> None:
    numerator, denominator = counts
    figures = (make_array(numerator), make_array(denominator))
    elsewhere = publisher.publish_percentages(*figures, ELSEWHERE)[0]
    assert elsewhere == ("*" if numerator <= 4 else format_exact(100 * numerator, denominator, "1"))
    assert publisher.publish_percentages(*figures, ENGLAND)[0] == format_exact(100 * numerator, denominator, "0.1")


def test_a_percentage_of_england_needs_a_denominator() -> None:
    with pytest.raises(ValueError, match="base above 0"):
        publisher.publish_percentages(make_array(0), make_array(0), ENGLAND)


@given(st.integers(min_value=0, max_value=10**8), st.integers(min_value=1, max_value=10**6))
def test_a_mean_has_one_decimal_and_is_suppressed_by_its_base(total: int, base: int) -> None:
    text = format_exact(total, base, "0.1")
    assert publisher.publish_means(make_array(total), make_array(base), ENGLAND)[0] == text
    assert publisher.publish_means(make_array(total), make_array(base), ELSEWHERE)[0] == ("*" if base <= 4 else text)


def test_a_median_and_an_extreme_are_suppressed_by_their_base_and_never_by_their_value() -> None:
    for base, hidden in ((4, True), (5, False)):
        assert publisher.publish_medians(make_array(37), make_array(base), ELSEWHERE)[0] == ("*" if hidden else "18.5")
        assert publisher.publish_extremes(make_array(2), make_array(base), ELSEWHERE)[0] == ("*" if hidden else "2")


@pytest.mark.parametrize(("bands", "halves"), [([10, 0], 28), ([0, 10], 70), ([5, 5], 56), ([1, 3], 65), ([0, 0], 0)])
def test_the_median_stands_in_the_band_that_holds_the_middle(bands: list[int], halves: int) -> None:
    assert compute_median_in_halves(np.array([bands], dtype=np.int64), (28, 42)).tolist() == [halves]


@given(
    st.integers(min_value=0, max_value=10**6),
    st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=40),
    st.integers(min_value=0, max_value=50),
)
def test_the_parts_of_a_split_add_up_and_keep_their_proportion(total: int, sizes: list[int], seed: int) -> None:
    weights = np.array([*sizes, 1], dtype=np.int64)
    parts = allocate(total, weights, make_random_stream(str(seed)))
    assert int(parts.sum()) == total
    shares = [total * int(weight) / int(weights.sum()) for weight in weights]
    assert all(abs(int(part) - share) < 1 + 1e-6 for part, share in zip(parts, shares, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)
    if total <= int(weights.sum()):
        assert (parts <= weights).all()


def test_a_split_over_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="found none"):
        allocate(1, np.zeros(3, dtype=np.int64), make_random_stream("a"))
    assert allocate(0, np.zeros(3, dtype=np.int64), make_random_stream("a")).tolist() == [0, 0, 0]


def test_a_split_too_large_for_whole_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        allocate(2**40, np.array([2**40, 1], dtype=np.int64), make_random_stream("a"))


def test_a_stream_is_the_same_every_time_and_differs_by_name() -> None:
    drawn = [draw_whole_numbers(make_random_stream(name), 0, 999, (4,)).tolist() for name in ("a", "a", "b")]
    assert drawn == [[355, 322, 619, 71], [355, 322, 619, 71], drawn[2]]
    assert drawn[2] != drawn[0]


def test_groups_are_summed_and_an_empty_one_is_zero() -> None:
    values = np.array([[1, 10], [2, 20], [4, 40]], dtype=np.int64)
    groups = np.array([2, 0, 2], dtype=np.int64)
    assert sum_by_group(values, groups, 3).tolist() == [[2, 20], [0, 0], [5, 50]]
