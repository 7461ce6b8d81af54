"""What a release says about itself: what it covers, and what is known of where its files came from."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from iapt.contract import TOPICS
from iapt.release.coverage import (
    FAMILIES,
    Coverage,
    format_coverage,
    read_measure_families,
    summarise_coverage,
)
from iapt.release.metadata import describe_provenance

#: A month without England, a gap, a month of one family only, and a figure that is suppressed or never published.
FIGURES = """
    ('2025-01', 'england', 'count_referrals_received', 'published'),
    ('2025-01', 'england', 'percentage_recovery', 'published'),
    ('2025-01', 'provider', 'count_referrals_received', 'suppressed'),
    ('2025-02', 'england', 'count_referrals_received', 'suppressed'),
    ('2025-02', 'provider', 'percentage_recovery', 'published'),
    ('2025-03', 'provider', 'count_referrals_received', 'published'),
    ('2025-04', 'england', 'count_referrals_received', 'published'),
    ('2025-05', 'england', 'count_referrals_received', 'not_published'),
    ('2025-05', 'provider', 'count_referrals_received', 'not_published')
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (from (values {FIGURES}) as figures (period, org_level, measure, value_status))
            to '{tmp_path / "extract_monthly.parquet"}' (format parquet);
            copy (from (values ('2020-21', 'provider', 'count_referrals_received', 'published'))
                as figures (period, org_level, measure, value_status))
            to '{tmp_path / "extract_annual.parquet"}' (format parquet);
            copy (from (values ('', 'england', '', 'published')) as figures (period, org_level, measure, value_status)
                where false)
            to '{tmp_path / "extract_quarterly.parquet"}' (format parquet);
            copy (
                select strftime(day, '%Y-%m') as period, 'month' as period_grain, day as period_start
                from (select unnest(generate_series(date '2025-01-01', date '2025-06-01', interval 1 month)) as day)
                union all select '2020-21', 'year', date '2020-04-01'
            ) to '{tmp_path / "dim_period.parquet"}' (format parquet)
            """
        )
    return tmp_path


def test_a_period_is_covered_where_england_has_a_figure_of_the_family(release: Path) -> None:
    monthly = [one for one in summarise_coverage(release) if one.table == "extract_monthly"]
    activity, outcomes = FAMILIES[0], FAMILIES[2]
    runs = (("2025-01", "2025-02"), ("2025-04", "2025-04"))
    assert monthly == [
        Coverage("extract_monthly", activity, "england", runs, 3, 0),
        Coverage("extract_monthly", activity, "provider", (("2025-01", "2025-01"),), 1, 1),
        Coverage("extract_monthly", outcomes, "england", (("2025-01", "2025-01"),), 1, 0),
        Coverage("extract_monthly", outcomes, "provider", (), 0, 1),
    ]


def test_the_readme_never_calls_a_period_covered_for_one_provider(release: Path) -> None:
    text = "\n".join(format_coverage(summarise_coverage(release)))
    assert "| `extract_monthly` | referrals and treatment | 3 | 2025-01 to 2025-02, 2025-04 |" in text
    assert "| `extract_monthly` | outcomes | 1 | 2025-01 |" in text
    assert "2025-03" not in text
    assert "2020-21" not in text
    assert "| `extract_monthly` | `provider` | 1 + 1 | 0 + 1 |" in text
    assert "| `extract_annual` | `provider` | 0 + 1 | 0 |" in text


def test_a_release_without_england_says_so(release: Path) -> None:
    text = "\n".join(format_coverage([one for one in summarise_coverage(release) if one.org_level != "england"]))
    assert "England has no figure in this release" in text


def test_every_measure_has_a_family_and_every_topic_measure_that_of_a_topic() -> None:
    families = read_measure_families()
    assert set(families.values()) == set(FAMILIES)
    assert {families[measure] for measures in TOPICS.values() for measure in measures} == set(FAMILIES[:3])
    assert families["count_finished_course_treatment"] == "referrals and treatment"


def test_what_no_record_said_of_a_file_is_not_claimed() -> None:
    nothing = describe_provenance([{"file": "a.csv", "made": None, "source": None}] * 3)
    assert "without a record of provenance" in nothing
    assert "is not known" in nothing
    assert "says of each" not in nothing


def test_what_every_record_said_is_claimed_of_each() -> None:
    whole = describe_provenance([{"made": "official", "source": "the publisher's page"}] * 2)
    assert "says of each file where it was got and how it was made" in whole
    assert "not known" not in whole


def test_what_some_records_said_is_counted() -> None:
    partly = describe_provenance(
        [{"made": "official", "source": "a page"}, {"made": "", "source": "a page"}, {"made": None, "source": None}]
    )
    assert "of 2 of 3 files where they were got, and of 1 how they were made" in partly
    assert "Of the others that is not known." in partly
