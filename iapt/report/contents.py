"""What a report holds of one release: its outline, its organisations and their figures, and what all pages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from iapt.catalogue.area_tiles import Tile, load_tiles
from iapt.catalogue.report_config import Report, ReportConfig, load_report_config
from iapt.report.release_data import (
    EVERYONE,
    GRAINS,
    Area,
    AreaFigures,
    Release,
    list_areas,
    read_area_figures,
    read_release,
)
from iapt.workspace import CATALOGUE

OUTLINE: Final = "report.yml"  # in the catalogue
TILES: Final = "area_tiles.csv"
#: What a row of a download says of published figures: short, for it stands in every row of every page. The licence goes
#: by its identifier in the SPDX list.
SOURCE: Final = "NHS Digital / NHS England"
LICENCE: Final = "OGL-UK-3.0"


class Contents:
    """All that pages and data files are written from."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any], progress: Callable[[str], None]) -> None:
        """Read the outline, the tiles and every figure. Raises what their readers raise."""
        self.outline: ReportConfig = load_report_config(CATALOGUE / OUTLINE)
        self.tiles: Sequence[Tile] = load_tiles(CATALOGUE / TILES)
        self.release: Release = read_release(folder, self.outline, manifest)
        self.figures: dict[str, dict[str, AreaFigures]] = {}
        for report in GRAINS:
            progress(f"{self.report(report).title.lower()}: figures")
            self.figures[report] = {one.area: one for one in read_area_figures(self.release, self.outline, report)}

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The organisations, in the order of the lists."""
        return list_areas(self.release, self.outline, self.figures)

    @cached_property
    def site(self) -> dict[str, Any]:
        """What every interactive page loads: periods, words, organisations and limits."""
        outline = self.outline
        names = {area.code: area.name for area in self.areas if area.family == outline.map.family}
        return {
            "reports": {
                report.slug: {
                    "title": report.title,
                    "noun": report.grain,
                    "periods": [asdict(period) for period in self.release.periods[report.slug]],
                }
                for report in outline.reports
            },
            "measures": [
                {
                    "slug": words.measure,
                    "label": words.label,
                    "short": words.short,
                    "unit": self.unit(words.measure),
                    "statistic": self.measure(words.measure)["statistic"],
                }
                for words in outline.measures
            ],
            "topics": [
                {
                    "slug": topic.slug,
                    "title": topic.title,
                    "measures": topic.measures,
                    "charts": [chart.model_dump() for chart in topic.charts],
                }
                for topic in outline.topics
            ],
            "variables": [
                {
                    "type": variable.population_type,
                    "label": variable.label,
                    "populations": [
                        asdict(population) for population in self.release.populations.get(variable.population_type, ())
                    ],
                }
                for variable in outline.variables
            ],
            "families": [{"slug": family.slug, "label": family.label} for family in outline.families],
            "areas": [asdict(area) for area in self.areas],
            "short_names": {words.population: words.short for words in outline.short_populations},
            "standards": list(self.release.standards),
            "release": {
                "id": str(self.release.manifest.get("release_id", "")),
                "source": SOURCE if self.release.manifest.get("attribution") else "",
                "licence": LICENCE if self.release.manifest.get("attribution") else "",
            },
            "notes": [asdict(note) for note in self.release.notes],
            "recovery": {
                "measure": outline.recovery_rate.measure,
                "variables": list(outline.recovery_rate.variables),
                "max_populations": outline.recovery_rate.most_populations,
                "max_areas": outline.recovery_rate.most_areas,
            },
            "map": {
                "measure": outline.map.measure,
                "min_areas": outline.map.min_areas,
                "tiles": [
                    {
                        "code": tile.code,
                        "row": tile.row,
                        "column": tile.column,
                        "label": tile.short_label,
                        "name": names.get(tile.code, tile.short_label),
                    }
                    for tile in self.tiles
                ],
            },
        }

    def report(self, slug: str) -> Report:
        """One of the reports, by its slug."""
        return next(report for report in self.outline.reports if report.slug == slug)

    def measure(self, measure: str) -> Mapping[str, str]:
        """What the release says of a measure: statistic, unit, definition, formula, the publisher's name."""
        return self.release.measures[measure]

    def unit(self, measure: str) -> str:
        """The unit of a measure: referrals, %, days."""
        return self.measure(measure)["unit"]

    @cached_property
    def on_map(self) -> frozenset[str]:
        """The organisations that have a tile."""
        return frozenset(f"{self.outline.map.family}-{tile.code}" for tile in self.tiles)

    def map_data(self, report: str) -> dict[str, Any]:
        """What the map of one report loads: everyone's series of each organisation that has a tile.

        A figure of other boundaries than those of the tiles is not under their names: `other` says of which periods.
        """
        shown = {one.area: one for one in self.figures[report].values() if one.area in self.on_map}
        other = {area: self._of_other_boundaries(one) for area, one in shown.items()}
        return {
            "series": {
                area: [_without(text, other[area]) for text in one.series.get(EVERYONE, ())]
                for area, one in shown.items()
            },
            "other_boundaries": {area: numbers for area, numbers in other.items() if numbers},
            "notes": {area: as_data(one)["notes"] for area, one in shown.items() if one.notes},
        }

    def _of_other_boundaries(self, figures: AreaFigures) -> list[int]:
        """The numbers of the periods in which figures of a board are not surely of the area of its tile."""
        drawn = self.outline.map.boundaries_valid_on
        place = next(
            (place for _, level, code in figures.levels if (place := self.release.places.get((level, code)))), None
        )
        if place is None:
            return []
        area = sum(day <= drawn for day in place.days_of_change())
        return [number for number, areas in figures.areas.items() if areas != (area, area)]


def _without(text: str, numbers: Sequence[int]) -> str:
    """A series without its cells of some periods."""
    cells = ("" if number in numbers else cell for number, cell in enumerate(text.split(",")))
    return ",".join(cells).rstrip(",")


def as_data(figures: AreaFigures) -> dict[str, Any]:
    """Figures of an organisation as a data file holds them."""
    notes = ("population", "measure", "period", "note")
    return {
        "levels": [{"from": number, "level": level, "code": code} for number, level, code in figures.levels],
        "boundary_breaks": [{"from": number, "reason": reason} for number, reason in figures.cuts],
        "notes": [dict(zip(notes, note, strict=True)) for note in figures.notes],
        "remarks": [{"period": number, "name": name, "note": note} for number, name, note in figures.remarks],
        "series": {key: list(cells) for key, cells in figures.series.items()},
        "standards": {key: dict(words) for key, words in figures.standards.items()},
    }
