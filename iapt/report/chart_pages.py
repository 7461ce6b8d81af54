"""The pages of charts and maps: topics, recovery rates, the map. Where nobody has a figure, a page says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from iapt.catalogue.report_config import Report, Topic
from iapt.report.contents import Contents
from iapt.report.data_scripts import make_area_data, make_map_data
from iapt.report.page_writer import PageWriter
from iapt.report.rendering import Renderer, View

_HOME: Final = ("index.html", "Home")
_RECOVERY_SECTION: Final = "recovery-rate/england-annual.html"
_MAP_SECTION: Final = "map/annual.html"
#: What a sentence about the first tab of the recovery pages begins with.
_SUBJECTS: Final = {"england": "England has", "icb": "Integrated care boards have"}


def _list_links(
    contents: Contents, is_held: Callable[[str], bool], make_link: Callable[[Report], tuple[str, str]]
) -> list[tuple[str, str]]:
    """Links to the page of each report that has figures."""
    return [make_link(report) for report in contents.config.reports if is_held(report.slug)]


def write_topic_page(
    writer: PageWriter, contents: Contents, renderer: Renderer, report_slug: str, topic: Topic
) -> None:
    """A topic of a report: its charts for everyone in the first organisation that has figures."""
    report = contents.get_report(report_slug)
    path, section = f"{report.slug}/{topic.slug}.html", f"{report.slug}/index.html"
    measures = [measure for chart in topic.charts for measure in chart.measures]
    tabs = {
        "tabs": [(f"{other.slug}.html", other.title, other is topic) for other in contents.config.topics],
        "tabs_label": "Topics",
    }
    area = contents.find_first_area(report.slug, measures)
    if area is None:
        elsewhere = _list_links(
            contents,
            lambda slug: contents.find_first_area(slug, measures) is not None,
            lambda other: (f"../{other.slug}/{topic.slug}.html", f"{other.title}: {topic.title.lower()}"),
        )
        heading = f"{report.title}: {topic.title.lower()}"
        writer.write(path, "nothing.html", heading, section=section, elsewhere=elsewhere, **tabs)
        return
    view = renderer.draw_topic(report.slug, topic.slug, area.id, make_area_data(contents.figures[report.slug][area.id]))
    lacking = f"England has none of these figures by {report.grain} in this release."
    writer.write_interactive(
        path,
        "topic.html",
        view,
        {"kind": "topic", "report": report.slug, "topic": topic.slug, "area": area.id},
        section=section,
        trail=[_HOME, (section, report.title)],
        lead=topic.lead,
        area_name=area.name,
        opening="" if area.family == "england" else lacking,
        **tabs,
    )


def write_recovery_page(
    writer: PageWriter, contents: Contents, renderer: Renderer, report_slug: str, family: str
) -> None:
    """The recovery rates of England or of the boards; where those have none, of the nearest that have some."""
    config, report = contents.config.recovery_rate, contents.get_report(report_slug)
    path = f"recovery-rate/{family}-{report.slug}.html"
    tabs = _list_recovery_tabs(contents, report, family)
    own_area = contents.find_first_area(report.slug, [config.measure], [family])
    parts = ["sub-icb"] if family == "icb" else []  # nearer to a board than the whole country
    area = (
        own_area
        or contents.find_first_area(report.slug, [config.measure], parts)
        or contents.find_first_area(report.slug, [config.measure])
    )
    if area is None:
        elsewhere = _list_links(
            contents,
            lambda slug: contents.find_first_area(slug, [config.measure]) is not None,
            lambda other: (f"{family}-{other.slug}.html", f"Recovery rate by {other.grain}"),
        )
        heading = f"Recovery rate by {report.grain}"
        writer.write(path, "nothing.html", heading, section=_RECOVERY_SECTION, elsewhere=elsewhere, **tabs)
        return
    view = renderer.draw_recovery(report.slug, area.id, make_area_data(contents.figures[report.slug][area.id]))
    writer.write_interactive(
        path,
        "recovery.html",
        view,
        {
            "kind": "recovery",
            "report": report.slug,
            "tab": family,
            "family": family if own_area else area.family,
            "area": area.id,
        },
        section=_RECOVERY_SECTION,
        trail=[_HOME],
        lead="The share that moved to recovery, for everyone and by ethnic group, with the 50% standard.",
        tab=family,
        area_name=area.name,
        opening="" if own_area else f"{_SUBJECTS[family]} no recovery rate by {report.grain} in this release.",
        max_populations=config.max_populations,
        max_areas=config.max_areas,
        gap=_describe_gap(contents, report.slug),
        every_board=_draw_boards(contents, renderer, report.slug) if own_area and family == "icb" else None,
        **tabs,
    )


def _describe_gap(contents: Contents, report: str) -> str:
    """The first period of a report that was never published, and why; an empty text where there is none."""
    for period in contents.release.periods[report]:
        if period.status == "not_published":
            reason = f"{period.label} was never published. {period.reason}"
            return f"{reason} The line breaks there, and nothing stands in for it."
    return ""


def _list_recovery_tabs(contents: Contents, report: Report, family: str) -> Mapping[str, Any]:
    return {
        "tabs": [
            (f"england-{report.slug}.html", "England", family == "england"),
            (f"icb-{report.slug}.html", "Integrated care boards", family == "icb"),
        ],
        "tabs_label": "Areas",
        "more_tabs": [
            (f"{family}-{other.slug}.html", f"By {other.grain}", other is report) for other in contents.config.reports
        ],
        "more_tabs_label": "Periods",
    }


def _draw_boards(contents: Contents, renderer: Renderer, report: str) -> View:
    """The newest recovery rates of every board, in one table."""
    boards = [area.id for area in contents.areas if area.family == "icb" and report in area.reports]
    figures = contents.figures[report]
    return renderer.draw_boards(report, {area: make_area_data(figures[area]) for area in boards})


def write_map_page(
    writer: PageWriter, contents: Contents, renderer: Renderer, report_slug: str, *, has_boundaries: bool
) -> None:
    """The map of the boards in one report."""
    report = contents.get_report(report_slug)
    path = f"map/{report.slug}.html"
    tabs = {
        "tabs": [(f"{other.slug}.html", f"By {other.grain}", other is report) for other in contents.config.reports],
        "tabs_label": "Periods",
    }
    data = make_map_data(contents, report.slug)
    if not data["series"]:
        elsewhere = _list_links(
            contents,
            lambda slug: bool(make_map_data(contents, slug)["series"]),
            lambda other: (f"{other.slug}.html", f"Map by {other.grain}"),
        )
        writer.write(path, "nothing.html", f"Map by {report.grain}", section=_MAP_SECTION, elsewhere=elsewhere, **tabs)
        return
    page = {"kind": "map", "report": report.slug} | ({"boundaries": "yes"} if has_boundaries else {})
    writer.write_interactive(
        path,
        "map.html",
        renderer.draw_map(report.slug, data),
        page,
        section=_MAP_SECTION,
        trail=[_HOME],
        lead="Integrated care boards as published, or summed from the areas within. Those without a figure are marked.",
        opening="",
        **tabs,
    )
