"""The boundaries of areas in a GeoJSON file, as small SVG paths.

The file comes from outside the project, so nothing in it is trusted: its size, its form and every number are checked,
and what this module returns is digits and path commands, our own codes, and ONS codes of a fixed form.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

MAX_FILE_BYTES = 20_000_000  # bytes
MAX_FEATURES = 1_000
MAX_POINTS = 500_000
# Each point opens one bracket, each ring and polygon one more. Counted before parsing, so that a file of nothing but
# brackets cannot fill the memory.
MAX_BRACKETS = 2 * MAX_POINTS
WEST, EAST, SOUTH, NORTH = -9.0, 3.0, 49.0, 61.5  # degrees: the United Kingdom with its islands
MAX_HEIGHT_RATIO = 10  # a map higher than so many times its width is a mistake in the file
MIN_RING_AREA = 2.0  # square units: below that, an islet or a hole is a speck

# The ONS gave two boards new codes when the line between them moved in April 2023; the health service kept its own.
# A file of the newer boundaries is of the same two boards, and the project's lists hold the codes of July 2022.
EARLIER_CODES = {
    "E54000063": "E54000052",  # Surrey Heartlands
    "E54000064": "E54000053",  # Sussex
}

_ONS_CODE = re.compile(r"E[0-9]{8}")
_ONS_REMEDY = "Download the boundaries as GeoJSON in degrees (WGS84) from the ONS Open Geography portal."
_SMALLER_REMEDY = f"{_ONS_REMEDY[:-1]}, generalised to 100 metres or more."
_MAX_SHOWN = 60  # characters of a file that an error repeats

Point: TypeAlias = tuple[float, float]
Cell: TypeAlias = tuple[int, int]
Ring: TypeAlias = list[Point]
Polygon: TypeAlias = list[Ring]


@dataclass
class BoundariesError(Exception):
    """Raised where a boundary file cannot be drawn; no part of it is."""

    place: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        """One paragraph for a person."""
        return f"{self.place}: expected {self.expected}; found {self.found}. {self.remedy}"


@dataclass(frozen=True)
class Boundaries:
    """Shapes of areas on one sheet of `view_box` (width, height) units.

    A path is to be filled by the even-odd rule: files differ in the direction in which they draw holes.
    """

    view_box: tuple[int, int]
    paths: Mapping[str, str]
    """SVG path data of each organisation code, in the order of the codes."""
    unmatched: tuple[str, ...]
    """ONS codes of the file that are no organisation's."""
    missing: tuple[str, ...]
    """Organisation codes that were asked for and have no shape in the file."""


def read_boundaries(path: Path, codes: Mapping[str, str], *, width: int = 600) -> Boundaries:
    """The boundaries in a GeoJSON file; `codes` gives our organisation code for an ONS code.

    The same file gives the same result, to the byte. Raises BoundariesError.
    """
    if not path.is_file():
        raise BoundariesError(path.name, "a file", "none" if not path.exists() else "something else", _ONS_REMEDY)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BoundariesError(path.name, "a file that can be read", str(error), _ONS_REMEDY) from error
    return parse_boundaries(content, codes, name=path.name, width=width)


def parse_boundaries(content: bytes, codes: Mapping[str, str], *, name: str, width: int = 600) -> Boundaries:
    """The boundaries in the bytes of a GeoJSON file called `name`. Raises BoundariesError."""
    if width < 1:
        raise ValueError(f"expected a width of at least 1 unit, found {width}")
    features = _get_features(_parse_json(content, name), name)
    ons_codes = _find_ons_codes(features, name)
    budget = _Budget()
    shapes: dict[str, list[Polygon]] = {}
    unmatched = []
    for number, (feature, ons_code) in enumerate(zip(features, ons_codes, strict=True), start=1):
        place = f"{name}, feature {number} ({ons_code})"
        # Also a shape that will not be drawn is checked: half a good file is not a good file.
        polygons = _read_polygons(feature.get("geometry"), place, budget)
        code = codes.get(ons_code, codes.get(EARLIER_CODES.get(ons_code, ons_code)))
        if code is None:
            unmatched.append(ons_code)
        elif code in shapes:
            _reject(place, "one shape for each organisation", f"a second one for {code}", _ONS_REMEDY)
        else:
            shapes[code] = polygons
    if not shapes:
        found = f"{', '.join(unmatched[:5])} and the like"
        remedy = "Give the file of the areas that the report shows; their ONS codes begin as those in the lists do."
        _reject(name, "the ONS code of at least one organisation", found, remedy)
    sheet = _Sheet.fit(shapes, width, name)
    return Boundaries(
        (sheet.width, sheet.height),
        {code: _draw_path(shapes[code], sheet) for code in sorted(shapes)},
        tuple(sorted(unmatched)),
        tuple(sorted(set(codes.values()) - set(shapes))),
    )


# -- the file ----------------------------------------------------------------------------------------------------------


