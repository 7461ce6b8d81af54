"""Batches: what is worked on together, so that memory is bounded and does not grow with history."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

_Item = TypeVar("_Item", bound=Hashable)


def batch_by_size(sizes: Mapping[_Item, int], most: int) -> Iterator[list[_Item]]:
    """Yield items in their order, in batches of no more than `most` rows together, or of one item with more.

    `sizes` are the rows of each item.
    """
    batch: list[_Item] = []
    rows = 0
    for item, size in sizes.items():
        if batch and rows + size > most:
            yield batch
            batch = []
            rows = 0
        batch.append(item)
        rows += size
    if batch:
        yield batch
