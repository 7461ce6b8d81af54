"""The site: every page and data file of the report, written into a folder from a release and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import jinja2

from orchestration.home import CATALOGUE, PROJECT_ROOT
from orchestration.release.publish import ReportBuilder
from orchestration.release.recipe import digest_of_files
from orchestration.report.boundaries import BoundariesNotUsable, read_boundaries
from orchestration.report.figures import (
    EVERYONE,
    GRAINS,
    Area,
    AreaFigures,
    Period,
    Release,
    ReleaseNotReadable,
    areas_of,
    as_script,
    figures_of,
    read_release,
)
from orchestration.report.outline import Outline, OutlineNotUsable, Report, load_outline
from orchestration.report.rendering import ASSETS, Renderer, View, scripts_in_order
from orchestration.report.tiles import Tile, TilesNotUsable, load_tiles

OUTLINE = "report.yml"  # in the catalogue
TILES = "area_tiles.csv"
ENGLAND: Final = "england"
#: What decides how a report looks, apart from the release it is made from.
RECIPE_PATTERNS = ("catalogue/report.yml", "catalogue/area_tiles.csv", "orchestration/report/**/*")
SITE_NAME = "NHS Talking Therapies figures"
NAVIGATION = (
    ("index.html", "Home"),
    ("monthly/index.html", "Monthly"),
    ("quarterly/index.html", "Quarterly"),
    ("annual/index.html", "Annual"),
    ("recovery-rate/england-annual.html", "Recovery rate"),
    ("map/annual.html", "Map"),
    ("organisations/index.html", "Organisations"),
    ("definitions.html", "Definitions"),
)


@dataclass(frozen=True)
class BuiltReport:
    """What was built: how many pages and files, their bytes, and the heaviest page with all it loads, compressed."""

    folder: Path
    pages: int
    files: int
    total_bytes: int
    heaviest_page: str
    heaviest_page_compressed_bytes: int


#: What can be wrong with what a report is made from: each says what was expected, found and where.
NOT_BUILDABLE: Final = (ReleaseNotReadable, OutlineNotUsable, TilesNotUsable, BoundariesNotUsable)


def report_builder(boundaries: Path) -> ReportBuilder:
    """What builds the report of a release as it is published, with the boundaries of that file where there is one."""
    given = boundaries if boundaries.is_file() else None
    recipe = hashlib.sha256(digest_of_files(PROJECT_ROOT, RECIPE_PATTERNS).encode())
    if given is not None:
        recipe.update(given.read_bytes())

    def build(release: Path, target: Path, manifest: Mapping[str, Any]) -> BuiltReport:
        return build_report(release, target, manifest, boundaries=given)

    return ReportBuilder(recipe.hexdigest(), build)


def build_report(
    release: Path,
    target: Path,
    manifest: Mapping[str, Any] | None = None,
    *,
    boundaries: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> BuiltReport:
    """Build the report of a release folder into `target`, which is replaced as a whole once all of it is there.

    `manifest` is what the release says of itself; by default its manifest.json. `boundaries` is a GeoJSON file of the
    areas of the map. Raises ReleaseNotReadable, and what the readers of the catalogue and of boundaries raise.
    """
    if manifest is None:
        path = release / "manifest.json"
        if not path.is_file():
            raise ReleaseNotReadable(f"{release}: expected a release folder with manifest.json; there is none")
        manifest = json.loads(path.read_text("utf-8"))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        _Site(release, manifest, beside, boundaries, progress).write()
        beside.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        beside.rename(target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return weigh(target)


class _Site:
    """One building of the report."""

    def __init__(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        target: Path,
        boundaries: Path | None,
        progress: Callable[[str], None],
    ) -> None:
        self.outline: Outline = load_outline(CATALOGUE / OUTLINE)
        self.tiles: Sequence[Tile] = load_tiles(CATALOGUE / TILES)
        self.release: Release = read_release(folder, self.outline, manifest)
        self.target = target
        self.boundaries = boundaries
        self.progress = progress
        self.figures: dict[str, dict[str, AreaFigures]] = {}

    def write(self) -> None:
        """Write everything."""
        self._write_assets()
        for report in GRAINS:
            self.progress(f"{self._report(report).title.lower()}: figures")
            self.figures[report] = {one.area: one for one in figures_of(self.release, self.outline, report)}
        self._write_data()
        self.progress("pages")
        self._write_pages()

    # ---- what all pages share ---------------------------------------------------------------------------------------

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The organisations, in the order of the lists."""
        reports_of: dict[str, set[str]] = {}
        codes: dict[str, tuple[str, str]] = {}
        for report, figures in self.figures.items():
            for one in figures.values():
                reports_of.setdefault(one.area, set()).add(report)
                codes[one.area] = (one.prefix, one.code)
        return areas_of(self.release, self.outline, reports_of, codes)

    @cached_property
    def site(self) -> dict[str, Any]:
        """What every interactive page loads: periods, words, organisations and limits."""
        outline = self.outline
        number = {measure: at for at, measure in enumerate(outline.measure_order)}
        names = {area.code: area.name for area in self.areas if area.family == outline.map.family}
        return {
            "reports": {
                report.slug: {
                    "title": report.title,
                    "noun": report.grain,
                    "periods": [list(asdict(period).values()) for period in self.release.periods[report.slug]],
                }
                for report in outline.reports
            },
            "measures": [
                [
                    words.measure,
                    words.label,
                    words.short,
                    self._unit(words.measure),
                    self._measure(words.measure)["statistic"],
                ]
                for words in outline.measures
            ],
            "topics": [
                {
                    "slug": topic.slug,
                    "title": topic.title,
                    "measures": [number[measure] for measure in topic.measures],
                    "charts": [
                        {"title": chart.title, "measures": [number[measure] for measure in chart.measures]}
                        for chart in topic.charts
                    ],
                }
                for topic in outline.topics
            ],
            "variables": [
                [
                    variable.population_type,
                    variable.label,
                    [list(asdict(one).values()) for one in self.release.populations.get(variable.population_type, ())],
                ]
                for variable in outline.variables
            ],
            "families": [[family.slug, family.label] for family in outline.families],
            "areas": [
                [area.id, area.family, area.name, area.code, area.note, list(area.reports)] for area in self.areas
            ],
            "shorts": {words.population: words.short for words in outline.short_populations},
            "standards": list(self.release.standards),
            "recovery": {
                "measure": outline.recovery_rate.measure,
                "variables": list(outline.recovery_rate.variables),
                "mostPopulations": outline.recovery_rate.most_populations,
                "mostAreas": outline.recovery_rate.most_areas,
            },
            "map": {
                "measure": outline.map.measure,
                "leastAreas": outline.map.least_areas,
                "tiles": [
                    [tile.code, tile.row, tile.column, tile.short_label, names.get(tile.code, tile.short_label)]
                    for tile in self.tiles
                ],
            },
        }

    def _report(self, slug: str) -> Report:
        return next(report for report in self.outline.reports if report.slug == slug)

    def _measure(self, measure: str) -> Mapping[str, str]:
        return self.release.measures[measure]

    def _unit(self, measure: str) -> str:
        return self._measure(measure)["unit"]

    @cached_property
    def renderer(self) -> Renderer:
        """The views of this release."""
        return Renderer(self.site)

    @cached_property
    def _on_map(self) -> frozenset[str]:
        return frozenset(f"{self.outline.map.family}-{tile.code}" for tile in self.tiles)

    def _map_data(self, report: str) -> dict[str, Any]:
        shown = {one.area: one for one in self.figures[report].values() if one.area in self._on_map}
        return {
            "series": {area: list(one.series.get(EVERYONE, ())) for area, one in shown.items()},
            "levels": {area: [list(level) for level in one.levels] for area, one in shown.items()},
        }

    # ---- files ------------------------------------------------------------------------------------------------------

    def _write_assets(self) -> None:
        assets = self.target / "assets"
        assets.mkdir()
        for name in (*scripts_in_order(), "report.css", "icon.svg"):
            shutil.copyfile(ASSETS / name, assets / name)

    def _write_data(self) -> None:
        for report, figures in self.figures.items():
            for one in figures.values():
                self._write_script(f"{report}/{one.area}", _as_data(one))
            self._write_script(f"map/{report}", self._map_data(report))
        self._write_script("site", self.site)
        if self.boundaries is not None:
            on_map = {tile.code for tile in self.tiles}
            drawn = read_boundaries(
                self.boundaries, {ons: code for ons, code in self.release.ons_codes.items() if code in on_map}
            )
            width, height = drawn.view_box
            data = {
                "width": width,
                "height": height,
                "paths": dict(drawn.paths),
                "notice": "Contains Ordnance Survey and Office for National Statistics data, Crown copyright and "
                "database right, licensed under the Open Government Licence v3.0.",
            }
            self._write_script("boundaries", data)
            self.renderer.receive("boundaries", data)

    def _write_script(self, name: str, data: Any) -> None:
        path = self.target / "data" / f"{name}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_script(name, data), encoding="utf-8")

    def _write_pages(self) -> None:
        self._home()
        for report in GRAINS:
            self._contents(report)
            for topic in self.outline.topics:
                self._topic(report, topic.slug)
            for tab in (ENGLAND, "icb"):
                self._recovery(report, tab)
            self._map(report)
        self._organisations()
        self._definitions()
        self._page("about.html", "about.html", "About these figures", **self._about())
        self._page("accessibility.html", "accessibility.html", "Accessibility statement")

    # ---- pages ------------------------------------------------------------------------------------------------------

    def _page(
        self,
        path: str,
        template: str,
        heading: str,
        *,
        section: str = "",
        page: Mapping[str, str] | None = None,
        title: str = "",
        **values: Any,
    ) -> None:
        manifest = self.release.manifest
        text = (
            _templates()
            .get_template(template)
            .render(
                heading=heading,
                title=title or heading,
                description=f"{heading}. {SITE_NAME}, England.",
                site_name=SITE_NAME,
                navigation=NAVIGATION,
                section=section or path,
                here=path,
                root="../" * path.count("/"),
                page=page or {},
                statement=manifest["statement"],
                release_id=manifest["release_id"],
                released_on=manifest["released_on"],
                attribution=manifest["attribution"],
                rounding=manifest["rounding_and_suppression"],
                **values,
            )
        )
        file = self.target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _interactive(self, path: str, template: str, view: View, page: Mapping[str, str], **values: Any) -> None:
        values = {"tabs": (), "tabs_label": "", "more_tabs": (), "more_tabs_label": ""} | values
        scripts = scripts_in_order()
        self._page(path, template, view.title, view=view, scripts=scripts, page=page, **values)

    def _home(self) -> None:
        doors = [(f"{report.slug}/index.html", report.title, report.door) for report in self.outline.reports]
        doors += [
            (
                "recovery-rate/england-annual.html",
                "Recovery rate",
                "Everyone beside ethnic groups, with the 50% standard.",
            ),
            ("map/annual.html", "Map", "Integrated care boards, each a tile of the same size."),
            (
                "organisations/index.html",
                "Organisations",
                "A page for each region, board, sub-ICB location and provider.",
            ),
            ("definitions.html", "Definitions", "What the words and measures mean."),
            ("about.html", "About these figures", "Rounding, suppression, gaps, and what they cannot tell you."),
        ]
        period, headlines = self._headlines()
        self._page(
            "index.html",
            "home.html",
            "NHS Talking Therapies: what the published figures say",
            title="Home",
            headlines=headlines,
            headlines_period=period,
            doors=doors,
            coverage=[self._coverage(report) for report in GRAINS],
        )

    def _headlines(self) -> tuple[str, list[tuple[str, str, str]]]:
        """England's newest figures: of the newest year that has them, else of the newest month."""
        chosen = (
            "count_referrals_received",
            "count_accessing_services",
            "count_finished_course_treatment",
            "percentage_recovery",
        )
        for report in ("annual", "monthly", "quarterly"):
            england = self.figures[report].get(ENGLAND)
            if england is None or EVERYONE not in england.series:
                continue
            cells = {
                measure: england.series[EVERYONE][self.outline.measure_order.index(measure)].split(",")
                for measure in chosen
            }
            newest = max((len(one) for one in cells.values() if one != [""]), default=0) - 1
            if newest < 0:
                continue
            found = []
            for words in self.outline.measures:
                cell = (
                    cells[words.measure][newest]
                    if words.measure in cells and newest < len(cells[words.measure])
                    else ""
                )
                if cell[:1].isdigit():
                    shown = f"{int(cell.split('~')[0]):,}" + ("%" if self._unit(words.measure) == "%" else "")
                    topic = next(topic.slug for topic in self.outline.topics if words.measure in topic.measures)
                    found.append((words.label.removesuffix(" (%)"), shown, f"{report}/{topic}.html"))
            if found:
                return self.release.periods[report][newest].label, found
        return "", []

    def _coverage(self, report: str) -> dict[str, Any]:
        periods = self.release.periods[report]
        return {
            "href": f"{report}/index.html",
            "title": self._report(report).title,
            "first": periods[0].label if periods else "none",
            "last": periods[-1].label if periods else "none",
            "held": sum(period.status == "published" for period in periods),
            "missing": sum(period.status == "not_loaded" for period in periods),
            "gaps": ", ".join(period.label for period in periods if period.status == "not_published") or "none",
            "areas": len(self.figures[report]),
        }

    def _contents(self, report: str) -> None:
        described = self._report(report)
        periods = self.release.periods[report]
        counts = {
            family.label: sum(area.family == family.slug and report in area.reports for area in self.areas)
            for family in self.outline.families
        }
        families = [f"{label}: {count:,}" if count > 1 else label for label, count in counts.items() if count]
        self._page(
            f"{report}/index.html",
            "contents.html",
            described.title,
            section=f"{report}/index.html",
            report=report,
            lead=f"Referrals, waits and outcomes by {described.grain}, for England and each organisation with figures.",
            topics=self.outline.topics,
            on_map=bool(self._map_data(report)["series"]),
            families="; ".join(families) or "no organisation",
            first=periods[0].label if periods else "no period",
            last=periods[-1].label if periods else "no period",
            missing=_runs_in_words(periods, "not_loaded"),
            gaps=[period for period in periods if period.status == "not_published"],
            breaks=[period for period in periods if period.break_name],
            notes=described.notes,
        )

    def _first_area(self, report: str, family: str) -> Area | None:
        return next((area for area in self.areas if area.family == family and report in area.reports), None)

    def _topic(self, report: str, topic: str) -> None:
        area = self._first_area(report, ENGLAND) or next((one for one in self.areas if report in one.reports), None)
        path = f"{report}/{topic}.html"
        described = next(one for one in self.outline.topics if one.slug == topic)
        section = f"{report}/index.html"
        tabs = [(f"{one.slug}.html", one.title, one.slug == topic) for one in self.outline.topics]
        trail = [("index.html", "Home"), (section, self._report(report).title)]
        if area is None:
            self._nothing_held(path, f"{self._report(report).title}: {described.title.lower()}", section)
            return
        view = self.renderer.topic(report, topic, area.id, _as_data(self.figures[report][area.id]))
        page = {"kind": "topic", "report": report, "topic": topic, "area": area.id}
        self._interactive(
            path,
            "topic.html",
            view,
            page,
            section=section,
            trail=trail,
            lead=described.lead,
            tabs=tabs,
            tabs_label="Topics",
        )

    def _recovery(self, report: str, tab: str) -> None:
        path = f"recovery-rate/{tab}-{report}.html"
        section = "recovery-rate/england-annual.html"
        limits = self.outline.recovery_rate
        area = self._first_area(report, tab)
        if area is None:
            self._nothing_held(
                path,
                f"Recovery rate by {self._report(report).grain}",
                section,
                self._recovery_tabs(report, tab),
            )
            return
        if tab == "icb":
            # The first board that is there today, not the first body of long ago.
            living = [
                one for one in self.areas if one.family == tab and report in one.reports and one.id in self._on_map
            ]
            area = living[0] if living else area
        view = self.renderer.recovery(report, area.id, _as_data(self.figures[report][area.id]))
        gap = next((period for period in self.release.periods[report] if period.status == "not_published"), None)
        self._interactive(
            path,
            "recovery.html",
            view,
            {"kind": "recovery", "report": report, "tab": tab, "area": area.id},
            section=section,
            trail=[("index.html", "Home")],
            lead="The share that moved to recovery, for everyone beside ethnic groups, with the 50% standard.",
            tab=tab,
            area_name=area.name,
            most_populations=limits.most_populations,
            most_areas=limits.most_areas,
            gap=f"{gap.label} was never published. {gap.reason} The line breaks there, and nothing stands in for it."
            if gap
            else "",
            every_board=self._every_board(report) if tab == "icb" else None,
            **self._recovery_tabs(report, tab),
        )

    def _recovery_tabs(self, report: str, tab: str) -> dict[str, Any]:
        return {
            "tabs": [
                (f"{ENGLAND}-{report}.html", "England", tab == ENGLAND),
                (f"icb-{report}.html", "Integrated care boards", tab == "icb"),
            ],
            "tabs_label": "Areas",
            "more_tabs": [
                (f"{tab}-{other.slug}.html", f"By {other.grain}", other.slug == report)
                for other in self.outline.reports
            ],
            "more_tabs_label": "Periods",
        }

    def _every_board(self, report: str) -> View:
        boards = {
            area.id: _as_data(self.figures[report][area.id])
            for area in self.areas
            if area.family == "icb" and report in area.reports
        }
        return self.renderer.boards(report, boards)

    def _map(self, report: str) -> None:
        path, section = f"map/{report}.html", "map/annual.html"
        data = self._map_data(report)
        tabs = [(f"{other.slug}.html", f"By {other.grain}", other.slug == report) for other in self.outline.reports]
        if not data["series"]:
            self._nothing_held(
                path, f"Map by {self._report(report).grain}", section, {"tabs": tabs, "tabs_label": "Periods"}
            )
            return
        page = {"kind": "map", "report": report}
        if self.boundaries is not None:
            page["boundaries"] = "yes"
        self._interactive(
            path,
            "map.html",
            self.renderer.map(report, data),
            page,
            section=section,
            trail=[("index.html", "Home")],
            lead="Integrated care boards as published, or as summed from the areas within; none is left out silently.",
            tabs=tabs,
            tabs_label="Periods",
        )

    def _nothing_held(self, path: str, heading: str, section: str, tabs: Mapping[str, Any] | None = None) -> None:
        values = {"tabs": (), "tabs_label": "", "more_tabs": (), "more_tabs_label": ""} | dict(tabs or {})
        self._page(path, "nothing.html", heading, section=section, **values)

    def _organisations(self) -> None:
        families = [
            {
                "slug": family.slug,
                "label": family.label,
                "areas": [area for area in self.areas if area.family == family.slug],
            }
            for family in self.outline.families
        ]
        index = "organisations/index.html"
        shown = [family for family in families if family["areas"]]
        self._page(index, "organisations.html", "Organisations", families=shown)
        labels = {family.slug: family.label for family in self.outline.families}
        for area in self.areas:
            figures = {report: _as_data(self.figures[report][area.id]) for report in area.reports}
            view = self.renderer.area(area.id, figures)
            lead = "The whole country." if area.family == ENGLAND else f"{labels[area.family]}, code {area.code}."
            self._page(
                f"organisations/{area.id}.html", "organisation.html", view.title, section=index, view=view, lead=lead
            )

    def _definitions(self) -> None:
        words = {one.measure: one.label for one in self.outline.measures}

        def formula(text: str) -> str:
            """Measures by their names here, where they have one."""
            return " ".join(
                words.get(part, "minus" if part == "-" else "plus" if part == "+" else part) for part in text.split()
            )

        def described(measure: str) -> dict[str, str]:
            found = self._measure(measure)
            return {
                "slug": measure,
                "label": words[measure],
                "definition": found["definition"],
                "numerator": formula(found["numerator"]),
                "denominator": formula(found["denominator"]),
                "name": found["name"],
            }

        self._page(
            "definitions.html",
            "definitions.html",
            "Definitions",
            topics=[
                {
                    "slug": topic.slug,
                    "title": topic.title,
                    "measures": [described(measure) for measure in topic.measures],
                }
                for topic in self.outline.topics
            ],
            standards=[
                {"label": one["label"], "since": one["from"], "to": one["to"]}
                for one in self.release.standards
                if one["measure"] in self.release.measures
            ],
        )

    def _about(self) -> dict[str, Any]:
        manifest = self.release.manifest
        return {
            "drops": len(manifest.get("drops", ())),
            "synthetic": manifest.get("data_origin") == "synthetic",
            "gaps": [
                period
                for periods in self.release.periods.values()
                for period in periods
                if period.status == "not_published"
            ],
        }


