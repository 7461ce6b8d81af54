"""What warns asks of somebody to act: the warnings' own SQL, over small invented tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import jinja2
import pytest

TESTS = Path(__file__).resolve().parents[2] / "dbt_project" / "tests"
CELL = "date '2025-10-01' as period_start, 'E9' as org_code, 'Total' as variable_type, null::varchar as variable_a, "
CELL += "null::varchar as variable_b, 'M001' as measure_id, 'Count' as measure_name"


def read_rows(test: str, warehouse: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """What a test returns where each model is a table of its name."""
    text = (TESTS / f"{test}.sql").read_text(encoding="utf-8")
    sql = jinja2.Template(text).render(ref=lambda name: name, config=lambda **_: "")
    return warehouse.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("level", "grain", "rows", "is_told"),
    [
        ("england", "quarter", [("a.csv", 2, None), ("b.csv", 2, 2), ("c.csv", 2, 2)], False),
        ("england", "quarter", [("a.csv", 2, None), ("a.csv", 7, 2), ("b.csv", 2, 2)], True),
        ("england", "quarter", [("a.csv", 2, None), ("b.csv", 2, 2), ("b.csv", 9, 2)], True),
        ("england", "year", [("a.csv", 2, None), ("b.csv", 2, 2)], True),
        ("provider", "quarter", [("a.csv", 2, None), ("b.csv", 2, 2)], True),
    ],
    ids=["in_each_file", "twice_in_the_first", "twice_in_the_second", "of_a_year", "a_provider"],
)
def test_england_in_each_file_of_a_quarterly_pack_is_no_repeat_to_act_on(
    level: str, grain: str, rows: list[tuple[str, int, int | None]], is_told: bool
) -> None:
    with duckdb.connect() as warehouse:
        warehouse.execute(
            "create table stg_observations (drop_sha256 varchar, source_file varchar, source_member varchar, "
            "source_row bigint, duplicate_of_row bigint, org_level varchar, period_grain varchar)"
        )
        for member, row, duplicate_of in rows:
            warehouse.execute(
                "insert into stg_observations values ('1', 'pack.zip', ?, ?, ?, ?, ?)",
                [member, row, duplicate_of, level, grain],
            )
        warehouse.execute(f"create or replace table stg_observations as select *, {CELL} from stg_observations")
        told = read_rows("warn_identical_duplicate_rows", warehouse)
    assert [row[1] for row in told] == (["pack.zip"] if is_told else [])


@pytest.mark.parametrize(
    ("code", "partner", "is_told"),
    [
        ("RX1", None, True),
        ("RX2", None, False),
        ("RX9", None, True),
        (None, None, True),
        ("06Q", "RX1", True),
        ("06Q", "RX2", False),
        ("06Q", "RX9", True),
    ],
    ids=["there", "not_there", "nowhere", "any", "pair_there", "pair_not_there", "partner_nowhere"],
)
def test_an_entry_is_told_where_its_organisation_is_there_or_is_none(
    code: str | None, partner: str | None, is_told: bool
) -> None:
    """The drop has RX1 and the pair of 06Q and RX1; RX2 is listed; RX9 is in no list and no drop: a slip."""
    with duckdb.connect() as warehouse:
        warehouse.execute(
            """
            create table mart_corrections_applied as select 'one' as correction_id, 'monthly' as series,
                '2025-10' as first_period, '2025-10' as last_period, 'matches_nothing' as guard;
            create table int_calendar as
                select 'month' as period_grain, '2025-10' as period, date '2025-10-01' as period_start;
            create table stg_drops as select '1' as drop_sha256, 'published' as origin;
            create table dim_organisation as select unnest(['RX1', 'RX2', '06Q']) as org_code;
            create table stg_observations as
                select '1' as drop_sha256, 'monthly' as series, 'month' as period_grain,
                    date '2025-10-01' as period_start, *
                from (values ('provider', 'RX1', null), ('sub_icb_provider', '06Q', 'RX1'))
                    as cells (org_level, org_code, partner_code)
            """
        )
        warehouse.execute(
            "create table stg_corrections as select 'one' as correction_id, 'monthly' as series, "
            "'month' as period_grain, '2025-10' as period, null::varchar as org_level, ?::varchar as org_code, "
            "?::varchar as partner_code",
            [code, partner],
        )
        warehouse.execute(
            "insert into mart_corrections_applied select 'two', * exclude correction_id replace ('holds' as guard) "
            "from mart_corrections_applied; insert into stg_corrections select 'two', * exclude correction_id from "
            "stg_corrections"
        )
        told = read_rows("warn_unmatched_corrections", warehouse)
        warehouse.execute("update stg_drops set origin = 'synthetic'")
        of_synthetic = read_rows("warn_unmatched_corrections", warehouse)
    assert [row[0] for row in told] == (["one"] if is_told else [])
    assert bool(of_synthetic) == ("RX9" in (code, partner))


@pytest.mark.parametrize(
    ("agreement", "parts", "lower_bound", "is_told"),
    [
        ("beyond_bounds", 1, 5, False),
        ("beyond_bounds", 2, 5, True),
        ("beyond_bounds", 3, 5, True),
        ("beyond_bounds", 1, 500, True),
        ("not_comparable", 4, 500, False),
        ("within_bounds", 4, 90, False),
    ],
    ids=["excerpt", "half_is_missing", "one_is_missing", "too_much", "not_declared", "agrees"],
)
def test_totals_are_told_where_the_parts_are_claimed_to_be_complete(
    agreement: str, parts: int, lower_bound: int, is_told: bool
) -> None:
    """The list has four regions at the time, one that ended before it, and a placeholder."""
    with duckdb.connect() as warehouse:
        warehouse.execute(
            """
            create table int_calendar as
                select 'month' as period_grain, '2025-10' as period, date '2025-10-01' as period_start;
            create table dim_organisation as
                select 'region' as org_level, if(code = 'U', 'placeholder', 'region') as org_type, code as org_code,
                    null::varchar as parent_code, date '2020-04-01' as valid_from,
                    if(code = 'E', date '2022-06-30', null) as valid_to
                from (select unnest(['A', 'B', 'C', 'D', 'E', 'U']) as code)
            """
        )
        warehouse.execute(
            "create table mart_reconciliation as select 'month' as period_grain, '2025-10' as period, "
            "'count_x' as measure, 'england' as whole_level, 'E9' as whole_code, 'region' as part_level, "
            "100 as whole_upper_bound, false as is_within_bounds, 0 as unpublished_parts, "
            "?::bigint as parts, ?::bigint as lower_bound, ?::varchar as agreement",
            [parts, lower_bound, agreement],
        )
        told = read_rows("warn_totals_beyond_bounds", warehouse)
    assert [row[3] for row in told] == (["count_x"] if is_told else [])
