"""The pages without choices: home, the contents of a report, organisations, definitions, about these figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from iapt.release.metadata import describe_provenance
from iapt.report.contents import Contents
from iapt.report.coverage import NONE, Coverage, describe_coverage, format_runs
from iapt.report.data_scripts import make_area_data, make_map_data
from iapt.report.page_writer import PageWriter
from iapt.report.release_tables import EVERYONE, GRAINS
from iapt.report.rendering import Renderer

#: The pages that the home page leads to, beside the reports: address, title, description.
_PAGE_LINKS: Final = (
    ("recovery-rate/england-annual.html", "Recovery rate", "Everyone and ethnic groups, with the 50% standard."),
    ("map/annual.html", "Map", "Integrated care boards, each a tile of the same size."),
    ("organisations/index.html", "Organisations", "A page for each region, board, sub-ICB location and provider."),
    ("definitions.html", "Definitions", "What the words and measures mean."),
    ("about.html", "About these figures", "Rounding, suppression, gaps, and what they cannot tell you."),
)


def write_home(writer: PageWriter, contents: Contents) -> None:
    """The home page: England's newest figures, links to every report, and what is held."""
    reports = [(f"{report.slug}/index.html", report.title, report.card_text) for report in contents.config.reports]
    period, headlines = _read_headlines(contents)
    writer.write(
        "index.html",
        "home.html",
        "NHS Talking Therapies: what the published figures say",
        title="Home",
        headlines=headlines,
        headlines_period=period,
        page_links=[*reports, *_PAGE_LINKS],
        coverage=[_make_coverage_row(contents, report) for report in GRAINS],
    )


def _read_headlines(contents: Contents) -> tuple[str, list[tuple[str, str, str]]]:
    """England's newest figures: of the newest year that has them, else of the newest month, else quarter.

    Returns the label of the period and for each figure its label, its text and the page it leads to.
    """
    for report in ("annual", "monthly", "quarterly"):
        england = contents.figures[report].get("england")
        if england is None or EVERYONE not in england.series:
            continue
        texts = dict(zip(contents.config.measure_order, england.series[EVERYONE], strict=True))
        series = {measure: texts[measure].split(",") for measure in contents.config.headlines if texts[measure]}
        if not series:
            continue
        newest = max(map(len, series.values())) - 1
        headlines = []
        for words in contents.config.measures:
            cells = series.get(words.measure, [])
            cell = cells[newest] if newest < len(cells) else ""
            if cell[:1].isdigit():
                unit = "%" if contents.release.measures[words.measure]["unit"] == "%" else ""
                topic = next(topic.slug for topic in contents.config.topics if words.measure in topic.measures)
                value = f"{int(cell.split('~')[0]):,}{unit}"
                headlines.append((words.label.removesuffix(" (%)"), value, f"{report}/{topic}.html"))
        if headlines:
            return contents.release.periods[report][newest].label, headlines
    return "", []


def _describe_coverage(contents: Contents, report: str) -> Coverage:
    return describe_coverage(contents.release.periods[report], contents.figures[report].get("england"))


def _make_coverage_row(contents: Contents, report: str) -> Mapping[str, Any]:
    gaps = [period.label for period in contents.release.periods[report] if period.status == "not_published"]
    return {
        "href": f"{report}/index.html",
        "title": contents.get_report(report).title,
        "coverage": _describe_coverage(contents, report),
        "gaps": ", ".join(gaps) or NONE,
        "areas": len(contents.figures[report]),
    }


def write_contents(writer: PageWriter, contents: Contents, report_slug: str) -> None:
    """The contents of a report: its topics, organisations, periods, breaks and notes."""
    report = contents.get_report(report_slug)
    periods = contents.release.periods[report.slug]
    families = []
    for family in contents.config.families:
        count = sum(area.family == family.slug and report.slug in area.reports for area in contents.areas)
        if count:
            families.append(f"{family.label}: {count:,}" if count > 1 else family.label)
    coverage = _describe_coverage(contents, report.slug)
    writer.write(
        f"{report.slug}/index.html",
        "contents.html",
        report.title,
        report=report.slug,
        lead=f"Referrals, waits and outcomes by {report.grain}, for England and each organisation with figures.",
        topics=contents.config.topics,
        on_map=bool(make_map_data(contents, report.slug)["series"]),
        families="; ".join(families) or "no organisation",
        coverage=coverage,
        held=f"{coverage.held} {report.grain}{'' if coverage.held == 1 else 's'}",
        missing=format_runs(periods, [period.status == "not_loaded" for period in periods]),
        gaps=[period for period in periods if period.status == "not_published"],
        breaks=[period for period in periods if period.break_name],
        notes=report.notes,
    )


def write_organisations(writer: PageWriter, contents: Contents, renderer: Renderer) -> None:
    """The list of organisations, and the page of each."""
    index = "organisations/index.html"
    labels = {family.slug: family.label for family in contents.config.families}
    families = [
        {"slug": slug, "label": label, "areas": areas}
        for slug, label in labels.items()
        if (areas := [area for area in contents.areas if area.family == slug])
    ]
    writer.write(index, "organisations.html", "Organisations", families=families)
    for area in contents.areas:
        figures = {report: make_area_data(contents.figures[report][area.id]) for report in area.reports}
        view = renderer.draw_organisation(area.id, figures)
        lead = "The whole country." if area.family == "england" else f"{labels[area.family]}, code {area.code}."
        path = f"organisations/{area.id}.html"
        writer.write(path, "organisation.html", view.title, section=index, view=view, lead=lead)


def write_definitions(writer: PageWriter, contents: Contents) -> None:
    """The words and the measures of the report, and the national standards."""
    measures = contents.release.measures
    topics = [
        {
            "slug": topic.slug,
            "title": topic.title,
            "measures": [
                {
                    "slug": measure,
                    "label": contents.config.labels[measure],
                    "definition": measures[measure]["definition"],
                    "formula": _format_formula(contents, measures[measure]),
                    "name": measures[measure]["name"],
                }
                for measure in topic.measures
            ],
        }
        for topic in contents.config.topics
    ]
    standards = [standard for standard in contents.release.standards if standard["measure"] in measures]
    writer.write("definitions.html", "definitions.html", "Definitions", topics=topics, standards=standards)


def _format_formula(contents: Contents, measure: Mapping[str, str]) -> str:
    """What a measure is made of, in words; nothing where a part of it has none: a column's name is no word."""
    words = {**contents.config.labels, "-": "minus", "+": "plus"}
    sides = [[words.get(part, "") for part in measure[side].split()] for side in ("numerator", "denominator")]
    return " over ".join(" ".join(side) for side in sides) if all(side and all(side) for side in sides) else ""


def write_about(writer: PageWriter, contents: Contents) -> None:
    """Where the figures come from, what was done to them, and what they cannot say."""
    manifest = contents.release.manifest
    periods = [period for periods in contents.release.periods.values() for period in periods]
    writer.write(
        "about.html",
        "about.html",
        "About these figures",
        drops=sum(not drop.get("is_replaced") for drop in manifest.get("drops", ())),
        provenance=describe_provenance(manifest.get("drops", ())).replace("`", ""),
        synthetic=manifest.get("data_origin") == "synthetic",
        gaps=[period for period in periods if period.status == "not_published"],
    )
