"""The tile map: its layout holds today's areas and regions, and a file that breaks a rule is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from iapt.catalogue.area_tiles import LONGEST_LABEL, AreaTilesError, Tile, find_noncontiguous_regions, load_tiles
from tests.factories.seeds import Row, read_seed

ROOT = Path(__file__).resolve().parents[2]
TILES = ROOT / "catalogue" / "area_tiles.csv"
DAY = "2025-06-01"  # within July 2022 to March 2026, the time of the 42 boards
HEADER = "code,row,column,short_label,region_code"
NORTH = "QHM,0,1,North,Y63"
WEST = "QYG,1,0,West,Y62"
EAST = "QOP,1,1,East,Y62"


def on_the_day(seed: str) -> list[Row]:
    """Rows of a seed about the boards in force on the day."""
    return [
        row
        for row in read_seed(seed)
        if row["org_level"] == "icb" and row["valid_from"] and row["valid_from"] <= DAY <= (row["valid_to"] or DAY)
    ]


def tile(code: str, row: int, column: int, region: str) -> Tile:
    return Tile(code=code, row=row, column=column, short_label=code, region_code=region)


def written(folder: Path, *lines: str) -> Path:
    path = folder / "tiles.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def refusal(folder: Path, *lines: str) -> AreaTilesError:
    """The refusal of a file of lines below the right header."""
    with pytest.raises(AreaTilesError) as refused:
        load_tiles(written(folder, HEADER, *lines))
    return refused.value


# -- the layout of the project -----------------------------------------------------------------------------------------


def test_every_board_of_the_day_has_one_tile() -> None:
    codes = sorted(tile.code for tile in load_tiles(TILES))
    assert codes == sorted(row["org_code"] for row in on_the_day("organisations"))
    assert len(codes) == 42


def test_tiles_are_in_the_regions_of_the_lists() -> None:
    parents = {row["org_code"]: row["parent_code"] for row in on_the_day("organisation_parents")}
    assert {tile.code: tile.region_code for tile in load_tiles(TILES)} == parents


def test_regions_hang_together() -> None:
    assert find_noncontiguous_regions(load_tiles(TILES)) == {}


def test_the_map_fits_a_page_and_wastes_no_row_or_column() -> None:
    tiles = load_tiles(TILES)
    assert {tile.row for tile in tiles} == set(range(9))
    assert {tile.column for tile in tiles} == set(range(8))


def test_no_row_has_a_hole() -> None:
    rows: dict[int, list[int]] = {}
    for tile in load_tiles(TILES):
        rows.setdefault(tile.row, []).append(tile.column)
    for columns in rows.values():
        assert columns == list(range(columns[0], columns[0] + len(columns)))


def test_the_corners_of_england_are_where_they_belong() -> None:
    at = {tile.code: tile for tile in load_tiles(TILES)}
    cornwall, cumbria, kent, norfolk = at["QT6"], at["QHM"], at["QKS"], at["QMM"]
    assert cumbria.row == 0
    assert (cornwall.row, cornwall.column) == (8, 0)
    assert (kent.row, norfolk.column) == (8, 7)
    assert at["QE1"].column < at["QWO"].column < at["QOQ"].column
    assert at["QRV"].column < at["QMJ"].column < at["QMF"].column
    assert at["QRV"].row < at["QWE"].row == at["QKK"].row


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_good_file_is_read_in_its_order(tmp_path: Path) -> None:
    tiles = load_tiles(written(tmp_path, HEADER, NORTH, WEST, 'QOP,1,1,"East, far",Y62'))
    assert [tile.place for tile in tiles] == [(0, 1), (1, 0), (1, 1)]
    assert tiles[2] == Tile(code="QOP", row=1, column=1, short_label="East, far", region_code="Y62")


def test_a_code_twice_is_refused(tmp_path: Path) -> None:
    refused = refusal(tmp_path, NORTH, WEST, "QHM,1,1,Again,Y63")
    assert refused == AreaTilesError("tiles.csv", 4, "each code once", "QHM, as on line 2")
    assert str(refused) == "tiles.csv, line 4: expected each code once; found QHM, as on line 2."


def test_two_tiles_on_one_place_are_refused(tmp_path: Path) -> None:
    refused = refusal(tmp_path, NORTH, WEST, "QOP,1,0,East,Y62")
    assert (refused.line, refused.expected) == (4, "one tile on each place")
    assert refused.found == "QOP at row 1, column 0, where line 3 has QYG"


def test_a_label_twice_is_refused(tmp_path: Path) -> None:
    refused = refusal(tmp_path, NORTH, WEST, "QOP,1,1,WEST,Y62")
    assert (refused.line, refused.expected, refused.found) == (4, "a label for each tile alone", "WEST, as on line 3")


@pytest.mark.parametrize(("lines", "line"), [([NORTH, EAST, WEST], 4), ([WEST, NORTH, EAST], 3)], ids=["column", "row"])
def test_tiles_out_of_reading_order_are_refused(tmp_path: Path, lines: list[str], line: int) -> None:
    refused = refusal(tmp_path, *lines)
    assert (refused.line, refused.expected) == (line, "tiles in reading order: by row, then column")


def test_a_label_too_long_for_its_tile_is_refused(tmp_path: Path) -> None:
    longest = "x" * LONGEST_LABEL
    assert load_tiles(written(tmp_path, HEADER, f"QHM,0,1,{longest},Y63"))[0].short_label == longest
    refused = refusal(tmp_path, f"QHM,0,1,{longest}x,Y63")
    assert refused.line == 2
    assert "short_label" in refused.expected
    assert "14" in refused.expected
    assert refused.found == repr(f"{longest}x")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("qhm,0,1,North,Y63", "code"),
        ("QHM,north,1,North,Y63", "row"),
        ("QHM,-1,1,North,Y63", "row"),
        ("QHM,0,20,North,Y63", "column"),
        ("QHM,0,1,,Y63", "short_label"),
        ("QHM,0,1, North,Y63", "short_label"),
        ('QHM,0,1,"North\nEast",Y63', "short_label"),
        ("QHM,0,1,North,London", "region_code"),
    ],
)
def test_a_field_that_is_not_of_its_kind_is_refused_by_name(tmp_path: Path, line: str, column: str) -> None:
    refused = refusal(tmp_path, line)
    assert refused.line == 2
    assert refused.expected.startswith(f"{column}: ")


@pytest.mark.parametrize("row", [" 0", "00", "+0", "0.0"])
def test_a_number_in_another_spelling_is_refused(tmp_path: Path, row: str) -> None:
    assert refusal(tmp_path, f"QHM,{row},1,North,Y63").expected == "plain whole numbers"


@pytest.mark.parametrize("line", ["QHM,0,1,North", "QHM,0,1,North,Y63,more", ""])
def test_a_line_with_other_fields_is_refused(tmp_path: Path, line: str) -> None:
    refused = refusal(tmp_path, NORTH, line, WEST)
    assert (refused.line, refused.expected) == (3, "5 fields")


@pytest.mark.parametrize(
    "header", ["code,column,row,short_label,region_code", "code,row,column,short_label", HEADER.upper()]
)
def test_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(AreaTilesError) as refused:
        load_tiles(written(tmp_path, header, NORTH))
    assert refused.value == AreaTilesError("tiles.csv", 1, f"the header {HEADER}", header)


def test_a_file_with_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path).found == "none"
    with pytest.raises(AreaTilesError, match="found an empty file"):
        load_tiles(written(tmp_path))


def test_a_file_that_is_no_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiles.csv"
    with pytest.raises(AreaTilesError, match="expected a CSV file in UTF-8"):
        load_tiles(path)
    for content in (b"\xff\xfe", f'{HEADER}\nQHM,0,1,"North"x,Y63\n'.encode()):
        path.write_bytes(content)
        with pytest.raises(AreaTilesError, match="expected a CSV file in UTF-8"):
            load_tiles(path)


def test_a_tile_is_fixed_and_knows_no_other_field() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Tile.model_validate({**tile("QHM", 0, 0, "Y63").model_dump(), "colour": "red"})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(tile("QHM", 0, 0, "Y63"), "row", 1)  # noqa: B010 - the checker knows it is frozen


# -- regions -----------------------------------------------------------------------------------------------------------


def test_a_region_round_a_corner_hangs_together() -> None:
    bend = [tile("AAA", 0, 0, "Y56"), tile("BBB", 1, 0, "Y56"), tile("CCC", 1, 1, "Y56")]
    assert find_noncontiguous_regions(bend) == {}


def test_a_region_that_only_touches_at_a_corner_is_in_parts() -> None:
    tiles = [tile("AAA", 0, 0, "Y56"), tile("BBB", 0, 1, "Y58"), tile("CCC", 1, 1, "Y56"), tile("DDD", 1, 2, "Y56")]
    assert find_noncontiguous_regions(tiles) == {"Y56": (("AAA",), ("CCC", "DDD"))}


def test_tiles_of_another_region_do_not_hold_one_together() -> None:
    tiles = [tile("AAA", 0, 0, "Y56"), tile("BBB", 0, 1, "Y58"), tile("CCC", 0, 2, "Y56")]
    assert find_noncontiguous_regions(tiles) == {"Y56": (("AAA",), ("CCC",))}