class _Budget:
    """How many points may still be read of one file."""

    def __init__(self) -> None:
        self.left = MAX_POINTS

    def spend(self, points: int, place: str) -> None:
        self.left -= points
        if self.left < 0:
            _reject(place, f"at most {MAX_POINTS} points in the file", "more", _SMALLER_REMEDY)


def _reject(place: str, expected: str, found: str, remedy: str = _ONS_REMEDY) -> NoReturn:
    raise BoundariesError(place, expected, found, remedy)


def _describe_value(value: object) -> str:
    """What was found, short and harmless: an object or list by its kind alone, for it may be long."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = ascii(value[: _MAX_SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _parse_json(content: bytes, name: str) -> Any:
    if len(content) > MAX_FILE_BYTES:
        _reject(name, f"at most {MAX_FILE_BYTES // 1_000_000} MB", "more", _SMALLER_REMEDY)
    if content.count(b"[") + content.count(b"{") > MAX_BRACKETS:
        _reject(name, f"at most {MAX_BRACKETS} lists and objects", "more", _SMALLER_REMEDY)
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=lambda word: _reject(name, "numbers", word))
    except RecursionError:
        # Raised by the parser itself, whose depth Python limits. The depth of what is used is checked exactly below.
        _reject(name, "lists and objects some levels deep, as in GeoJSON", "far more levels")
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise BoundariesError(name, "JSON in UTF-8", str(error)[:_MAX_SHOWN], _ONS_REMEDY) from error


def _get_features(collection: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(collection, dict) or collection.get("type") != "FeatureCollection":
        kind = collection.get("type") if isinstance(collection, dict) else collection
        _reject(name, "a GeoJSON FeatureCollection", _describe_value(kind))
    features = collection.get("features")
    if not isinstance(features, list) or not 1 <= len(features) <= MAX_FEATURES:
        _reject(name, f"a list of 1 to {MAX_FEATURES} features", _describe_value(features))
    for number, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            _reject(f"{name}, feature {number}", "an object of type Feature", _describe_value(feature))
        if not isinstance(feature.get("properties"), dict):
            found = _describe_value(feature.get("properties"))
            _reject(f"{name}, feature {number}", "an object of properties, with the ONS code", found)
    return features


def _find_ons_codes(features: list[dict[str, Any]], name: str) -> list[str]:
    """The ONS code of each feature: the one property that holds such a code in every feature."""
    properties = [feature["properties"] for feature in features]
    holding = [
        key
        for key in properties[0]
        if all(isinstance(row.get(key), str) and _ONS_CODE.fullmatch(row[key]) for row in properties)
    ]
    if len(holding) != 1:
        listed = [_describe_value(key) for key in (holding or properties[0])]
        found = ", ".join(listed[:10]) + (" and more" if len(listed) > 10 else "")
        found = f"{len(holding)}: {found}" if holding else f"none among {found or 'no properties'}"
        remedy = "Leave one property with the codes of the areas in the file, such as ICB23CD."
        _reject(name, "one property that holds an ONS code (E and 8 digits) in every feature", found, remedy)
    codes = [row[holding[0]] for row in properties]
    if len(set(codes)) < len(codes):
        twice = next(code for code in codes if codes.count(code) > 1)
        _reject(name, "each ONS code once", f"{twice} in several features")
    return codes


def _read_polygons(geometry: Any, place: str, budget: _Budget) -> list[Polygon]:
    kind = geometry.get("type") if isinstance(geometry, dict) else geometry
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        _reject(place, "a Polygon or MultiPolygon", _describe_value(kind))
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons:
        _reject(place, "at least one polygon", _describe_value(polygons))
    read = []
    for number, rings in enumerate(polygons, start=1):
        where = f"{place}, polygon {number}"
        if not isinstance(rings, list) or not rings:
            _reject(where, "a list of at least one ring", _describe_value(rings))
        read.append([_read_ring(ring, f"{where}, ring {at}", budget) for at, ring in enumerate(rings, start=1)])
    return read


def _read_ring(positions: Any, place: str, budget: _Budget) -> Ring:
    if not isinstance(positions, list) or len(positions) < 4:
        _reject(place, "a list of at least 4 positions", _describe_value(positions))
    budget.spend(len(positions), place)
    ring = [_read_point(position, place, number) for number, position in enumerate(positions, start=1)]
    if ring[0] != ring[-1]:
        _reject(place, "a ring that ends where it began", f"{ring[0]} and {ring[-1]}")
    return ring


def _read_point(position: Any, place: str, number: int) -> Point:
    where = f"{place}, position {number}"
    # RFC 7946, section 3.1.1: longitude, latitude and, it may be, a height, which a map does not need.
    if not isinstance(position, list) or len(position) not in (2, 3):
        _reject(where, "longitude and latitude", _describe_value(position))
    longitude, latitude = position[:2]
    for value, low, high, what in ((longitude, WEST, EAST, "longitude"), (latitude, SOUTH, NORTH, "latitude")):
        # An infinite number lies in no range either.
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            _reject(where, f"a {what} of {low} to {high} degrees", _describe_value(value))
    return float(longitude), float(latitude)


# -- the projection ----------------------------------------------------------------------------------------------------

# Albers' equal-area conic projection on a sphere of radius 1: J. P. Snyder, Map Projections: A Working Manual, US
# Geological Survey Professional Paper 1395 (1987), page 100, equations 14-1 to 14-6. Equal areas, because a shade on a
# map is weighed by its area. The two parallels that keep their length lie inside England's south and north; its
# straight meridian is that of the Ordnance Survey's grid.
_PARALLELS = (math.radians(50.5), math.radians(55.0))
_MERIDIAN = math.radians(-2.0)
_N = (math.sin(_PARALLELS[0]) + math.sin(_PARALLELS[1])) / 2
_C = math.cos(_PARALLELS[0]) ** 2 + 2 * _N * math.sin(_PARALLELS[0])
_RHO_0 = math.sqrt(_C - 2 * _N * math.sin(math.radians(SOUTH))) / _N


def project(longitude: float, latitude: float) -> Point:
    """Where a place in degrees lies on the plane: x to the east and y to the north, in radii of the Earth."""
    rho = math.sqrt(_C - 2 * _N * math.sin(math.radians(latitude))) / _N
    theta = _N * (math.radians(longitude) - _MERIDIAN)
    return rho * math.sin(theta), _RHO_0 - rho * math.cos(theta)


@dataclass(frozen=True)
class _Sheet:
    """How the plane is laid on a sheet of whole units, y running down."""

    left: float
    top: float
    scale: float
    width: int
    height: int

    @classmethod
    def fit(cls, shapes: Mapping[str, list[Polygon]], width: int, name: str) -> _Sheet:
        """The sheet of a width that just holds the shapes."""
        points = [
            project(*point) for polygons in shapes.values() for rings in polygons for ring in rings for point in ring
        ]
        left, right = min(x for x, _ in points), max(x for x, _ in points)
        bottom, top = min(y for _, y in points), max(y for _, y in points)
        across, down = right - left, top - bottom
        if not 0 < down <= MAX_HEIGHT_RATIO * across:
            found = f"{across:.3g} by {down:.3g} radii of the Earth"
            _reject(name, f"areas that have some width and at most {MAX_HEIGHT_RATIO} times as much height", found)
        scale = width / across
        return cls(left, top, scale, width, max(1, round(down * scale)))

    def to_units(self, point: Point) -> Cell:
        """The whole units of a point in degrees. A point that two areas share stays one point, so no gap can open."""
        x, y = project(*point)
        return round((x - self.left) * self.scale), round((self.top - y) * self.scale)


# -- the paths ---------------------------------------------------------------------------------------------------------


def _draw_path(polygons: list[Polygon], sheet: _Sheet) -> str:
    """SVG path data of an area: its rings that can be seen, and always its largest."""
    drawn = [[_simplify_ring(ring, sheet) for ring in rings] for rings in polygons]
    largest = max(range(len(polygons)), key=lambda at: _compute_area([project(*point) for point in polygons[at][0]]))
    commands = []
    position = (0, 0)
    for at, (outer, *holes) in enumerate(drawn):
        if not _is_visible(outer):
            if at != largest:
                continue
            outer = outer if _compute_area(outer) > 0 else _make_unit_square(outer[0])
        for ring in (outer, *(hole for hole in holes if _is_visible(hole))):
            commands.append(_format_ring(ring, position))
            position = ring[0]  # where `z` leaves the pen
    return "".join(commands)


def _simplify_ring(ring: Ring, sheet: _Sheet) -> list[Cell]:
    """The ring in whole units, without repeated points and without its last point, which `z` draws."""
    cells = [sheet.to_units(point) for point in ring]
    return [cell for cell, following in pairwise(cells) if cell != following] or cells[:1]


def _is_visible(cells: list[Cell]) -> bool:
    return _compute_area(cells) >= MIN_RING_AREA


def _compute_area(points: list[Point] | list[Cell]) -> float:
    """The area of a ring, open or closed, by the shoelace formula."""
    following = [*points[1:], points[0]]
    return float(abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True)))) / 2


def _make_unit_square(cell: Cell) -> list[Cell]:
    """The least that can be seen, for an area that would vanish altogether."""
    x, y = max(cell[0] - 1, 0), max(cell[1] - 1, 0)
    return [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]


def _format_ring(cells: list[Cell], position: Cell) -> str:
    """One closed ring, each number relative to the point before it: most then have one or two digits."""
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise([position, *cells])]
    move, *lines = (f"{x}{'' if y < 0 else ' '}{y}" for x, y in steps)
    joined = "".join(line if line.startswith("-") or not at else f" {line}" for at, line in enumerate(lines))
    return f"m{move}l{joined}z"
