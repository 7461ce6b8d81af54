"""The CSV beside each table: the same figures with their statuses, safe in a spreadsheet, without server or script."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from tests.browser.conftest import FORMULA_CODE, FORMULA_NAME
from tests.browser.page_objects import BrowserSession, Cell, PageContents, ReportPage, Site, Table, Way
from tests.browser.released_figures import DASH, STANDARD_STATUSES

pytestmark = pytest.mark.browser

STATUS = {"[c]": "suppressed", "[x]": "not_published", "[z]": "not_applicable", DASH: ""}
#: In the made release, which says whose figures it holds.
PROVENANCE = ["2026.11.9", "NHS Digital / NHS England", "OGL-UK-3.0"]
RISKY = ("=", "+", "-", "@", "\t", "\r")


def read_rows(href: str) -> list[list[str]]:
    head, _, data = href.partition(",")
    assert head == "data:text/csv;charset=utf-8"
    return list(csv.reader(io.StringIO(unquote_to_bytes(data).decode("utf-8")), strict=True))


def assert_holds_the_table(rows: list[list[str]], table: Table) -> None:
    """Row by row: each figure without its commas, or empty, its status beside it, and the bounds of a total."""
    head, *body = rows
    keys = next(number for number, name in enumerate(head) if f"{name}_status" in head)
    held = [row for row in table.rows if not row.is_not_held]
    assert len(body) == len(held)
    for fields, row in zip(body, held, strict=True):
        assert len(fields) == len(head)
        assert row.header.removesuffix(" (%)") in " ".join(fields[:keys]) or head[2] == "measure"
        rest = dict(zip(head[keys:], fields[keys:], strict=True))
        names = [name for name in head[keys:] if f"{name}_status" in head]
        assert [rest[name] for name in ("release_id", "source", "licence")] == PROVENANCE
        assert fields[head.index("org_code")]
        assert fields[head.index("org_name")]
        assert len(names) == len(row.cells)
        for name, cell in zip(names, row.cells, strict=True):
            assert_holds_the_cell(rest, name, cell)
        statuses = [rest[name] for name in rest if name.endswith("_standard_status")]
        shown = [text for text in row.standard_statuses if text not in STATUS]
        assert [STANDARD_STATUSES[status] for status in statuses if status] == shown


def assert_holds_the_cell(fields: dict[str, str], name: str, cell: Cell) -> None:
    if cell.text in STATUS:
        assert (fields[name], fields[f"{name}_status"]) == ("", STATUS[cell.text])
    else:
        assert (fields[name], fields[f"{name}_status"]) == (
            cell.text.removesuffix(" [note]").replace(",", ""),
            "published",
        )
        assert bool(fields.get(f"{name}_note")) == cell.text.endswith(" [note]")
    if cell.range:
        assert int(fields[f"{name}_lower"]) <= int(fields[name]) <= int(fields[f"{name}_upper"])
        written = f"{int(fields[f'{name}_lower']):,} to {int(fields[f'{name}_upper']):,}"
        hidden = fields[f"{name}_suppressed_parts"]
        assert cell.range == written + (f", {hidden} hidden" if hidden != "0" else "")


def assert_safe(rows: list[list[str]], name: str) -> None:
    """No field that a spreadsheet would run; a figure may be negative only as a bound."""
    for row in rows:
        for field in row:
            assert not field.startswith(RISKY) or field.lstrip("-").replace(".", "").isdigit(), (name, field)


def get_tables_by_caption(shown: PageContents) -> dict[str, Table]:
    return {table.caption: table for table in shown.tables}


def test_every_download_of_every_page_holds_its_table(site: Site, parser: ReportPage) -> None:
    seen = 0
    for path in site.pages:
        text = (site.folder / path).read_text("utf-8")
        if "<a download" not in text:
            continue
        shown = parser.parse(text)
        tables = get_tables_by_caption(shown)
        files = [one["file"] for one in shown.downloads]
        assert len(files) == len(set(files)), (path, "each file of a page has a name of its own")
        for one in shown.downloads:
            rows = read_rows(one["href"])
            assert_holds_the_table(rows, tables[one["table"]])
            assert_safe(rows, path)
            assert one["file"].endswith(".csv")
            assert set(one["file"].removesuffix(".csv")) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
            seen += 1
    assert seen > 150


@pytest.mark.parametrize(
    "path",
    [
        "monthly/activity.html?org=icb-QF7",
        "annual/outcomes.html?by=age_band&org=provider-RGD",
        "recovery-rate/england-quarterly.html",
    ],
)
def test_what_is_chosen_is_what_is_downloaded(path: str, session: BrowserSession) -> None:
    shown = session.open(path).shown()
    assert shown.downloads
    for one in shown.downloads:
        rows = read_rows(one["href"])
        assert_holds_the_table(rows, get_tables_by_caption(shown)[one["table"]])
        assert_safe(rows, path)


def test_a_name_like_a_formula_is_made_harmless(session: BrowserSession) -> None:
    shown = session.open("map/annual.html").shown()
    rows = read_rows(shown.downloads[0]["href"])
    assert next(row for row in rows if row[0] == FORMULA_CODE)[1] == f"'{FORMULA_NAME}"


@pytest.mark.parametrize("way", ["file", "http"])
@pytest.mark.parametrize("scripts", [True, False])
def test_the_link_downloads_the_file(way: Way, scripts: bool, session: BrowserSession, tmp_path: Path) -> None:
    report_page = session.open("quarterly/outcomes.html", way=way, java_script_enabled=scripts)
    with report_page.page.expect_download() as waiting:
        report_page.page.click("a[download] >> nth=0")
    kept = tmp_path / "kept.csv"
    waiting.value.save_as(kept)
    assert waiting.value.suggested_filename == "quarterly-england-recovery.csv"
    rows = list(csv.reader(io.StringIO(kept.read_text("utf-8")), strict=True))
    assert_holds_the_table(rows, report_page.shown().panels[0].table)
