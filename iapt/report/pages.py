"""The pages: what each is called, which template it is written with, and what that template is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from iapt.release.metadata import provenance_statement
from iapt.report.contents import Contents, as_data
from iapt.report.coverage import NONE, Coverage, describe_coverage, runs_in_words
from iapt.report.release_data import EVERYONE, GRAINS, Area, AreaFigures
from iapt.report.rendering import Renderer, View, list_scripts

ENGLAND: Final = "england"
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
_NO_TABS: Final[Mapping[str, Any]] = {"tabs": (), "tabs_label": "", "more_tabs": (), "more_tabs_label": ""}


class Pages:
    """The pages of one report, written into a folder."""

    def __init__(self, contents: Contents, renderer: Renderer, target: Path, *, has_boundaries: bool) -> None:
        """Take what they are written from. `has_boundaries` says whether the site carries a file of them."""
        self.contents = contents
        self.renderer = renderer
        self.target = target
        self.has_boundaries = has_boundaries

    def write(self) -> None:
        """Write every page."""
        self._home()
        for report in GRAINS:
            self._contents(report)
            for topic in self.contents.outline.topics:
                self._topic(report, topic.slug)
            for tab in (ENGLAND, "icb"):
                self._recovery(report, tab)
            self._map(report)
        self._organisations()
        self._definitions()
        self._page("about.html", "about.html", "About these figures", **self._about())
        self._page("accessibility.html", "accessibility.html", "Accessibility statement")

    def _home(self) -> None:
        page_links = [
            (f"{report.slug}/index.html", report.title, report.door) for report in self.contents.outline.reports
        ]
        page_links += [
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
            page_links=page_links,
            coverage=[self._coverage_row(report) for report in GRAINS],
        )

    def _headlines(self) -> tuple[str, list[tuple[str, str, str]]]:
        """England's newest figures: of the newest year that has them, else of the newest month."""
        for report in ("annual", "monthly", "quarterly"):
            england = self.contents.figures[report].get(ENGLAND)
            if england is None or EVERYONE not in england.series:
                continue
            cells = {
                measure: england.series[EVERYONE][self.contents.outline.measure_order.index(measure)].split(",")
                for measure in self.contents.outline.headlines
            }
            newest = max((len(one) for one in cells.values() if one != [""]), default=0) - 1
            if newest < 0:
                continue
            found = []
            for words in self.contents.outline.measures:
                cell = (
                    cells[words.measure][newest]
                    if words.measure in cells and newest < len(cells[words.measure])
                    else ""
                )
                if cell[:1].isdigit():
                    shown = f"{int(cell.split('~')[0]):,}" + ("%" if self.contents.unit(words.measure) == "%" else "")
                    topic = next(
                        topic.slug for topic in self.contents.outline.topics if words.measure in topic.measures
                    )
                    found.append((words.label.removesuffix(" (%)"), shown, f"{report}/{topic}.html"))
            if found:
                return self.contents.release.periods[report][newest].label, found
        return "", []

    def _coverage(self, report: str) -> Coverage:
        return describe_coverage(self.contents.release.periods[report], self.contents.figures[report].get(ENGLAND))

    def _coverage_row(self, report: str) -> dict[str, Any]:
        gaps = [period.label for period in self.contents.release.periods[report] if period.status == "not_published"]
        return {
            "href": f"{report}/index.html",
            "title": self.contents.report(report).title,
            "of": self._coverage(report),
            "gaps": ", ".join(gaps) or NONE,
            "areas": len(self.contents.figures[report]),
        }

    def _contents(self, report: str) -> None:
        described = self.contents.report(report)
        periods = self.contents.release.periods[report]
        counts = {
            family.label: sum(area.family == family.slug and report in area.reports for area in self.contents.areas)
            for family in self.contents.outline.families
        }
        families = [f"{label}: {count:,}" if count > 1 else label for label, count in counts.items() if count]
        coverage = self._coverage(report)
        self._page(
            f"{report}/index.html",
            "contents.html",
            described.title,
            section=f"{report}/index.html",
            report=report,
            lead=f"Referrals, waits and outcomes by {described.grain}, for England and each organisation with figures.",
            topics=self.contents.outline.topics,
            on_map=bool(self.contents.map_data(report)["series"]),
            families="; ".join(families) or "no organisation",
            coverage=coverage,
            held=f"{coverage.held} {described.grain}{'' if coverage.held == 1 else 's'}",
            missing=runs_in_words(periods, [period.status == "not_loaded" for period in periods]),
            gaps=[period for period in periods if period.status == "not_published"],
            breaks=[period for period in periods if period.break_name],
            notes=described.notes,
        )

    def _topic(self, report: str, topic: str) -> None:
        path = f"{report}/{topic}.html"
        described = next(one for one in self.contents.outline.topics if one.slug == topic)
        section = f"{report}/index.html"
        grain = self.contents.report(report).grain
        tabs = [(f"{one.slug}.html", one.title, one.slug == topic) for one in self.contents.outline.topics]
        trail = [("index.html", "Home"), (section, self.contents.report(report).title)]
        measures = self._charted(topic)
        area = self._first_with(report, measures)
        if area is None:
            elsewhere = [
                (f"../{other.slug}/{topic}.html", f"{other.title}: {described.title.lower()}")
                for other in self.contents.outline.reports
                if self._first_with(other.slug, measures)
            ]
            heading = f"{self.contents.report(report).title}: {described.title.lower()}"
            self._nothing_held(path, heading, section, {"tabs": tabs, "tabs_label": "Topics"}, elsewhere)
            return
        view = self.renderer.topic(report, topic, area.id, as_data(self.contents.figures[report][area.id]))
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
            area_name=area.name,
            opening="" if area.family == ENGLAND else f"England has none of these figures by {grain} in this release.",
        )

    def _charted(self, topic: str) -> tuple[str, ...]:
        """The measures of which a topic draws charts."""
        charts = next(one for one in self.contents.outline.topics if one.slug == topic).charts
        return tuple(measure for chart in charts for measure in chart.measures)

    def _first_with(self, report: str, measures: Sequence[str], families: Sequence[str] | None = None) -> Area | None:
        """The organisation that a page opens on: the first that has a figure of everyone of some of its measures.

        Of the families in their order; those on the map and those that are still there before what is no more.
        """
        order = [family.slug for family in self.contents.outline.families]
        with_figures = [
            area
            for area in self.contents.areas
            if report in area.reports
            and area.family in (families or order)
            and _has_figures(self.contents.figures[report][area.id], self.contents.outline.measure_order, measures)
        ]
        return min(
            with_figures,
            key=lambda area: (order.index(area.family), bool(area.ended), area.id not in self.contents.on_map),
            default=None,
        )

    def _recovery(self, report: str, tab: str) -> None:
        path = f"recovery-rate/{tab}-{report}.html"
        section = "recovery-rate/england-annual.html"
        limits = self.contents.outline.recovery_rate
        grain = self.contents.report(report).grain
        own = self._first_with(report, [limits.measure], [tab])
        parts = ["sub-icb"] if tab == "icb" else None  # nearer to a board than the whole country
        area = own or self._first_with(report, [limits.measure], parts) or self._first_with(report, [limits.measure])
        whose = {ENGLAND: "England has", "icb": "Integrated care boards have"}[tab]
        if area is None:
            elsewhere = [
                (f"{tab}-{other.slug}.html", f"Recovery rate by {other.grain}")
                for other in self.contents.outline.reports
                if self._first_with(other.slug, [limits.measure])
            ]
            self._nothing_held(path, f"Recovery rate by {grain}", section, self._recovery_tabs(report, tab), elsewhere)
            return
        view = self.renderer.recovery(report, area.id, as_data(self.contents.figures[report][area.id]))
        gap = next(
            (period for period in self.contents.release.periods[report] if period.status == "not_published"), None
        )
        self._interactive(
            path,
            "recovery.html",
            view,
            {"kind": "recovery", "report": report, "tab": tab, "family": tab if own else area.family, "area": area.id},
            section=section,
            trail=[("index.html", "Home")],
            lead="The share that moved to recovery, for everyone beside ethnic groups, with the 50% standard.",
            tab=tab,
            area_name=area.name,
            opening="" if own else f"{whose} no recovery rate by {grain} in this release.",
            most_populations=limits.most_populations,
            most_areas=limits.most_areas,
            gap=f"{gap.label} was never published. {gap.reason} The line breaks there, and nothing stands in for it."
            if gap
            else "",
            every_board=self._every_board(report) if own and tab == "icb" else None,
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
                for other in self.contents.outline.reports
            ],
            "more_tabs_label": "Periods",
        }

    def _every_board(self, report: str) -> View:
        boards = {
            area.id: as_data(self.contents.figures[report][area.id])
            for area in self.contents.areas
            if area.family == "icb" and report in area.reports
        }
        return self.renderer.boards(report, boards)

    def _map(self, report: str) -> None:
        path, section = f"map/{report}.html", "map/annual.html"
        data = self.contents.map_data(report)
        tabs = [
            (f"{other.slug}.html", f"By {other.grain}", other.slug == report) for other in self.contents.outline.reports
        ]
        if not data["series"]:
            elsewhere = [
                (f"{other.slug}.html", f"Map by {other.grain}")
                for other in self.contents.outline.reports
                if self.contents.map_data(other.slug)["series"]
            ]
            self._nothing_held(
                path,
                f"Map by {self.contents.report(report).grain}",
                section,
                {"tabs": tabs, "tabs_label": "Periods"},
                elsewhere,
            )
            return
        page = {"kind": "map", "report": report}
        if self.has_boundaries:
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
            opening="",
        )

    def _nothing_held(
        self,
        path: str,
        heading: str,
        section: str,
        tabs: Mapping[str, Any] | None = None,
        elsewhere: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A page of which nobody has a figure: it says so, and leads to those that have some."""
        values: dict[str, Any] = {**_NO_TABS, **(tabs or {})}
        self._page(path, "nothing.html", heading, section=section, elsewhere=elsewhere, **values)

    def _organisations(self) -> None:
        families = [
            {
                "slug": family.slug,
                "label": family.label,
                "areas": [area for area in self.contents.areas if area.family == family.slug],
            }
            for family in self.contents.outline.families
        ]
        index = "organisations/index.html"
        shown = [family for family in families if family["areas"]]
        self._page(index, "organisations.html", "Organisations", families=shown)
        labels = {family.slug: family.label for family in self.contents.outline.families}
        for area in self.contents.areas:
            figures = {report: as_data(self.contents.figures[report][area.id]) for report in area.reports}
            view = self.renderer.area(area.id, figures)
            lead = "The whole country." if area.family == ENGLAND else f"{labels[area.family]}, code {area.code}."
            self._page(
                f"organisations/{area.id}.html", "organisation.html", view.title, section=index, view=view, lead=lead
            )

    def _definitions(self) -> None:
        words = {**self.contents.outline.labels, "-": "minus", "+": "plus"}

        def formula(measure: Mapping[str, str]) -> str:
            """What a measure is made of, in words; nothing where a part of it has none: a column's name is no word."""
            sides = [[words.get(part, "") for part in measure[side].split()] for side in ("numerator", "denominator")]
            return " over ".join(" ".join(side) for side in sides) if all(side and all(side) for side in sides) else ""

        def described(measure: str) -> dict[str, str]:
            found = self.contents.measure(measure)
            return {
                "slug": measure,
                "label": words[measure],
                "definition": found["definition"],
                "formula": formula(found),
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
                for topic in self.contents.outline.topics
            ],
            standards=[
                {"label": one["label"], "since": one["from"], "to": one["to"]}
                for one in self.contents.release.standards
                if one["measure"] in self.contents.release.measures
            ],
        )

    def _about(self) -> dict[str, Any]:
        manifest = self.contents.release.manifest
        return {
            "drops": sum(not drop.get("is_replaced") for drop in manifest.get("drops", ())),
            "provenance": provenance_statement(manifest.get("drops", ())).replace("`", ""),
            "synthetic": manifest.get("data_origin") == "synthetic",
            "gaps": [
                period
                for periods in self.contents.release.periods.values()
                for period in periods
                if period.status == "not_published"
            ],
        }

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
        manifest = self.contents.release.manifest
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
                rounding=self.contents.outline.in_plain_words(manifest["rounding_and_suppression"]),
                **values,
            )
        )
        file = self.target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _interactive(self, path: str, template: str, view: View, page: Mapping[str, str], **values: Any) -> None:
        in_full: dict[str, Any] = {**_NO_TABS, **values}
        scripts = list_scripts(page["kind"])
        self._page(path, template, view.title, view=view, scripts=scripts, page=page, **in_full)


def _has_figures(figures: AreaFigures, order: Sequence[str], measures: Sequence[str]) -> bool:
    """Whether an organisation has a published figure of everyone of any of some measures."""
    series = figures.series.get(EVERYONE, ())
    cells = (
        cell for measure, text in zip(order, series, strict=False) if measure in measures for cell in text.split(",")
    )
    return any(cell[:1].isdigit() for cell in cells)


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("iapt.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
