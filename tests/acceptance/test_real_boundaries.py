"""Real boundaries, beside the real drops: every area finds its organisation, and the paths are small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from iapt.catalogue.area_tiles import load_tiles
from iapt.report.boundaries import Boundaries, read_boundaries
from iapt.workspace import CATALOGUE
from tests.factories.seeds import read_seed

LARGEST_MAP = 60_000  # characters of all paths, so that a page with its map stays light


def real_boundaries(path: Path, level: str, day: str) -> Boundaries:
    """The areas of a file, matched with the places of one level in force on a day."""
    codes = {
        row["ons_code"]: row["org_code"]
        for row in read_seed("organisations")
        if row["org_level"] == level
        and row["is_place"] == "true"
        and row["valid_from"] <= day <= (row["valid_to"] or day)
    }
    return read_boundaries(path, codes)


def test_every_board_of_the_tile_map_has_its_shape(reference: Callable[[str], Path]) -> None:
    boundaries = real_boundaries(reference("icb_2023_simplified.geojson"), "icb", "2025-06-01")
    assert (boundaries.unmatched, boundaries.missing) == ((), ())
    assert list(boundaries.paths) == sorted(tile.code for tile in load_tiles(CATALOGUE / "area_tiles.csv"))
    assert len(boundaries.paths) == 42
    assert sum(map(len, boundaries.paths.values())) < LARGEST_MAP


def test_every_group_of_2021_has_its_shape(reference: Callable[[str], Path]) -> None:
    boundaries = real_boundaries(reference("ccg_2021_simplified.geojson"), "ccg", "2021-04-01")
    assert (boundaries.unmatched, boundaries.missing) == ((), ())
    assert len(boundaries.paths) == 106
    assert sum(map(len, boundaries.paths.values())) < LARGEST_MAP


def test_england_is_a_little_taller_than_wide(reference: Callable[[str], Path]) -> None:
    width, height = real_boundaries(reference("icb_2023_simplified.geojson"), "icb", "2025-06-01").view_box
    assert width == 600
    assert 1.1 < height / width < 1.2
