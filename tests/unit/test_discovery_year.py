"""A year of the publisher's pages: every publication is found once, none is invented, whatever stands in the way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from iapt.catalogue.catalogue import Catalogue
from tests.factories.publisher_year import LIST, YearRun, list_issues, run_year


@pytest.fixture(scope="module", params=[1, 2, 3])
def year(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[YearRun]]:
    folder = tmp_path_factory.mktemp("year") / "catalogue"
    return folder, run_year(folder, seed=request.param)


def test_the_year_has_what_it_should() -> None:
    series = Counter((issue.series, issue.revision > 1 and issue.period != "2026-10") for issue in list_issues())
    assert series == {
        ("monthly", False): 12,
        ("monthly", True): 1,
        ("quarterly", False): 4,
        ("quarterly", True): 1,
        ("annual", False): 1,
    }


def test_every_publication_is_found_once_with_its_series_period_and_status(year: tuple[Path, list[YearRun]]) -> None:
    folder, runs = year
    written = [row for run in runs for row in run.result.writable]
    found = [(row.series, row.period, row.status, row.revision, row.file) for row in written]
    assert sorted(found) == sorted(issue.row for issue in list_issues())
    listed = Catalogue(folder).publications.rows
    assert len(listed) == LIST.count("- series") + len(found)


def test_each_is_found_on_the_day_it_comes_out(year: tuple[Path, list[YearRun]]) -> None:
    for run in year[1]:
        addresses = {issue.address for issue in run.published}
        assert {row.file for row in run.result.writable} <= addresses, run.day


def test_the_definitive_file_supersedes_the_provisional_and_the_corrected_the_first(
    year: tuple[Path, list[YearRun]],
) -> None:
    publications = Catalogue(year[0]).publications
    for series, period in (("monthly", "2026-11"), ("quarterly", "2026-27 Q2")):
        later, earlier = publications.list_issues(series, period)
        assert later.supersedes == earlier.file
    (proposal,) = [
        proposal
        for run in year[1]
        for proposal in run.result.proposals
        if proposal.publication.id == "quarterly/2026-27 Q2/2"
    ]
    assert "Nine organisations were left out." in proposal.reason


def test_once_written_nothing_more_is_proposed_or_asked(year: tuple[Path, list[YearRun]]) -> None:
    for run in year[1]:
        if run.noise == "again":
            assert not run.result.proposals, run.day
            assert not run.result.questions, run.day
            assert not run.result.failures, run.day
            assert run.requests <= 12, run.day  # three series pages, and the newest three of each


def test_nothing_of_what_stands_in_the_way_is_taken_for_a_publication(year: tuple[Path, list[YearRun]]) -> None:
    by_noise = {run.noise: run for run in year[1]}
    assert "a page that says there is nothing" in by_noise["false 404"].result.questions[0].found
    assert by_noise["login"].result.exit_status == 1
    assert by_noise["maintenance"].result.exit_status == 1
    assert not by_noise["maintenance"].result.proposals
    placeholder = by_noise["placeholder"]
    assert not placeholder.result.proposals
    assert placeholder.published[0].period in {
        period for item in placeholder.result.not_yet_published for period in item.periods
    }


def test_the_renamed_series_is_asked_about_once_and_its_publications_wait(year: tuple[Path, list[YearRun]]) -> None:
    waiting = [run for run in year[1] if any(proposal.awaits for proposal in run.result.proposals)]
    (run,) = waiting
    assert {proposal.publication.file for proposal in run.result.proposals} == {
        issue.address for issue in run.published
    }
    assert not run.result.writable
    assert [question.remedy for question in run.result.questions] == [
        question.remedy
        for question in run.result.questions
        if "series_pages in catalogue/publisher.yml" in question.remedy
    ]
    assert len(run.result.questions) == 1
