"""A period is audited again where anything its audit rests on has changed, and only there; records are its owner's."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from iapt.disclosure import period_audits
from iapt.disclosure.model import AuditError, Rounding
from iapt.disclosure.period_audits import AuditCache, GrainAudit, SourceTables, audit_grain
from tests.factories.audit_sources import (
    FINISHED,
    RECOVERY,
    RELATIONS,
    Counts,
    Figure,
    Population,
    change_figures,
    make_database,
    make_extract,
    publish,
    with_value,
    write_figures,
)

MONTHS = ("2025-06", "2025-07", "2025-08")
#: England in two regions, whose bounds nothing narrows.
COUNTS: Counts = {}
for month in MONTHS:
    for level, code, finished, recovered in (
        ("england", "E92000001", 200, 90),
        ("region", "Y1", 101, 46),
        ("region", "Y2", 99, 44),
    ):
        COUNTS[Population(month, level, code), FINISHED] = finished
        COUNTS[Population(month, level, code), RECOVERY] = recovered
FIGURES = publish(COUNTS)
EXTRACT = make_extract(COUNTS, FIGURES)
TABLES = SourceTables("figures", "dim_measure", "extract", relations=RELATIONS)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with make_database() as database:
        write_figures(database, "figures", FIGURES)
        write_figures(database, "extract", EXTRACT)
        yield database


@pytest.fixture
def audit_cache(tmp_path: Path) -> AuditCache:
    return AuditCache(tmp_path / "private" / "audits")


def audit(
    connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache | None, tables: SourceTables = TABLES
) -> GrainAudit:
    return audit_grain(connection, "month", tables, audit_cache)


def raised(figure: Figure) -> Figure:
    """A figure that shows five more."""
    assert figure.value is not None
    return with_value(figure, figure.value + 5)


def test_the_same_tables_are_audited_once(connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache) -> None:
    first = audit(connection, audit_cache)
    assert first.audited_now == MONTHS
    assert [period.period for period in first.periods] == list(MONTHS)
    assert all(period.cells == 6 and period.is_complete for period in first.periods)
    write_figures(connection, "figures", reversed(FIGURES))
    write_figures(connection, "extract", reversed(EXTRACT))
    assert audit(connection, audit_cache) == replace(first, audited_now=())


def test_without_a_folder_every_period_is_audited_each_time(connection: duckdb.DuckDBPyConnection) -> None:
    assert audit(connection, None) == audit(connection, None)


JULY = Population("2025-07", "region", "Y1"), FINISHED


def is_of_july(figure: Figure) -> bool:
    return figure.cell == JULY


CHANGES: dict[str, tuple[str, list[Figure], Callable[[Figure], Figure | None]]] = {
    "shown otherwise": ("figures", FIGURES, raised),
    "left out": ("figures", FIGURES, lambda figure: None),
    "hidden": ("figures", FIGURES, lambda figure: with_value(figure, None)),
    "released otherwise": ("extract", EXTRACT, raised),
    "not released": ("extract", EXTRACT, lambda figure: None),
    "released with other bounds": ("extract", EXTRACT, lambda figure: replace(figure, lower_bound=0)),
}


def test_a_period_with_a_changed_figure_is_audited_again_and_no_other(
    connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache
) -> None:
    audit(connection, audit_cache)
    again = {}
    for name, (table, figures, change) in CHANGES.items():
        write_figures(connection, table, change_figures(figures, change, where=is_of_july))
        again[name] = audit(connection, audit_cache).audited_now
    assert again == dict.fromkeys(CHANGES, ("2025-07",))


def test_a_number_with_a_status_that_has_none_is_audited(
    connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache
) -> None:
    """A cached audit of an extract must not stand for one with a raw count in a row that says not_applicable."""
    raw = Figure(*JULY, COUNTS[JULY], "not_applicable")
    others = [figure for figure in EXTRACT if figure.cell != raw.cell]
    write_figures(connection, "extract", [*others, replace(raw, value=None)])
    assert audit(connection, audit_cache).residual_disclosures == {}
    write_figures(connection, "extract", [*others, raw])
    again = audit(connection, audit_cache)
    assert again.audited_now == ("2025-07",)
    assert again.residual_disclosures == {(FINISHED, "count"): 1}


def test_a_changed_rule_audits_everything_again(connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache) -> None:
    audit(connection, audit_cache)
    rules = [
        replace(TABLES, relations=RELATIONS.model_copy(update={"categories": ()})),
        replace(TABLES, rounding=Rounding(4, 5)),
        replace(TABLES, extract_rounding=Rounding(6, 5)),
    ]
    for tables in rules:
        assert audit(connection, audit_cache, tables).audited_now == MONTHS
    assert audit(connection, audit_cache, rules[-1]).audited_now == ()
    connection.execute("update dim_measure set denominator = numerator where measure = 'percentage_not_at_caseness'")
    assert audit(connection, audit_cache, rules[-1]).audited_now == MONTHS


def test_a_record_by_other_code_or_for_another_grain_is_not_used(
    connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit(connection, audit_cache)
    assert audit_grain(connection, "year", TABLES, audit_cache).audited_now == MONTHS
    monkeypatch.setattr(period_audits, "digest_code", lambda: "other code")
    assert audit(connection, audit_cache).audited_now == MONTHS
    assert audit(connection, audit_cache).audited_now == ()
    for path in audit_cache.folder.iterdir():
        path.write_text('{"code": "code that knew other keys"}', encoding="utf-8")
    assert audit(connection, audit_cache).audited_now == MONTHS


def test_a_record_holds_all_that_an_audit_found(connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache) -> None:
    """Residual disclosures and contradicted relations are among it."""
    england = Population("2025-06", "england", "E92000001"), RECOVERY
    write_figures(
        connection,
        "figures",
        change_figures(FIGURES, lambda figure: with_value(figure, 9999), where=lambda f: f.cell == england),
    )
    write_figures(
        connection,
        "extract",
        change_figures(
            EXTRACT,
            lambda figure: replace(figure, lower_bound=figure.upper_bound, upper_bound=figure.upper_bound),
            where=is_of_july,
        ),
    )
    first = audit(connection, audit_cache)
    assert first.residual_disclosures == {(FINISHED, "count"): 1, (RECOVERY, "count"): 1}
    assert {(found.measure, found.contradicted) for found in first.periods[0].contradictions} == {(RECOVERY, 1)}
    assert audit(connection, audit_cache) == replace(first, audited_now=())


def test_a_record_is_for_its_owner_only_and_names_no_organisation(
    connection: duckdb.DuckDBPyConnection, audit_cache: AuditCache
) -> None:
    audit(connection, audit_cache)
    files = sorted(audit_cache.folder.iterdir())
    assert [path.name for path in files] == [f"month-{month}.json" for month in MONTHS]
    assert stat.S_IMODE(audit_cache.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    codes = {figure.population.org_code for figure in FIGURES}
    for path in files:
        record = json.loads(path.read_text("utf-8"))
        assert record["period"] in MONTHS
        assert codes.isdisjoint(str(value) for group in record["groups"] for value in group.values())
        assert not [code for code in codes if f'"{code}"' in path.read_text("utf-8")]


def test_small_batches_find_what_one_batch_finds(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_batch = audit(connection, None)
    monkeypatch.setattr(period_audits, "MAX_VALUES_IN_BATCH", 1)
    assert audit(connection, None) == in_one_batch


def test_a_period_that_only_the_extract_has_is_audited(connection: duckdb.DuckDBPyConnection) -> None:
    unknown = Figure(Population("2025-09", "region", "Y1"), FINISHED, 20, lower_bound=18, upper_bound=22)
    write_figures(connection, "extract", [*EXTRACT, unknown])
    assert audit(connection, None).residual_disclosures == {(FINISHED, "unknown to the source"): 1}


def test_a_figure_without_a_period_stops_the_audit(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update figures set period = null where period = '2025-07' and org_level = 'region'")
    with pytest.raises(AuditError, match="name its period"):
        audit(connection, None)
