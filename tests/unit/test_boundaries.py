"""Boundaries from GeoJSON: small paths without gaps from a good file, and a refusal of every other."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.report import boundaries as module
from iapt.report.boundaries import (
    EAST,
    MAX_BRACKETS,
    MAX_FEATURES,
    MAX_FILE_BYTES,
    NORTH,
    SOUTH,
    WEST,
    Boundaries,
    BoundariesError,
    parse_boundaries,
    project,
    read_boundaries,
)

NAME = "areas.geojson"
FIRST, SECOND, THIRD = "E54000001", "E54000002", "E54000003"
CODES = {FIRST: "QAA", SECOND: "QBB"}


def square(west: float, south: float, size: float = 1.0) -> list[list[float]]:
    """A closed ring."""
    return [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]


def feature(code: str, *rings: list[list[float]], **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"AREACD": code, "AREANM": f"Area {code}", **properties},
        "geometry": {"type": "Polygon", "coordinates": list(rings)},
    }


def islands(code: str, *polygons: list[list[list[float]]]) -> dict[str, Any]:
    return {**feature(code), "geometry": {"type": "MultiPolygon", "coordinates": list(polygons)}}


def collection(*features: object) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


PAIR = collection(feature(FIRST, square(-2, 52)), feature(SECOND, square(-1, 52)))


def draw(data: object, codes: dict[str, str] = CODES, width: int = 600) -> Boundaries:
    return parse_boundaries(json.dumps(data).encode(), codes, name=NAME, width=width)


def read_error(data: object, codes: dict[str, str] = CODES) -> BoundariesError:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(BoundariesError) as error:
        parse_boundaries(content, codes, name=NAME)
    assert error.value.remedy
    return error.value


def parse_rings(path: str) -> list[list[tuple[int, int]]]:
    """The rings of path data in absolute units, read as a browser would."""
    assert re.fullmatch(r"(m-?\d+[ -]\d+l-?\d+([ -]\d+)+z)+", path)
    rings = []
    x = y = 0
    for subpath in path.split("z")[:-1]:
        numbers = [int(number) for number in re.findall(r"-?\d+", subpath)]
        ring = []
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x, y))
        x, y = ring[0]
        rings.append(ring)
    return rings


def area(ring: list[tuple[float, float]] | list[tuple[int, int]]) -> float:
    return abs(sum(x * v - u * y for (x, y), (u, v) in pairwise([*ring, ring[0]]))) / 2


# -- what a good file gives --------------------------------------------------------------------------------------------


def test_each_organisation_has_a_path_inside_the_sheet() -> None:
    boundaries = draw(PAIR)
    width, height = boundaries.view_box
    assert width == 600
    assert list(boundaries.paths) == ["QAA", "QBB"]
    cells = [cell for path in boundaries.paths.values() for ring in parse_rings(path) for cell in ring]
    assert (min(x for x, _ in cells), max(x for x, _ in cells)) == (0, width)
    assert (min(y for _, y in cells), max(y for _, y in cells)) == (0, height)
    assert (boundaries.unmatched, boundaries.missing) == ((), ())


def test_north_is_up_and_west_is_left() -> None:
    boundaries = draw(collection(feature(FIRST, square(-2, 52)), feature(SECOND, square(-4, 54))))
    (south_east,), (north_west,) = parse_rings(boundaries.paths["QAA"]), parse_rings(boundaries.paths["QBB"])
    assert max(x for x, _ in north_west) < min(x for x, _ in south_east)
    assert max(y for _, y in north_west) < min(y for _, y in south_east)


def test_neighbours_share_their_edge_to_the_unit() -> None:
    boundaries = draw(PAIR)
    (left,), (right,) = parse_rings(boundaries.paths["QAA"]), parse_rings(boundaries.paths["QBB"])
    assert len(set(left) & set(right)) == 2


def test_one_degree_to_the_north_is_as_long_as_it_is_on_the_ground() -> None:
    width, height = draw(collection(feature(FIRST, square(-2.5, 52)))).view_box
    assert height / width == pytest.approx(1 / math.cos(math.radians(52.0)), rel=0.03)


def test_the_same_file_gives_the_same_paths_in_whatever_order_its_features_stand() -> None:
    assert draw(PAIR) == draw(PAIR)
    turned = draw(collection(*reversed(PAIR["features"])))
    assert list(turned.paths.items()) == list(draw(PAIR).paths.items())


def test_points_in_one_unit_are_one_point() -> None:
    ring = square(-2, 52)
    ring[1:1] = [[-2 + step / 1e6, 52.0] for step in range(50)]
    assert draw(collection(feature(FIRST, ring))).paths == draw(collection(feature(FIRST, square(-2, 52)))).paths


def test_a_hole_is_a_ring_of_the_same_path() -> None:
    boundaries = draw(collection(feature(FIRST, square(-2, 52), square(-1.6, 52.4, 0.2))))
    outer, hole = parse_rings(boundaries.paths["QAA"])
    assert 0 < area(hole) < area(outer) / 10
    (west, north), (east, south) = map(min, zip(*outer, strict=True)), map(max, zip(*outer, strict=True))
    assert all(west < x < east and north < y < south for x, y in hole)


def test_specks_are_left_out_with_what_lies_in_them() -> None:
    speck = square(-2.5, 52, 0.001)
    shape = islands(FIRST, [speck, square(-2.4998, 52.0002, 0.0002)], [square(-2, 52), square(-1.6, 52.4, 0.001)])
    assert len(parse_rings(draw(collection(shape)).paths["QAA"])) == 1


def test_an_area_that_would_vanish_is_drawn_as_one_unit() -> None:
    boundaries = draw(collection(feature(FIRST, square(-2, 52)), islands(SECOND, [square(-2, 52, 1e-6)])))
    (ring,) = parse_rings(boundaries.paths["QBB"])
    assert area(ring) == 1
    assert all(0 <= x <= boundaries.view_box[0] and 0 <= y <= boundaries.view_box[1] for x, y in ring)


def test_a_small_area_keeps_the_largest_of_its_rings_below_the_limit() -> None:
    tiny, tinier = [square(-1.5, 52.5, 0.003)], [square(-1.4, 52.5, 0.002)]
    boundaries = draw(collection(feature(FIRST, square(-2, 52)), islands(SECOND, tinier, tiny)), width=300)
    (ring,) = parse_rings(boundaries.paths["QBB"])
    assert 0 < area(ring) <= 2
    assert ring[0][0] == pytest.approx(150, abs=2)


def test_heights_in_the_file_are_passed_over() -> None:
    ring = [[*point, 12.5] for point in square(-2, 52)]
    assert draw(collection(feature(FIRST, ring))).paths == draw(collection(feature(FIRST, square(-2, 52)))).paths


def test_shapes_of_no_organisation_and_organisations_of_no_shape_are_named() -> None:
    far = feature(THIRD, square(-6, 58))
    boundaries = draw(collection(far, feature(SECOND, square(-1, 52))))
    assert (list(boundaries.paths), boundaries.unmatched, boundaries.missing) == (["QBB"], (THIRD,), ("QAA",))
    assert boundaries.paths == draw(collection(feature(SECOND, square(-1, 52)))).paths, "it takes no room either"


def test_a_board_with_a_newer_ons_code_is_matched_by_its_earlier_one() -> None:
    boundaries = draw(collection(feature("E54000064", square(-1, 51))), {"E54000053": "QNX", "": "UNKNOWN"})
    assert list(boundaries.paths) == ["QNX"]
    boundaries = draw(collection(feature("E54000064", square(-1, 51))), {"E54000064": "NEW", "E54000053": "QNX"})
    assert list(boundaries.paths) == ["NEW"]


def test_an_organisation_without_an_ons_code_is_matched_with_nothing() -> None:
    boundaries = draw(PAIR, {FIRST: "QAA", "": "UNKNOWN"})
    assert (boundaries.unmatched, boundaries.missing) == ((SECOND,), ("UNKNOWN",))


def test_a_file_is_read_from_disk_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / NAME
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(json.dumps(PAIR), encoding=encoding)
        assert read_boundaries(path, CODES, width=300) == draw(PAIR, width=300)


def test_a_width_of_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least 1 unit, found 0"):
        draw(PAIR, width=0)


# -- the projection ----------------------------------------------------------------------------------------------------

longitudes = st.floats(WEST, EAST - 0.1)
latitudes = st.floats(SOUTH, NORTH - 0.1)
steps = st.floats(0.001, 0.1)


@given(longitudes, latitudes, steps)
def test_further_east_is_further_right_and_further_north_is_further_up(
    longitude: float, latitude: float, step: float
) -> None:
    x, y = project(longitude, latitude)
    assert project(longitude + step, latitude)[0] > x
    assert project(longitude, latitude + step)[1] > y


@given(longitudes, latitudes, steps)
def test_areas_on_the_plane_are_areas_on_the_globe(longitude: float, latitude: float, step: float) -> None:
    corners = [(0.0, 0.0), (step, 0.0), (step, step), (0.0, step)]
    plane = area([project(longitude + east, latitude + north) for east, north in corners])
    globe = math.radians(step) * (math.sin(math.radians(latitude + step)) - math.sin(math.radians(latitude)))
    assert plane == pytest.approx(globe, rel=1e-4)


def test_the_meridian_of_the_middle_is_straight() -> None:
    assert {project(-2.0, latitude)[0] for latitude in (SOUTH, 52.0, NORTH)} == {0.0}


def test_both_parallels_keep_their_length() -> None:
    for latitude in (50.5, 55.0):
        (west, south), (east, north) = project(-2.005, latitude), project(-1.995, latitude)
        length = math.radians(0.01) * math.cos(math.radians(latitude))
        assert math.hypot(east - west, north - south) == pytest.approx(length, rel=1e-6)


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_refusal_says_where_what_was_expected_and_what_to_do() -> None:
    error = read_error(collection(feature(FIRST, square(-2, 52)), feature(SECOND, square(40, 52))))
    assert str(error) == (
        "areas.geojson, feature 2 (E54000002), polygon 1, ring 1, position 1: expected a longitude of -9.0 to 3.0 "
        "degrees; found 40. Download the boundaries as GeoJSON in degrees (WGS84) from the ONS Open Geography portal."
    )


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BoundariesError, match="expected a file; found none"):
        read_boundaries(tmp_path / NAME, CODES)
    with pytest.raises(BoundariesError, match="expected a file; found something else"):
        read_boundaries(tmp_path, CODES)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError("denied")

    path = tmp_path / NAME
    path.touch()
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(BoundariesError, match="expected a file that can be read; found denied"):
        read_boundaries(path, CODES)


def test_a_file_too_large_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(json.dumps(PAIR).encode() + b" " * MAX_FILE_BYTES)
    with pytest.raises(BoundariesError, match="expected at most 20 MB; found more"):
        read_boundaries(path, CODES)


def test_no_more_of_a_file_is_read_than_shows_it_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size == MAX_FILE_BYTES + 1
            return b" " * size

    path = tmp_path / NAME
    path.touch()
    monkeypatch.setattr(Path, "open", lambda *_: Endless())
    with pytest.raises(BoundariesError, match="expected at most 20 MB; found more"):
        read_boundaries(path, CODES)


def test_a_file_of_brackets_is_refused_before_it_is_parsed() -> None:
    assert read_error(b"[" + b"[]," * MAX_BRACKETS + b"[]]").expected == f"at most {MAX_BRACKETS} lists and objects"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe{}", b"{", b'{"type": "FeatureCollection", "features": []} and more', b"1" + b"0" * 5000],
    ids=["empty", "another encoding", "cut off", "more behind", "a number of thousands of digits"],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    assert read_error(content).expected == "JSON in UTF-8"


@pytest.mark.parametrize("depth", [20_000, 400_000])
def test_lists_in_lists_in_lists_are_refused(depth: int) -> None:
    error = read_error(b"[" * depth + b"]" * depth)
    assert (error.expected, error.found) == ("lists and objects some levels deep, as in GeoJSON", "far more levels")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_for_numbers_are_refused(word: str) -> None:
    error = read_error(json.dumps(PAIR).replace("-2", word, 1).encode())
    assert (error.expected, error.found) == ("numbers", word)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([PAIR], "a list of 1"),
        (None, "None"),
        (PAIR["features"][0], "'Feature'"),
        ({"type": ["FeatureCollection"]}, "a list of 1"),
    ],
)
def test_what_is_no_feature_collection_is_refused(data: object, found: str) -> None:
    error = read_error(data)
    assert (error.expected, error.found) == ("a GeoJSON FeatureCollection", found)


@pytest.mark.parametrize(
    ("features", "found"),
    [(None, "None"), ({}, "an object"), ([], "a list of 0"), ([0] * (MAX_FEATURES + 1), "a list of 1001")],
)
def test_no_features_or_too_many_are_refused(features: object, found: str) -> None:
    error = read_error({"type": "FeatureCollection", "features": features})
    assert (error.expected, error.found) == ("a list of 1 to 1000 features", found)


@pytest.mark.parametrize("other", [7, None, {"type": "Polygon"}, []])
def test_what_is_no_feature_is_refused(other: object) -> None:
    error = read_error(collection(feature(FIRST, square(-2, 52)), other))
    assert (error.place, error.expected) == (f"{NAME}, feature 2", "an object of type Feature")


@pytest.mark.parametrize("properties", [None, [], "E54000001"])
def test_a_feature_without_properties_is_refused(properties: object) -> None:
    error = read_error(collection({**feature(FIRST, square(-2, 52)), "properties": properties}))
    assert error.expected == "an object of properties, with the ONS code"


@pytest.mark.parametrize(
    "code", ["", "QAA", "e54000001", "E5400001", "E540000011", "E54000001\n", "E5400000\u0661", 54, None]
)
def test_a_file_without_ons_codes_is_refused_with_its_properties(code: Any) -> None:
    error = read_error(collection(feature(FIRST, square(-2, 52)), feature(code, square(-1, 52))))
    assert error.found == "none among 'AREACD', 'AREANM'"
    assert "ICB23CD" in error.remedy


def test_ons_codes_under_two_names_are_refused_with_the_names() -> None:
    error = read_error(collection(feature(FIRST, square(-2, 52), NHSER23CD="E40000003")))
    assert error.found == "2: 'AREACD', 'NHSER23CD'"
    two_names = [feature(FIRST, square(-2, 52)), feature(SECOND, square(-1, 52))]
    two_names[1]["properties"] = {"OTHERCD": SECOND}
    assert read_error(collection(*two_names)).found == "none among 'AREACD', 'AREANM'"


def test_many_and_long_property_names_are_told_of_in_short() -> None:
    shape = feature(FIRST, square(-2, 52))
    shape["properties"] = {f"<script>{number}{'x' * 1000}": 1 for number in range(100)}
    error = read_error(collection(shape))
    assert len(str(error)) < 1200
    assert "and more" in error.found
    assert f"'<script>0{'x' * 50}..., " in error.found
    shape["properties"] = {}
    assert read_error(collection(shape)).found == "none among no properties"


def test_an_ons_code_in_two_features_is_refused() -> None:
    error = read_error(collection(feature(FIRST, square(-2, 52)), feature(FIRST, square(-1, 52))))
    assert (error.expected, error.found) == ("each ONS code once", "E54000001 in several features")


def test_two_shapes_of_one_organisation_are_refused() -> None:
    error = read_error(PAIR, {FIRST: "QAA", SECOND: "QAA"})
    assert (error.expected, error.found) == ("one shape for each organisation", "a second one for QAA")


def test_a_file_of_other_areas_is_refused() -> None:
    error = read_error(PAIR, {"E38000001": "00A"})
    assert error.expected == "the ONS code of at least one organisation"
    assert FIRST in error.found


@pytest.mark.parametrize(
    ("geometry", "found"),
    [
        (None, "None"),
        ({"type": "Point", "coordinates": [-2, 52]}, "'Point'"),
        ({"type": "GeometryCollection", "geometries": []}, "'GeometryCollection'"),
        ({"type": {}}, "an object"),
        ("Polygon", "'Polygon'"),
        ([], "a list of 0"),
    ],
)
def test_what_is_no_area_is_refused(geometry: object, found: str) -> None:
    error = read_error(collection({**feature(FIRST), "geometry": geometry}))
    assert (error.expected, error.found) == ("a Polygon or MultiPolygon", found)


@pytest.mark.parametrize(
    ("kind", "coordinates", "expected"),
    [
        ("Polygon", None, "a list of at least one ring"),
        ("Polygon", [], "a list of at least one ring"),
        ("Polygon", [None], "a list of at least 4 positions"),
        ("Polygon", [square(-2, 52)[:3]], "a list of at least 4 positions"),
        ("Polygon", [square(-2, 52)[:4]], "a ring that ends where it began"),
        ("Polygon", [[square(-2, 52)] * 4], "longitude and latitude"),
        ("MultiPolygon", None, "at least one polygon"),
        ("MultiPolygon", [], "at least one polygon"),
        ("MultiPolygon", {"0": [square(-2, 52)]}, "at least one polygon"),
        ("MultiPolygon", [{"0": square(-2, 52)}], "a list of at least one ring"),
        ("MultiPolygon", [[]], "a list of at least one ring"),
        ("MultiPolygon", [square(-2, 52)], "a list of at least 4 positions"),
    ],
)
def test_rings_of_another_form_or_depth_are_refused(kind: str, coordinates: object, expected: str) -> None:
    shape = {**feature(FIRST), "geometry": {"type": kind, "coordinates": coordinates}}
    assert read_error(collection(shape)).expected.startswith(expected)


@pytest.mark.parametrize("position", [None, 52, [], [-2], [-2, 52, 0, 0], {"0": -2, "1": 52}])
def test_a_position_of_another_form_is_refused(position: Any) -> None:
    ring = square(-2, 52)
    ring[2] = position
    error = read_error(collection(feature(FIRST, ring)))
    assert error.expected == "longitude and latitude"
    assert error.place.endswith("ring 1, position 3")


@pytest.mark.parametrize(
    "number", ["true", '"-2"', "null", "-9.1", "3.1", "1e999", "-1e999", "1" + "0" * 400, "400000"]
)
def test_a_longitude_away_from_these_islands_is_refused(number: str) -> None:
    text = json.dumps(collection(feature(FIRST, [[-7.5, 52], *square(-2, 52)[1:]])))
    error = read_error(text.replace("-7.5", number, 1).encode())
    assert error.expected == "a longitude of -9.0 to 3.0 degrees"
    assert len(error.found) < 100


@pytest.mark.parametrize("latitude", [48.9, 61.6, -52, False])
def test_a_latitude_away_from_these_islands_is_refused(latitude: float) -> None:
    error = read_error(collection(feature(FIRST, [[-2, latitude], *square(-2, 52)[1:]])))
    assert error.expected == "a latitude of 49.0 to 61.5 degrees"


def test_a_shape_of_no_organisation_is_checked_as_well() -> None:
    assert read_error(collection(*PAIR["features"], feature(THIRD, square(40, 52)))).place.startswith(
        f"{NAME}, feature 3 (E54000003)"
    )


def test_too_many_points_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 10)
    assert draw(PAIR).paths
    monkeypatch.setattr(module, "MAX_POINTS", 9)
    error = read_error(PAIR)
    assert (error.expected, error.found) == ("at most 9 points in the file", "more")


@pytest.mark.parametrize("width", [0.0, 0.0001], ids=["a line", "a needle"])
def test_areas_without_width_are_refused(width: float) -> None:
    needle = [[-2.0, 52.0], [-2 + width, 52.0], [-2 + width, 53.0], [-2.0, 52.0]]
    assert "at most 10 times as much height" in read_error(collection(feature(FIRST, needle))).expected


def test_areas_without_height_are_refused() -> None:
    point = [[-2.0, 52.0]] * 4
    assert "some width" in read_error(collection(feature(FIRST, point))).expected


def test_no_text_of_the_file_reaches_a_path() -> None:
    """Paths go into pages as they are: they hold digits and commands, whatever names the file gives."""
    hostile = feature(FIRST, square(-2, 52), **{'"/><script>': "</svg><script>"})
    for path in draw(collection(hostile, feature(SECOND, square(-1, 52)))).paths.values():
        assert parse_rings(path)


def unclosed(data: dict[str, Any]) -> None:
    data["features"][0]["geometry"]["coordinates"][0].pop()


def untyped(data: dict[str, Any]) -> None:
    del data["features"][1]["geometry"]["type"]


@pytest.mark.parametrize("spoil", [unclosed, untyped])
def test_nothing_is_drawn_of_a_file_with_one_fault(spoil: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(json.dumps(PAIR))
    spoil(data)
    read_error(data)
