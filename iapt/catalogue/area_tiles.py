"""The tile map: where each area's square stands, as `catalogue/area_tiles.csv` says. Reads and checks; draws nothing.

The layout is the project's own. Row 0 is in the north and column 0 in the west; the file is in reading order, so what
is drawn in its order is also read and reached in that order.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from iapt.catalogue.strict_model import StrictModel

LONGEST_LABEL = 14  # characters that stay readable inside a tile
LAST_PLACE = 19  # the last row and column that a map of one page has room for


@dataclass
class AreaTilesError(Exception):
    """Raised when the file of tiles breaks a rule; `line` is the line of the file, the header being line 1."""

    file: str
    line: int
    expected: str
    found: str

    def __str__(self) -> str:
        """One sentence for a person."""
        return f"{self.file}, line {self.line}: expected {self.expected}; found {self.found}."


class Tile(StrictModel):
    """One area's place on the tile map, the label that fits into its square, and the region it is drawn with."""

    code: str = Field(pattern=r"^[A-Z0-9]{3,10}$")
    row: int = Field(ge=0, le=LAST_PLACE)
    column: int = Field(ge=0, le=LAST_PLACE)
    short_label: str = Field(min_length=1, max_length=LONGEST_LABEL, pattern=r"^\S(.*\S)?$")
    region_code: str = Field(pattern=r"^Y[0-9]{2}$")

    @property
    def place(self) -> tuple[int, int]:
        """Row and column; in this order, tiles sort as they are read."""
        return self.row, self.column


def load_tiles(path: Path) -> tuple[Tile, ...]:
    """The tiles of a file, in reading order. Raises AreaTilesError at the first line that breaks a rule."""
    try:
        # Lines keep their ends, and empty ones count, so that the line in a message is the line in the file.
        lines = list(csv.reader(path.read_text("utf-8").splitlines(keepends=True), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AreaTilesError(path.name, 1, "a CSV file in UTF-8", str(error)) from error
    header = list(Tile.model_fields)
    if not lines or lines[0] != header:
        found = ",".join(lines[0]) if lines else "an empty file"
        raise AreaTilesError(path.name, 1, f"the header {','.join(header)}", found)
    if len(lines) == 1:
        raise AreaTilesError(path.name, 2, "at least one tile", "none")
    tiles: list[Tile] = []
    for number, fields in enumerate(lines[1:], start=2):
        tile = _parse_tile(path.name, number, header, fields)
        _reject_conflicts(path.name, number, tile, tiles)
        tiles.append(tile)
    return tuple(tiles)


def _parse_tile(file: str, line: int, header: list[str], fields: list[str]) -> Tile:
    if len(fields) != len(header):
        raise AreaTilesError(file, line, f"{len(header)} fields", f"{len(fields)}")
    try:
        tile = Tile.model_validate(dict(zip(header, fields, strict=True)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        expected = f"{first['loc'][0]}: {first['msg'].removeprefix('Input should be ')}"
        raise AreaTilesError(file, line, expected, repr(first["input"])) from error
    # " 1" and "01" are numbers too, but two spellings of one layout would be two files.
    if [str(value) for value in tile.model_dump().values()] != fields:
        raise AreaTilesError(file, line, "plain whole numbers", ",".join(fields))
    return tile


def _reject_conflicts(file: str, line: int, tile: Tile, earlier: list[Tile]) -> None:
    """Raise AreaTilesError where a tile conflicts with one before it."""
    for number, other in enumerate(earlier, start=2):
        if tile.code == other.code:
            raise AreaTilesError(file, line, "each code once", f"{tile.code}, as on line {number}")
        if tile.place == other.place:
            found = f"{tile.code} at row {tile.row}, column {tile.column}, where line {number} has {other.code}"
            raise AreaTilesError(file, line, "one tile on each place", found)
        if tile.short_label.casefold() == other.short_label.casefold():
            raise AreaTilesError(file, line, "a label for each tile alone", f"{tile.short_label}, as on line {number}")
    if earlier and tile.place < earlier[-1].place:
        last = earlier[-1]
        found = f"row {tile.row}, column {tile.column} after row {last.row}, column {last.column}"
        raise AreaTilesError(file, line, "tiles in reading order: by row, then column", found)


def find_noncontiguous_regions(tiles: Iterable[Tile]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """Regions whose tiles do not hang together by their edges, each with the codes of its separate parts.

    Tiles that only touch at a corner are apart: a line drawn round the region could not hold both.
    """
    regions: dict[str, dict[tuple[int, int], Tile]] = {}
    for tile in tiles:
        regions.setdefault(tile.region_code, {})[tile.place] = tile
    parts = {region: _split_contiguous(places) for region, places in sorted(regions.items())}
    return {region: found for region, found in parts.items() if len(found) > 1}


def _split_contiguous(places: Mapping[tuple[int, int], Tile]) -> tuple[tuple[str, ...], ...]:
    unseen = set(places)
    parts = []
    for start in sorted(places):
        if start not in unseen:
            continue
        unseen.remove(start)
        part = [start]
        for row, column in part:  # the list grows as it is walked
            for neighbour in ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column)):
                if neighbour in unseen:
                    unseen.remove(neighbour)
                    part.append(neighbour)
        parts.append(tuple(places[place].code for place in sorted(part)))
    return tuple(parts)
