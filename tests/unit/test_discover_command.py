"""`iapt discover`: a diff to review, rows written into the list, questions, and pages saved by hand."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.listed_publications import load_publications
from iapt.workspace import CATALOGUE, Workspace
from orchestration.cli import app
from tests.factories.publisher_pages import (
    ANNUAL_SERIES,
    ANNUAL_TITLE,
    FILES,
    MONTHLY_SERIES,
    MONTHLY_TITLE,
    STATISTICAL,
    Card,
    Entry,
    make_challenge_page,
    make_publication_page,
    make_series_page,
)
from tests.factories.publisher_server import PublisherServer

LIST = """# The list.
- series: monthly
  period: "2026-04"
  revision: 1
  status: definitive
  page: {series: talking_therapies_monthly, slug: performance-april-2026}
  file: "https://files.digital.nhs.uk/AA/BBCC04/nhstalkingtherapies_month_apr_2026_activity_performance.csv"
  format: csv
"""
ROW = """- series: monthly
  period: "2026-05"
  revision: 1
  status: definitive
  page: {series: talking_therapies_monthly, slug: performance-may-2026, title: "Performance May 2026"}
  file: "https://files.digital.nhs.uk/AA/BBCC05/nhstalkingtherapies_month_may_2026_activity_performance.csv"
  format: csv
"""


def make_month(number: str, name: str) -> str:
    address = f"{FILES}/AA/BBCC{number}/nhstalkingtherapies_month_{name[:3].lower()}_2026_activity_performance.csv"
    return make_publication_page(f"Performance {name} 2026", [Card("Monthly activity data file", address)])


def make_pages(*names: str) -> dict[str, str]:
    """Return a site of two series pages, and the pages of months."""
    entries = [
        Entry(f"Performance {name} 2026", f"{MONTHLY_SERIES}/performance-{name.lower()}-2026", "9 July 2026")
        for name in names
    ]
    numbers = {"May": "05", "April": "04", "June": "06"}
    return {
        MONTHLY_SERIES: make_series_page(MONTHLY_TITLE, previous=entries),
        ANNUAL_SERIES: make_series_page(ANNUAL_TITLE, previous=[]),
        **{entry.address: make_month(numbers[name], name) for entry, name in zip(entries, names, strict=True)},
    }


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A catalogue that lists one month, and asks without a pause."""
    folder = tmp_path / "catalogue"
    shutil.copytree(CATALOGUE, folder)
    (folder / "publications.yml").write_text(LIST, "utf-8")
    publisher = (folder / "publisher.yml").read_text("utf-8")
    (folder / "publisher.yml").write_text(publisher.replace("pause_seconds: 2", "pause_seconds: 0"), "utf-8")
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublisherServer]:
    with PublisherServer() as made:
        monkeypatch.setenv("IAPT_CONTACT", "tests@example.org")
        monkeypatch.setenv("IAPT_LOCAL_SERVERS", made.origin)
        monkeypatch.setenv("IAPT_MIRROR", made.origin)
        yield made


