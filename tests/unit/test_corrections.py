"""Known errors of the publications: checked when they are read, landed, and applied by one entry in one file."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.corrections import Correction
from iapt.catalogue.disclosure_policy import load_policy
from iapt.ingest.landing import load_landing_tables
from iapt.ingest.observation_store import ObservationStore
from tests.factories import drops
from tests.factories.drops import CATALOGUE, OTHER_PROVIDER, PROVIDER, ROOT, make_monthly_csv, make_row

SCHEMA = CATALOGUE / "schemas" / "corrections.json"
MODELS = ROOT / "dbt_project" / "models"
ENTRY: dict[str, Any] = {
    "id": "a-negative-mean",
    "series": "monthly",
    "periods": ["2026-04"],
    "where": {"org_level": "provider", "org_code": PROVIDER.code, "measure_id": "M112"},
    "reason": "A mean cannot be below zero.",
    "source": "made",
    "action": "withhold",
    "expect": {"value_as_published": "-1.8"},
}
MEAN = ("M112", "Mean_HISessions")
FILE = (
    "iapt_month_apr_2026_activity.csv",
    make_monthly_csv(
        make_row("-1.8", measure=MEAN),
        make_row("-1.8", measure=MEAN, provider=OTHER_PROVIDER),
        make_row("25"),
    ),
)


def catalogue_with(folder: Path, *entries: dict[str, Any]) -> Catalogue:
    """A copy of the project's catalogue with other corrections."""
    shutil.copytree(CATALOGUE, folder)
    (folder / "corrections.yml").write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return Catalogue(folder)


def landed(tmp_path: Path, catalogue: Catalogue) -> duckdb.DuckDBPyConnection:
    """The warehouse of one small published file under a catalogue."""
    read = drops.read(tmp_path, *FILE)
    store = ObservationStore(tmp_path / "observations")
    warehouse, reading = tmp_path / "warehouse.duckdb", [(read.drop, read.summary)]
    load_landing_tables(warehouse, reading, store, catalogue, load_policy(), publications=())
    return duckdb.connect(str(tmp_path / "warehouse.duckdb"))


def without_dbt(path: Path) -> str:
    """A model's or a test's own SQL, of tables that carry the names of the models."""
    return re.sub(r"{{ ref\('(\w+)'\) }}", r"\1", re.sub(r"{{ config\(.*\) }}", "", path.read_text(encoding="utf-8")))


def figures(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """What the models make of the observations: their own SQL, without dbt."""
    warehouse.execute(
        """
        create or replace temp table int_calendar as
            select 'month' as period_grain, '2026-04' as period, date '2026-04-01' as period_start;
        create or replace temp view stg_corrections as from landing.corrections;
        create or replace temp view stg_observations as from landing.observations;
        create or replace temp view stg_drops as select sha256 as drop_sha256, origin from landing.drops;
        """
    )
    for model in ("int_corrected_cells", "int_corrected_observations"):
        sql = without_dbt(MODELS / "intermediate" / f"{model}.sql")
        warehouse.execute(f"create or replace temp table {model} as {sql}")
    query = "select org_code, measure_id, value_as_published, value, value_status from int_corrected_observations"
    return warehouse.execute(f"{query} order by all").fetchall()


def test_one_entry_in_one_file_corrects_a_figure_and_no_other(tmp_path: Path) -> None:
    as_published = figures(landed(tmp_path, catalogue_with(tmp_path / "without")))
    corrected = figures(landed(tmp_path, catalogue_with(tmp_path / "with", ENTRY)))
    assert [row for row in corrected if row not in as_published] == [
        (PROVIDER.code, "M112", "-1.8", None, "not_published")
    ]
    assert [row for row in as_published if row not in corrected] == [(PROVIDER.code, "M112", "-1.8", -1.8, "published")]
    assert len(corrected) == len(as_published) == 3


def test_a_mended_figure_is_left_alone(tmp_path: Path) -> None:
    stale = ENTRY | {"expect": {"value_as_published": "-2.4"}}
    as_published = figures(landed(tmp_path, catalogue_with(tmp_path / "without")))
    assert figures(landed(tmp_path, catalogue_with(tmp_path / "with", stale))) == as_published


def test_a_figure_is_replaced_by_what_the_publisher_states_elsewhere(tmp_path: Path) -> None:
    replaced = ENTRY | {"action": "replace", "replacement": 1.8}
    rows = figures(landed(tmp_path, catalogue_with(tmp_path / "with", replaced)))
    assert (PROVIDER.code, "M112", "-1.8", 1.8, "published") in rows


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("assert_corrections_are_still_needed", {"replaced-mended", "withheld-mended"}),
        ("warn_notes_on_mended_errors", {"noted-mended"}),
    ],
)
def test_only_a_mended_error_that_would_change_a_figure_stops_a_release(test: str, told: set[str]) -> None:
    with duckdb.connect() as warehouse:
        warehouse.execute(
            """
            create table mart_corrections_applied as
                select 'monthly' as series, '2026-04' as first_period, '2026-04' as last_period, 1 as matched_cells,
                    1 as mended_cells, *
                from (values
                    ('noted-holds', 'note', 'holds'), ('withheld-holds', 'withhold', 'holds'),
                    ('noted-mended', 'note', 'mended'), ('withheld-mended', 'withhold', 'mended'),
                    ('replaced-mended', 'replace', 'mended'), ('noted-nowhere', 'note', 'matches_nothing'),
                    ('withheld-nowhere', 'withhold', 'matches_nothing'), ('noted-unread', 'note', 'not_loaded')
                ) as entries (correction_id, action, guard)
            """
        )
        rows = warehouse.execute(without_dbt(ROOT / "dbt_project" / "tests" / f"{test}.sql")).fetchall()
    assert {row[0] for row in rows} == told


