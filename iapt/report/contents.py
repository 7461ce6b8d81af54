"""What a report shows of one release: its settings, its organisations and their figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from iapt.catalogue.area_tiles import Tile, load_tiles
from iapt.catalogue.report_config import Report, ReportConfig, Topic, load_report_config
from iapt.report.area_series import AreaFigures, read_area_figures
from iapt.report.areas import Area, list_areas
from iapt.report.release_tables import EVERYONE, GRAINS, Release, read_release
from iapt.workspace import CATALOGUE

CONFIG: Final = "report.yml"  # in the catalogue
TILES: Final = "area_tiles.csv"


class Contents:
    """All that pages and data files are written from."""

    def __init__(
        self, folder: Path, manifest: Mapping[str, Any], progress: Callable[[str], None], spill: Path | None = None
    ) -> None:
        """Read the settings, the tiles and every figure. Raises what their readers raise."""
        self.config: ReportConfig = load_report_config(CATALOGUE / CONFIG)
        self.tiles: Sequence[Tile] = load_tiles(CATALOGUE / TILES)
        self.release: Release = read_release(folder, self.config, manifest, spill)
        self.figures: dict[str, dict[str, AreaFigures]] = {}
        for report in GRAINS:
            progress(f"{self.get_report(report).title.lower()}: figures")
            areas = read_area_figures(self.release, self.config, report)
            self.figures[report] = {figures.area: figures for figures in areas}

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The organisations, in the order of the lists."""
        return list_areas(self.release, self.config, self.figures)

    @cached_property
    def on_map(self) -> frozenset[str]:
        """The organisations that have a tile."""
        return frozenset(f"{self.config.map.family}-{tile.code}" for tile in self.tiles)

    def get_report(self, slug: str) -> Report:
        """One of the reports, by its slug."""
        return next(report for report in self.config.reports if report.slug == slug)

    def get_topic(self, slug: str) -> Topic:
        """One of the topics, by its slug."""
        return next(topic for topic in self.config.topics if topic.slug == slug)

    def find_first_area(self, report: str, measures: Sequence[str], families: Sequence[str] = ()) -> Area | None:
        """The organisation that a page opens on: the first that has a figure of everyone of some of its measures.

        Of the families in their order, or of some of them; those on the map and those that are still there before what
        is no more.
        """
        order = [family.slug for family in self.config.families]
        with_figures = [
            area
            for area in self.areas
            if report in area.reports
            and area.family in (families or order)
            and self._has_figures(self.figures[report][area.id], measures)
        ]
        return min(
            with_figures,
            key=lambda area: (order.index(area.family), bool(area.ended), area.id not in self.on_map),
            default=None,
        )

    def _has_figures(self, figures: AreaFigures, measures: Sequence[str]) -> bool:
        """Whether an organisation has a published figure of everyone of any of some measures."""
        texts = zip(self.config.measure_order, figures.series.get(EVERYONE, ()), strict=False)
        cells = (cell for measure, text in texts if measure in measures for cell in text.split(","))
        return any(cell[:1].isdigit() for cell in cells)