def add_pages(server: PublisherServer, pages: dict[str, str]) -> None:
    for address, html in pages.items():
        server.add_page(urlsplit(address).path, html)


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["discover", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_what_is_lacking_is_shown_as_a_diff_that_git_applies(catalogue: Path, server: PublisherServer) -> None:
    add_pages(server, make_pages("May", "April"))
    result = run("--catalogue", catalogue)
    assert result.exit_code == 0
    subprocess.run(["git", "apply"], input=result.stdout.encode(), cwd=catalogue.parent, check=True)
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST.replace("list.\n", "list.\n" + ROW)
    assert "new monthly/2026-05/1" in result.stderr
    assert "4 pages read, 2 publications listed there; 1 proposed; 0 questions." in result.stderr
    assert run("--catalogue", catalogue).stdout == ""


def test_rows_are_written_when_asked_for_and_nothing_is_lacking_afterwards(
    catalogue: Path, server: PublisherServer
) -> None:
    add_pages(server, make_pages("May", "April"))
    result = run("--catalogue", catalogue, "--write")
    assert result.exit_code == 0
    assert "1 written" in result.stderr
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST.replace("list.\n", "list.\n" + ROW)
    assert Catalogue(catalogue).publications.find("monthly/2026-05/1")
    again = run("--catalogue", catalogue, "--write")
    assert (again.exit_code, again.stdout) == (0, "")


def test_without_write_the_list_stays_as_it_is(catalogue: Path, server: PublisherServer) -> None:
    add_pages(server, make_pages("May", "April"))
    run("--catalogue", catalogue)
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST


def test_pages_are_asked_for_one_by_one_and_named(catalogue: Path, server: PublisherServer) -> None:
    add_pages(server, make_pages("May", "April"))
    run("--catalogue", catalogue, "--recheck", "0")
    assert [request.path for request in server.requests] == [
        "/robots.txt",
        urlsplit(MONTHLY_SERIES).path,
        urlsplit(MONTHLY_SERIES).path + "/performance-may-2026",
        urlsplit(ANNUAL_SERIES).path,
    ]


def test_a_question_is_told_with_its_candidates_and_the_other_rows_are_written(
    catalogue: Path, server: PublisherServer
) -> None:
    pages = make_pages("June", "May", "April")
    page = f"{MONTHLY_SERIES}/performance-june-2026"
    pages[page] = make_publication_page("Performance June 2026", [Card("Data\x1b[31m quality", f"{FILES}/AA/dq.csv")])
    add_pages(server, pages)
    result = run("--catalogue", catalogue, "--write")
    assert result.exit_code == 3
    assert f"? {page}: no file may be the main one of monthly 2026-06." in result.stderr
    assert "- 'Data[31m quality' (dq.csv): data_quality" in result.stderr
    assert "\x1b" not in result.stderr
    assert Catalogue(catalogue).publications.find("monthly/2026-05/1")


def test_a_row_that_waits_for_an_answer_is_shown_and_not_written(catalogue: Path, server: PublisherServer) -> None:
    other = f"{STATISTICAL}/nhs-talking-therapies-performance"
    pages = make_pages("April")
    pages[MONTHLY_SERIES] = make_series_page(MONTHLY_TITLE, previous=[], other_series=Entry("Performance", other, ""))
    entry = Entry("Performance May 2026", f"{other}/performance-may-2026", "9 July 2026")
    pages |= {other: make_series_page("Performance", previous=[entry]), entry.address: make_month("05", "May")}
    add_pages(server, pages)
    result = run("--catalogue", catalogue, "--write")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "not listed yet; first add to series_pages in catalogue/publisher.yml" in result.stderr
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST


def test_a_page_that_tests_for_a_person_ends_it_with_the_way_by_hand(catalogue: Path, server: PublisherServer) -> None:
    add_pages(server, {MONTHLY_SERIES: make_challenge_page()})
    result = run("--catalogue", catalogue)
    assert result.exit_code == 1
    assert "a test of whether a person asks" in result.stderr
    assert "iapt discover --from FOLDER" in result.stderr


def test_without_a_contact_nothing_is_asked(
    catalogue: Path, server: PublisherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IAPT_CONTACT")
    result = run("--catalogue", catalogue)
    assert result.exit_code == 1
    assert server.requests == []


@pytest.mark.parametrize("form", ["comment", "canonical", "name"])
def test_pages_that_a_person_saved_do_as_well(catalogue: Path, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "saved" / "from a browser"
    folder.mkdir(parents=True)
    for number, (address, html) in enumerate(make_pages("May", "April").items()):
        name = f"page ({number}).html"
        if form == "comment":
            html = f"<!-- saved from url=(0042){address} -->\n{html}"
        elif form == "canonical":
            html = html.replace("<head>", f'<head><link rel="canonical" href="{address}/">')
        else:
            name = address.rsplit("/", 1)[1] + ".HTM"
        (folder / name).write_text(html, "utf-8")
    result = run("--catalogue", catalogue, "--from", tmp_path / "saved", "--write")
    assert result.exit_code == 0, result.stderr
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST.replace("list.\n", "list.\n" + ROW)


def test_rows_for_this_home_alone_are_pulled_and_leave_the_catalogue_as_it_is(
    catalogue: Path, server: PublisherServer, tmp_path: Path
) -> None:
    add_pages(server, make_pages("May", "April"))
    home = tmp_path / "home"
    result = run("--catalogue", catalogue, "--home-only", "--home", home)
    assert (result.exit_code, result.stdout) == (0, ROW)
    assert (catalogue / "publications.yml").read_text("utf-8") == LIST
    publications, found = load_publications(Workspace(home), Catalogue(catalogue))
    assert found == {"monthly/2026-05/1"}
    assert publications.find("monthly/2026-05/1")
    assert run("--catalogue", catalogue, "--home-only", "--home", home).stdout == ""
    assert run("--catalogue", catalogue).stdout, "what a home has found is still to be reviewed"


def test_a_list_of_the_home_that_cannot_be_read_is_told(catalogue: Path, tmp_path: Path) -> None:
    (tmp_path / "found_publications.yml").write_text("rows: none", "utf-8")
    result = run("--catalogue", catalogue, "--home-only", "--home", tmp_path)
    assert result.exit_code == 1
    assert "found_publications.yml" in result.stderr


def test_rows_go_to_one_list_or_the_other(catalogue: Path) -> None:
    assert run("--catalogue", catalogue, "--home-only", "--write").exit_code == 2


def test_a_refusal_is_told_with_the_way_by_hand(catalogue: Path, server: PublisherServer) -> None:
    server.add_page(urlsplit(MONTHLY_SERIES).path, make_challenge_page(), status=403)
    result = run("--catalogue", catalogue)
    assert result.exit_code == 1
    assert "403" in result.stderr
    assert "save them into a folder, and give it: iapt discover --from FOLDER" in result.stderr
    assert "inbox" not in result.stderr


def test_a_page_that_was_not_saved_is_a_question_with_the_name_to_save_it_under(
    catalogue: Path, tmp_path: Path
) -> None:
    (tmp_path / "saved").mkdir()
    for address, html in make_pages("May", "April").items():
        if "may" not in address:
            (tmp_path / "saved" / (address.rsplit("/", 1)[1] + ".html")).write_text(html, "utf-8")
    result = run("--catalogue", catalogue, "--from", tmp_path / "saved")
    assert result.exit_code == 3
    assert "save it there as performance-may-2026.html" in result.stderr


def test_a_saved_page_that_is_no_page_of_the_publishers_ends_with_a_message(catalogue: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "large.html").write_text("<b>" * 30_000, "utf-8")
    result = run("--catalogue", catalogue, "--from", tmp_path / "saved")
    assert result.exit_code == 1
    assert "at most 20,000 tags; found 30,000" in result.stderr


def test_a_period_that_is_none_is_a_matter_of_usage(catalogue: Path) -> None:
    assert run("--catalogue", catalogue, "--since", "last year").exit_code == 2