def _as_data(figures: AreaFigures) -> dict[str, Any]:
    return {
        "levels": [list(level) for level in figures.levels],
        "series": {key: list(cells) for key, cells in figures.series.items()},
    }


def _runs_in_words(periods: Sequence[Period], status: str) -> str:
    """Neighbouring periods of a status as ranges: March 2020 to December 2020, March 2021."""
    runs: list[list[Period]] = []
    for before, period in zip((None, *periods), periods, strict=False):
        if period.status != status:
            continue
        if before is not None and before.status == status:
            runs[-1].append(period)
        else:
            runs.append([period])
    return ", ".join(run[0].label if len(run) == 1 else f"{run[0].label} to {run[-1].label}" for run in runs)


def weigh(folder: Path) -> BuiltReport:
    """Count the site; a page weighs what it loads when it is opened, each file compressed as servers do."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    pages = [path for path in files if path.suffix == ".html"]
    assets = sum(_compressed(path) for path in (folder / "assets").iterdir())
    site = _compressed(folder / "data" / "site.js")
    largest_data = max((_compressed(path) for path in _largest((folder / "data").rglob("*.js"), 3)), default=0)
    heaviest = max(_largest(pages, 20), key=_compressed)
    return BuiltReport(
        folder=folder,
        pages=len(pages),
        files=len(files),
        total_bytes=sum(path.stat().st_size for path in files),
        heaviest_page=heaviest.relative_to(folder).as_posix(),
        heaviest_page_compressed_bytes=_compressed(heaviest) + assets + site + largest_data,
    )


def _largest(paths: Iterable[Path], number: int) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_size, reverse=True)[:number]


def _compressed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), mtime=0))


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("orchestration.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