def test_every_known_error_is_landed_by_period(tmp_path: Path) -> None:
    both = ENTRY | {"periods": ["2026-04", "2026-05"]}
    warehouse = landed(tmp_path, catalogue_with(tmp_path / "catalogue", both))
    rows = warehouse.execute(
        "select correction_id, period_grain, period, org_code, expected_value, expected_rows from landing.corrections"
    ).fetchall()
    assert rows == [
        ("a-negative-mean", "month", month, PROVIDER.code, "-1.8", None) for month in ("2026-04", "2026-05")
    ]


def test_a_catalogue_without_known_errors_lands_an_empty_table(tmp_path: Path) -> None:
    warehouse = landed(tmp_path, catalogue_with(tmp_path / "catalogue"))
    assert warehouse.execute("from landing.corrections").fetchall() == []


def test_the_levels_that_add_up_are_landed(tmp_path: Path) -> None:
    warehouse = landed(tmp_path, drops.catalogue())
    rows = warehouse.execute("select * exclude (evidence) from landing.level_sums").fetchall()
    assert {
        ("england", "region", "england", "month", "yes"),
        ("england", "provider", "england", "year", "no"),
        ("icb", "sub_icb", "parent_code", "quarter", "yes"),
    } <= set(rows)


def test_the_projects_own_known_errors_are_read() -> None:
    assert drops.catalogue().corrections


def test_the_schema_for_editors_is_that_of_the_entries() -> None:
    expected = TypeAdapter(list[Correction]).json_schema()
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"where": {}}, "which cells are meant"),
        ({"where": {"org_code": None}}, "which cells are meant"),
        ({"where": {"organisation": "XA1"}}, "Extra inputs"),
        ({"expect": {}}, "nothing to guard by"),
        ({"expect": {"value": "-1.8"}}, "Extra inputs"),
        ({"expect": {"measure_name": "Mean_HISessions"}}, "the published number that is wrong"),
        ({"expect": {"value_as_published": "*"}}, "a suppressed one is never touched"),
        ({"expect": {"value_as_published": "NULL"}}, "the published number that is wrong"),
        ({"action": "delete"}, "'withhold', 'replace' or 'note'"),
        ({"action": "replace"}, "a replacement with the action replace"),
        ({"replacement": 1.8}, "a replacement with the action replace"),
        ({"periods": ["April 2026"]}, "expected periods of the monthly series"),
        ({"periods": ["2026-13"]}, "expected periods of the monthly series"),
        ({"periods": []}, "at least 1 item"),
        ({"series": "quarterly"}, "expected periods of the quarterly series"),
        ({"series": "weekly"}, "series"),
        ({"id": "A negative mean"}, "pattern"),
    ],
)
def test_an_entry_that_could_not_work_is_rejected(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        _ = catalogue_with(tmp_path / "catalogue", ENTRY | change).corrections


@pytest.mark.parametrize("part", ["reason", "source", "expect", "where", "action"])
def test_no_part_of_an_entry_can_be_left_out(tmp_path: Path, part: str) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != part}
    with pytest.raises(ValidationError, match=part):
        _ = catalogue_with(tmp_path / "catalogue", entry).corrections


def test_an_id_stands_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a-negative-mean more than once"):
        _ = catalogue_with(tmp_path / "catalogue", ENTRY, ENTRY).corrections


def test_a_note_may_be_about_a_marker_or_a_name(tmp_path: Path) -> None:
    notes = [
        ENTRY | {"action": "note", "expect": {"measure_name": "Count_FirstAssessment"}},
        ENTRY | {"id": "other", "action": "note", "expect": {"rows": 2}},
    ]
    assert len(catalogue_with(tmp_path / "catalogue", *notes).corrections) == 2
