"""Which pages the report has."""

from __future__ import annotations

from pathlib import Path

from iapt.report.chart_pages import write_map_page, write_recovery_page, write_topic_page
from iapt.report.contents import Contents
from iapt.report.page_writer import PageWriter
from iapt.report.release_tables import GRAINS
from iapt.report.rendering import Renderer
from iapt.report.text_pages import write_about, write_contents, write_definitions, write_home, write_organisations


def write_pages(contents: Contents, renderer: Renderer, target: Path, *, has_boundaries: bool) -> None:
    """Write every page into a folder. `has_boundaries` says whether the site carries a file of them."""
    writer = PageWriter(contents, target)
    write_home(writer, contents)
    for report in GRAINS:
        write_contents(writer, contents, report)
        for topic in contents.config.topics:
            write_topic_page(writer, contents, renderer, report, topic)
        for family in ("england", "icb"):
            write_recovery_page(writer, contents, renderer, report, family)
        write_map_page(writer, contents, renderer, report, has_boundaries=has_boundaries)
    write_organisations(writer, contents, renderer)
    write_definitions(writer, contents)
    write_about(writer, contents)
    writer.write("accessibility.html", "accessibility.html", "Accessibility statement")
