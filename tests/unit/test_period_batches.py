"""What is worked on together has a bounded number of rows, and nothing is left out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from iapt.period_batches import batch_by_size

SIZES = st.dictionaries(st.text(max_size=3), st.integers(0, 50), max_size=12)


@given(SIZES, st.integers(1, 60))
def test_every_item_is_in_one_batch_in_its_order_and_only_an_item_by_itself_is_larger(
    sizes: dict[str, int], most: int
) -> None:
    batches = list(batch_by_size(sizes, most))
    assert [item for batch in batches for item in batch] == list(sizes)
    assert all(batch for batch in batches)
    assert all(sum(sizes[item] for item in batch) <= most for batch in batches if len(batch) > 1)


@given(SIZES, st.integers(1, 60))
def test_no_batch_could_have_held_what_comes_next(sizes: dict[str, int], most: int) -> None:
    batches = list(batch_by_size(sizes, most))
    for batch, after in pairwise(batches):
        assert sum(sizes[item] for item in (*batch, after[0])) > most
