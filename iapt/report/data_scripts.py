"""What the data files of the report hold, and how they are written: scripts that hand over rows by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from iapt.report.area_series import AreaFigures
from iapt.report.contents import Contents
from iapt.report.release_tables import EVERYONE

#: What a row of a download says of published figures: short, for it stands in every row of every page. The licence goes
#: by its identifier in the SPDX list.
SOURCE: Final = "NHS Digital / NHS England"
LICENCE: Final = "OGL-UK-3.0"


def to_data_script(name: str, data: Any) -> str:
    """Data as a script that hands it over: a page opened from a disk may run scripts, not fetch files."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # What would end a script, or a line in it, is written as its number.
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"iapt.receive({json.dumps(name)},{text});\n"


def make_site_data(contents: Contents) -> dict[str, Any]:
    """What every interactive page loads: periods, words, organisations and limits."""
    config, release = contents.config, contents.release
    area_names = {area.code: area.name for area in contents.areas if area.family == config.map.family}
    is_published = bool(release.manifest.get("attribution"))
    return {
        "reports": {
            report.slug: {
                "title": report.title,
                "noun": report.grain,
                "periods": [asdict(period) for period in release.periods[report.slug]],
            }
            for report in config.reports
        },
        "measures": [
            {"slug": words.measure, "label": words.label, "short": words.short}
            | {field: release.measures[words.measure][field] for field in ("unit", "statistic")}
            for words in config.measures
        ],
        "topics": [
            topic.model_dump(include={"slug", "title", "charts"}) | {"measures": topic.measures}
            for topic in config.topics
        ],
        "variables": [
            {
                "type": variable.population_type,
                "label": variable.label,
                "populations": [
                    asdict(population) for population in release.populations.get(variable.population_type, ())
                ],
            }
            for variable in config.variables
        ],
        "families": [family.model_dump(include={"slug", "label"}) for family in config.families],
        "areas": [asdict(area) for area in contents.areas],
        "short_names": {words.population: words.short for words in config.short_populations},
        "standards": list(release.standards),
        "release": {
            "id": str(release.manifest.get("release_id", "")),
            "source": SOURCE if is_published else "",
            "licence": LICENCE if is_published else "",
        },
        "notes": [asdict(note) for note in release.notes],
        "recovery": config.recovery_rate.model_dump(),
        "map": {
            "measure": config.map.measure,
            "min_areas": config.map.min_areas,
            "tiles": [
                tile.model_dump(include={"code", "row", "column"})
                | {"label": tile.short_label, "name": area_names.get(tile.code, tile.short_label)}
                for tile in contents.tiles
            ],
        },
    }


def make_area_data(figures: AreaFigures) -> dict[str, Any]:
    """Figures of an organisation as a data file holds them."""
    return {
        "levels": [level._asdict() for level in figures.levels],
        "boundary_breaks": [boundary_break._asdict() for boundary_break in figures.boundary_breaks],
        "notes": [note._asdict() for note in figures.notes],
        "remarks": [remark._asdict() for remark in figures.remarks],
        "series": figures.series,
        "standards": figures.standards,
    }


def make_map_data(contents: Contents, report: str) -> dict[str, Any]:
    """What the map of one report loads: everyone's series of each organisation that has a tile.

    A figure of other boundaries than those of the tiles is not under their names: `other_boundaries` are the numbers
    of its periods.
    """
    shown = {area: figures for area, figures in contents.figures[report].items() if area in contents.on_map}
    other = {area: _find_other_boundaries(contents, figures) for area, figures in shown.items()}
    return {
        "series": {
            area: [_remove_cells(text, other[area]) for text in figures.series.get(EVERYONE, ())]
            for area, figures in shown.items()
        },
        "other_boundaries": {area: numbers for area, numbers in other.items() if numbers},
        "notes": {area: [note._asdict() for note in figures.notes] for area, figures in shown.items() if figures.notes},
    }


def _find_other_boundaries(contents: Contents, figures: AreaFigures) -> list[int]:
    """The numbers of the periods in which figures of a board are not surely of the area of its tile."""
    places: Mapping[tuple[str, str], Any] = contents.release.places
    place = next((places[level, code] for _, level, code in figures.levels if (level, code) in places), None)
    if place is None:
        return []
    area = sum(day <= contents.config.map.boundaries_valid_on for day in place.list_days_of_change())
    return [number for number, areas in figures.areas.items() if areas != (area, area)]


def _remove_cells(text: str, numbers: Sequence[int]) -> str:
    """A series without its cells of some periods."""
    cells = ("" if number in numbers else cell for number, cell in enumerate(text.split(",")))
    return ",".join(cells).rstrip(",")
