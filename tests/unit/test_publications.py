"""The list of publications and the publisher's calendar: what a row may say, and what contradicts another."""

import copy
import datetime as dt
import json
from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import PublicationDay, Publisher
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.periods import find_period_starting, parse_period_label
from iapt.workspace import CATALOGUE

CATALOGUE_FILES = Catalogue(CATALOGUE)
PUBLISHER = CATALOGUE_FILES.publisher


def make_row(**changes: Any) -> Publication:
    row: dict[str, Any] = {
        "series": "monthly",
        "period": "2026-05",
        "revision": 1,
        "status": "definitive",
        "page": {"series": "talking_therapies_monthly", "slug": "performance-may-2026"},
        "file": "https://files.digital.nhs.uk/00/000000/month%20may%202026.csv",
        "format": "csv",
    }
    return Publication.model_validate(row | changes)


def test_the_list_is_valid_and_has_every_month_since_2021_once() -> None:
    publications = CATALOGUE_FILES.publications
    months = Counter(row.period for row in publications.rows if row.series == "monthly" and row.revision == 1)
    expected = [f"{year}-{month:02d}" for year in range(2021, 2027) for month in range(1, 13)]
    assert [month for month in expected if month <= "2026-05" and not publications.list_issues("monthly", month)] == []
    assert all(times == 1 for times in months.values())


def test_revisions_are_those_that_the_file_names_show_or_follow_from_what_is_superseded() -> None:
    precedence = CATALOGUE_FILES.precedence
    for row in CATALOGUE_FILES.publications.rows:
        if row.file is not None and row.supersedes is None:
            assert row.revision == precedence.infer_revision(row.file_name), row.id
        if row.file is not None:
            assert row.status == precedence.infer_status(row.file_name), row.id


def test_rows_are_in_order_within_a_series_the_newest_first() -> None:
    rows = CATALOGUE_FILES.publications.rows
    for series in {row.series for row in rows}:
        ordered = [(row.period, row.revision) for row in rows if row.series == series]
        assert ordered == sorted(ordered, reverse=True), series


def test_a_file_name_is_decoded_once() -> None:
    assert make_row().file_name == "month may 2026.csv"
    assert make_row(file="https://files.digital.nhs.uk/a%2520b.csv").file_name == "a%20b.csv"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"series": "weekly"}, "expected a series"),
        ({"page": {"series": "elsewhere"}}, "expected a series page"),
        ({"period": "2026-27 Q1"}, "expected a month"),
        ({"first_period": "2026-06"}, "first_period before period"),
        ({"file": "https://example.org/a.csv"}, "a host of"),
        ({"file": "http://files.digital.nhs.uk/a.csv"}, "expected https"),
        ({"format": "zip"}, "ending in .zip"),
        ({"supersedes": "https://files.digital.nhs.uk/none.csv", "revision": 2}, "an earlier revision"),
    ],
)
def test_a_row_that_contradicts_the_publishers_site_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Publications([make_row(**changes)], PUBLISHER)


@pytest.mark.parametrize("name", ["..%2F..%2Fa.csv", "%5Ca.csv", "..", "", "a%0Ab.csv", "a%00.csv", f"{'a' * 256}.csv"])
def test_an_address_whose_file_would_be_written_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="a plain name"):
        make_row(file=f"https://files.digital.nhs.uk/00/000000/{name}")


def test_a_file_and_a_publication_are_listed_once() -> None:
    with pytest.raises(ValueError, match="each publication once"):
        Publications([make_row(), make_row(file="https://files.digital.nhs.uk/b.csv")], PUBLISHER)
    with pytest.raises(ValueError, match="each file once"):
        Publications([make_row(), make_row(period="2026-04")], PUBLISHER)


def test_what_is_superseded_is_an_earlier_issue_of_the_same_publication() -> None:
    earlier = make_row()
    later = make_row(revision=2, file="https://files.digital.nhs.uk/b.csv", supersedes=earlier.file)
    publications = Publications([later, earlier], PUBLISHER)
    assert [row.revision for row in publications.list_issues("monthly", "2026-05")] == [2, 1]
    other = make_row(period="2026-04", revision=2, file="https://files.digital.nhs.uk/c.csv", supersedes=earlier.file)
    with pytest.raises(ValueError, match="an earlier revision"):
        Publications([other, earlier], PUBLISHER)


def test_a_found_row_completes_a_page_without_a_file_and_repeats_nothing() -> None:
    page = make_row(file=None, format=None)
    listed = make_row(period="2026-04", file="https://files.digital.nhs.uk/b.csv")
    publications = Publications([page, listed], PUBLISHER).with_rows([make_row(), listed], PUBLISHER)
    assert sorted((row.id, row.file is not None) for row in publications.rows) == [
        ("monthly/2026-04/1", True),
        ("monthly/2026-05/1", True),
    ]


@pytest.mark.parametrize(
    ("series", "period", "day"),
    [
        ("monthly", "2026-05", "2026-07-09"),
        ("quarterly", "2026-27 Q1", "2026-08-13"),
        ("annual", "2023-24", "2025-01-16"),
    ],
)
def test_a_period_is_expected_on_the_day_that_the_publisher_took_before(series: str, period: str, day: str) -> None:
    publication = PUBLISHER.series[series].publication
    assert publication is not None
    assert publication.find(parse_period_label(period)).isoformat() == day


@given(
    st.dates(dt.date(2012, 4, 1), dt.date(2040, 1, 1)),
    st.sampled_from(["monday", "thursday", "sunday"]),
    st.integers(1, 4),
    st.integers(1, 24),
)
def test_the_day_of_publication_is_the_nth_such_weekday_of_its_month(
    day: dt.date, weekday: str, nth: int, months_after: int
) -> None:
    period = find_period_starting(day.replace(day=1), "month")
    assert period is not None
    found = PublicationDay.model_validate({"months_after": months_after, "weekday": weekday, "nth": nth}).find(period)
    assert found.strftime("%A").lower() == weekday
    assert (found.day - 1) // 7 + 1 == nth
    assert (found.year - period.end.year) * 12 + found.month - period.end.month == months_after


def test_a_series_page_off_the_allowed_hosts_is_refused() -> None:
    content = yaml.safe_load((CATALOGUE / "publisher.yml").read_text("utf-8"))
    Publisher.model_validate(copy.deepcopy(content))
    content["series_pages"]["iapt_annual"]["address"] = "https://example.org/page"
    with pytest.raises(ValueError, match="a host of"):
        Publisher.model_validate(content)


@pytest.mark.parametrize(
    ("name", "model"),
    [("publications", list[Publication]), ("publisher", Publisher), ("withdrawn", list[WithdrawnFile])],
)
def test_the_schema_for_editors_is_that_of_the_model(name: str, model: Any) -> None:
    schema = CATALOGUE / "schemas" / f"{name}.json"
    assert json.loads(schema.read_text("utf-8")) == TypeAdapter(model).json_schema()


@pytest.mark.parametrize(
    "change", [{"series": None}, {"sha256": "abc"}, {"revision": 0}, {"status": "final"}, {"odd": 1}]
)
def test_a_row_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make_row(**change)
