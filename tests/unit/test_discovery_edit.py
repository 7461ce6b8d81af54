"""Edits of the list of publications: each row in its place, all else byte for byte, and nothing that contradicts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, PublicationPage
from iapt.discovery import catalogue_edit
from iapt.discovery.catalogue_edit import (
    CatalogueEditError,
    diff_rows,
    format_row,
    format_rows,
    insert_rows,
    write_rows,
)

FOLDER = Path(__file__).parents[2] / "catalogue"
PUBLISHER = Catalogue(FOLDER).publisher
LIST = """# The list.
#   series    what it publishes
- series: monthly
  period: "2026-06"
  revision: 1
  status: definitive
  page: {series: talking_therapies_monthly, slug: performance-june-2026-and-quarter-1-2026-27-data}
# May was late.
- {series: monthly, period: "2026-05", revision: 1, status: definitive, page: {series: talking_therapies_monthly},
   file: "https://files.digital.nhs.uk/50/96081C/may.csv", format: csv}   # as it was written by hand

- series: annual
  period: "2024-25"
  revision: 2
  status: definitive
  page: {series: talking_therapies_annual, slug: 2024-25}
  file: "https://files.digital.nhs.uk/4E/2104A0/pack-2.zip"
  format: zip
# The end.
"""


def make_row(period: str = "2026-07", series: str = "monthly", revision: int = 1, **more: object) -> Publication:
    name = f"{series}-{period}-{revision}".replace(" ", "-")
    page = "talking_therapies_annual" if series == "annual" else "talking_therapies_monthly"
    values: dict[str, object] = {
        "series": series,
        "period": period,
        "revision": revision,
        "status": "definitive",
        "page": PublicationPage(series=page, slug="performance-page"),
        "file": f"https://files.digital.nhs.uk/AA/BBCCDD/{name}.csv",
        "format": "csv",
    }
    return Publication.model_validate(values | more)


def added(before: str, after: str) -> list[str]:
    return [line[1:] for line in diff_rows(before, after, "x").splitlines()[2:] if line.startswith("+")]


def removed(before: str, after: str) -> list[str]:
    return [line[1:] for line in diff_rows(before, after, "x").splitlines()[2:] if line.startswith("-")]


def test_a_newer_period_stands_before_the_others_of_its_series_and_nothing_else_changes() -> None:
    after = insert_rows(LIST, [make_row("2026-07")], PUBLISHER)
    row = format_row(make_row("2026-07"))
    assert after == LIST.replace(
        '- series: monthly\n  period: "2026-06"', row + '- series: monthly\n  period: "2026-06"'
    )


def test_an_older_period_stands_after_the_others_of_its_series() -> None:
    after = insert_rows(LIST, [make_row("2026-04")], PUBLISHER)
    assert after == LIST.replace("by hand\n", "by hand\n" + format_row(make_row("2026-04")))


def test_a_series_without_rows_begins_at_the_end_before_closing_comments() -> None:
    row = make_row("2026-27 Q1", "quarterly")
    assert insert_rows(LIST, [row], PUBLISHER) == LIST.replace("# The end.\n", format_row(row) + "# The end.\n")


def test_a_row_that_completes_one_without_a_file_takes_its_place() -> None:
    page = PublicationPage(series="talking_therapies_monthly", slug="performance-june-2026-and-quarter-1-2026-27-data")
    after = insert_rows(LIST, [make_row("2026-06", page=page)], PUBLISHER)
    assert removed(LIST, after) == []
    assert added(LIST, after) == [
        '  file: "https://files.digital.nhs.uk/AA/BBCCDD/monthly-2026-06-1.csv"',
        "  format: csv",
    ]


def test_a_re_issue_stands_before_what_it_supersedes() -> None:
    row = make_row("2026-05", revision=2, supersedes="https://files.digital.nhs.uk/50/96081C/may.csv")
    after = insert_rows(LIST, [row], PUBLISHER)
    assert added(LIST, after) == format_row(row).splitlines()
    assert after.index('period: "2026-05"\n  revision: 2') < after.index('{series: monthly, period: "2026-05"')


def test_line_ends_are_kept_as_they_are() -> None:
    after = insert_rows(LIST.replace("\n", "\r\n"), [make_row()], PUBLISHER)
    assert after == insert_rows(LIST, [make_row()], PUBLISHER).replace("\n", "\r\n")


def test_a_list_that_does_not_end_in_a_line_end_is_extended_on_a_line_of_its_own() -> None:
    before = LIST.replace("# The end.\n", "").rstrip("\n")
    after = insert_rows(before, [make_row("2023-24", "annual")], PUBLISHER)
    assert after == before + "\n" + format_row(make_row("2023-24", "annual"))


def test_an_empty_list_takes_its_first_row() -> None:
    assert insert_rows("# Nothing yet.\n", [make_row()], PUBLISHER) == "# Nothing yet.\n" + format_row(make_row())


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (make_row("2026-05"), "more than once"),
        (make_row("2026-07", file="https://files.digital.nhs.uk/50/96081C/may.csv"), "expected each file once"),
        (make_row("2026-07", file="https://evil.example/may.csv"), "expected https and a host"),
        (make_row("2026-05", revision=2, supersedes="https://files.digital.nhs.uk/x.csv"), "expected `supersedes`"),
        (make_row("2026-07", page=PublicationPage(series="another_series")), "a series page of publisher.yml"),
    ],
)
def test_a_row_that_contradicts_the_list_is_not_written(row: Publication, found: str, tmp_path: Path) -> None:
    path = tmp_path / "publications.yml"
    path.write_text(LIST, encoding="utf-8")
    with pytest.raises(CatalogueEditError, match=found):
        write_rows(path, [make_row("2026-08"), row], PUBLISHER)
    assert path.read_text(encoding="utf-8") == LIST


def test_a_row_that_would_read_back_as_another_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_edit, "format_row", lambda row: format_row(row).replace("definitive", "provisional"))
    with pytest.raises(CatalogueEditError, match="monthly/2026-07/1 would read back as another"):
        insert_rows(LIST, [make_row()], PUBLISHER)


def test_a_list_of_another_form_is_left_alone() -> None:
    with pytest.raises(CatalogueEditError, match="another form"):
        insert_rows("publications: []\n", [make_row()], PUBLISHER)


def test_rows_are_written_into_the_file_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "publications.yml"
    path.write_bytes(LIST.encode())
    write_rows(path, [make_row()], PUBLISHER)
    assert path.read_text(encoding="utf-8") == insert_rows(LIST, [make_row()], PUBLISHER)


def test_the_form_of_a_row_is_that_of_the_reviewed_list() -> None:
    text = (FOLDER / "publications.yml").read_text(encoding="utf-8")
    rows = TypeAdapter(list[Publication]).validate_python(yaml.safe_load(text))
    assert [row.id for row in rows if format_row(row) not in text] == []


def test_an_empty_list_stays_empty_without_rows() -> None:
    assert insert_rows("# Nothing yet.\n", [], PUBLISHER) == "# Nothing yet.\n"


def test_no_rows_are_an_empty_list() -> None:
    assert yaml.safe_load(format_rows([])) == []


@given(
    title=st.text(min_size=1, max_size=60),
    slug=st.sampled_from(["2024-25", "2017---18", "2023", "null", "true", "0x10", "1e3", "2024-01-02", "---", "may"]),
    members=st.lists(st.text(min_size=1, max_size=20), max_size=3),
    reason=st.text(min_size=1, max_size=40),
)
def test_a_row_reads_back_as_it_is_whatever_stands_in_it(
    title: str, slug: str, members: list[str], reason: str
) -> None:
    page = PublicationPage(series="talking_therapies_monthly", slug=slug, title=title)
    row = make_row(page=page, members=members, not_pulled=reason)
    assert TypeAdapter(list[Publication]).validate_python(yaml.safe_load(format_row(row))) == [row]
    assert format_row(row).replace("\n", "").isprintable()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 40), unique=True, max_size=8), st.randoms(use_true_random=False))
def test_rows_in_any_order_come_to_the_same_list(months: list[int], chance: random.Random) -> None:
    rows = [make_row(f"{2027 + month // 12}-{month % 12 + 1:02d}") for month in months]
    after = insert_rows(LIST, rows, PUBLISHER)
    shuffled = sorted(rows, key=lambda row: row.period)
    chance.shuffle(shuffled)
    assert insert_rows(LIST, shuffled, PUBLISHER) == after
    periods = [row["period"] for row in yaml.safe_load(after) if row["series"] == "monthly"]
    assert periods == sorted(periods, reverse=True)
