"""The landing schema of the warehouse: what has been read, and the catalogue, as tables the dbt sources stand on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, takewhile
from pathlib import Path
from typing import Final

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.corrections import Correction
from iapt.catalogue.disclosure_policy import Policy
from iapt.catalogue.gaps import Gap
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.publications import find_page_address
from iapt.catalogue.publisher import Publisher
from iapt.catalogue.relations import Relations, load_relations
from iapt.duckdb_connections import open_duckdb
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.completeness import PublicationState, parse_archived_day
from iapt.ingest.due_publications import iterate_expected
from iapt.ingest.observation_store import DropSummary, ObservationStore, count_quarantined_cells
from iapt.ingest.reissues import add_status_and_revision, find_re_issues, list_zip_members
from iapt.period_inputs import AffectedPeriod
from iapt.sql import quote_literal, sql_list
from iapt.workspace_state import read_warehouse_state

#: How a new warehouse keeps its tables: text is written in two thirds of the time that the oldest version takes. Only
#: the pipeline opens the file; what is released is written for older readers.
STORAGE_VERSION: Final = "v1.3.0"
ROWS_INSERTED_AT_ONCE: Final = 200
#: How the name of a build begins that is no run of the pipeline's (dbt_project/macros/affected_periods.sql).
BY_HAND: Final = "by hand "
_GRAIN_OF_SERIES: Final = {"monthly": "month", "timeseries": "month", "quarterly": "quarter", "annual": "year"}
_PART_OF_A_DROP: Final = (
    "drop_sha256 varchar, series varchar, period_grain varchar, period_start date, org_level varchar"
)
#: The columns of every table, in the order in which its rows are built below.
_COLUMNS: Final = {
    "drops": """
        sha256 varchar, file varchar, origin varchar, made varchar, source varchar, licence varchar,
        status varchar, is_provisional boolean, revision integer, sequence integer, batch integer,
        label varchar, quarantined_cells bigint
    """,
    "drop_periods": _PART_OF_A_DROP,
    "gaps": "series varchar, period_grain varchar, period varchar, kind varchar, reason varchar, source varchar",
    "series_precedence": ("period_grain varchar, series varchar, series_rank integer, valid_from date, valid_to date"),
    "replaced_levels": f"{_PART_OF_A_DROP}, replaced_by_drop_sha256 varchar",
    "narrower_issues": f"{_PART_OF_A_DROP}, cells integer, narrower_drop_sha256 varchar, narrower_cells integer",
    "publication_states": """
        series varchar, period_grain varchar, period varchar, first_period varchar, revision integer, status varchar,
        state varchar, reason varchar, expected_on date, as_of date, listed varchar, page varchar, address varchar,
        file varchar, drop_sha256 varchar, bytes bigint, archived_on date, superseded_by varchar
    """,
    "publication_days": "series varchar, period_grain varchar, period varchar, expected_on date",
    "corrections": """
        correction_id varchar, series varchar, period_grain varchar, period varchar,
        org_level varchar, org_code varchar, partner_code varchar,
        variable_type varchar, variable_a varchar, variable_b varchar, measure_id varchar, measure_name varchar,
        reason varchar, source varchar, action varchar, replacement double,
        expected_value varchar, expected_measure_name varchar, expected_org_name varchar, expected_rows integer
    """,
    "affected_periods": "period_grain varchar, period_start date, cells bigint, why varchar",
    "current_build": "build varchar",
    "level_sums": (
        "whole_level varchar, part_level varchar, named_by varchar, period_grain varchar, additive varchar, "
        "evidence varchar"
    ),
    "disclosure_policy": """
        version integer, profile varchar, suppress_counts_below integer, round_counts_to integer,
        hide_complement_at_most integer, minimum_denominator integer
    """,
    "disclosure_statistics": "statistic varchar, is_released boolean, decimals integer",
}
#: Kept from build to build: in which of them the rows of a period of a model were made last.
_PERIOD_BUILDS: Final = "model varchar, period_grain varchar, period_start date, build varchar"
_Rows = Iterable[tuple[object, ...]]


def load_landing_tables(
    warehouse: Path,
    read: Sequence[tuple[ArchivedDrop, DropSummary]],
    observations: ObservationStore,
    catalogue: Catalogue,
    policy: Policy,
    salt: str | None = None,
    *,
    publications: Sequence[PublicationState],
    affected: Sequence[AffectedPeriod] = (),
    build: str = "",
) -> None:
    """Point the warehouse's `landing` schema at the observations of the drops given, and no others; under a policy.

    `publications` are what became of each by `completeness.assess_publications`. With a salt, drops are named by
    `pseudonymise_drop_id` from here on, and there are no publications. `affected` are the periods that the models make
    again, in a build of that name. Raises ValueError where there is no drop to load.
    """
    if not read:
        raise ValueError("expected at least one drop that was read in full; found none")
    drops = [(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in read]
    rows: dict[str, _Rows] = {
        "drops": _build_drop_rows(drops, salt),
        "drop_periods": _build_drop_period_rows(drops, salt),
        "gaps": _build_gap_rows(catalogue.gaps),
        "series_precedence": _build_precedence_rows(catalogue.precedence),
        **_build_re_issue_rows(drops, observations, catalogue, salt),
        "publication_states": _build_publication_rows(publications, catalogue.publisher, drops[0][0].origin),
        "publication_days": _build_publication_day_rows(catalogue.publisher),
        "corrections": _build_correction_rows(catalogue.corrections),
        "level_sums": _build_level_sum_rows(load_relations()),
        **_build_policy_rows(policy),
        "affected_periods": [(period.grain, period.start, period.cells, "; ".join(period.why)) for period in affected],
        "current_build": [(build,)],
    }
    files = sql_list(observations.observations_path(drop.sha256) for drop, _ in drops)
    name = "drop_sha256" if salt is None else f"sha256({quote_literal(salt)} || drop_sha256)"
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with open_duckdb(
        warehouse, preserve_insertion_order=True, storage_compatibility_version=STORAGE_VERSION
    ) as connection:
        connection.begin()
        connection.execute("create schema if not exists landing")
        connection.execute(
            f"create or replace view landing.observations as select * replace ({name} as drop_sha256) "
            f"from read_parquet([{files}])"
        )
        for table, columns in _COLUMNS.items():
            connection.execute(f"create or replace table landing.{table} ({columns})")
            _insert_rows(connection, table, list(rows[table]))
        connection.execute(f"create table if not exists landing.period_builds ({_PERIOD_BUILDS})")
        connection.commit()


def find_doubt(warehouse: Path, builds: Collection[str], state: str = "") -> str:
    """Return why a warehouse may not hold what the last of these builds made; empty where it does.

    A copy of an earlier day may have been put back, a model made again by a run of dbt that was not the pipeline's, or
    rows changed by SQL. `state` is that of the file when the last build was finished; empty where that is not known.
    """
    is_changed = state not in ("", read_warehouse_state(warehouse))
    tables = "select count(*) from duckdb_tables() where schema_name = 'landing' and table_name in (?, ?)"
    with open_duckdb(warehouse, read_only=True) as connection:
        if connection.execute(tables, ["current_build", "period_builds"]).fetchall() != [(2,)]:
            return "the warehouse does not say which build made it"
        if not {build for (build,) in connection.execute("from landing.current_build").fetchall()} & set(builds):
            return "the warehouse is of another build than the last one"
        by_hand = f"select model from landing.period_builds where build like '{BY_HAND}%' order by all limit 1"
        for (model,) in connection.execute(by_hand).fetchall():
            return f"dbt was run by hand: {model} was made again"
    return "the warehouse was written to after the last build" if is_changed else ""


def _insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows, many by a statement: one for each row takes eight times as long."""
    for start in range(0, len(rows), ROWS_INSERTED_AT_ONCE):
        values = rows[start : start + ROWS_INSERTED_AT_ONCE]
        marks = ", ".join([f"({', '.join('?' * len(values[0]))})"] * len(values))
        connection.execute(f"insert into landing.{table} values {marks}", list(chain.from_iterable(values)))


def pseudonymise_drop_id(sha256: str, salt: str | None) -> str:
    """Return what a drop is called in tables that may be released: its sha256, or with a salt another 64 digits.

    The sha256 of a small file of unrounded counts could be found again by trying every count.
    """
    return sha256 if salt is None else hashlib.sha256((salt + sha256).encode()).hexdigest()


def label_drops(read: Sequence[tuple[ArchivedDrop, DropSummary]], salt: str | None = None) -> dict[str, str]:
    """Return what messages call each drop, by sha256: its file name and, where several have it, what distinguishes it.

    That is the members of a ZIP, the first digits of the sha256 and the day of archiving.
    """
    times = Counter(drop.file for drop, _ in read)
    labels = {}
    for drop, summary in read:
        members = list_zip_members(summary)
        parts = [
            f"member {members[0]}" + (f" and {len(members) - 1} more" if len(members) > 1 else "") if members else "",
            f"{'called' if salt else 'sha256'} {pseudonymise_drop_id(drop.sha256, salt)[:12]}",
            f"archived {drop.archived_at[:10]}",
        ]
        distinction = f" ({', '.join(part for part in parts if part)})" if times[drop.file] > 1 else ""
        labels[drop.sha256] = drop.file + distinction
    return labels


def _build_drop_rows(drops: Sequence[tuple[ArchivedDrop, DropSummary]], salt: str | None) -> _Rows:
    labels = label_drops(drops, salt)
    for drop, summary in drops:
        yield (
            *(pseudonymise_drop_id(drop.sha256, salt), drop.file, drop.origin, drop.made, drop.source, drop.licence),
            *(drop.status, drop.status == "provisional", drop.revision, drop.sequence, drop.batch),
            *(labels[drop.sha256], count_quarantined_cells(summary)),
        )


def _build_drop_period_rows(drops: Sequence[tuple[ArchivedDrop, DropSummary]], salt: str | None) -> _Rows:
    # A pack may hold several tables of one series, such as one for each variable.
    return dict.fromkeys(
        (pseudonymise_drop_id(drop.sha256, salt), table.series, table.period_grain, start, level)
        for drop, summary in drops
        for table in summary.tables
        for start, level in table.coverage
    )


def _build_gap_rows(gaps: Sequence[Gap]) -> _Rows:
    for gap in gaps:
        yield gap.series, _GRAIN_OF_SERIES[gap.series], gap.period, gap.kind, gap.reason, gap.source


def _build_precedence_rows(precedence: Precedence) -> _Rows:
    for rank in precedence.rank_series():
        yield rank.period_grain, rank.series, rank.rank, rank.valid_from, rank.valid_to


def _build_re_issue_rows(
    drops: Sequence[tuple[ArchivedDrop, DropSummary]],
    observations: ObservationStore,
    catalogue: Catalogue,
    salt: str | None,
) -> dict[str, _Rows]:
    """Return which periods and levels of a drop a later issue replaces whole, and where it has too few cells to."""
    replacements, narrower_issues = find_re_issues(drops, observations, catalogue)
    return {
        "replaced_levels": [
            (
                *(pseudonymise_drop_id(replaced.sha256, salt), replaced.series, replaced.period_grain),
                *(replaced.period_start, replaced.org_level, pseudonymise_drop_id(replaced.replaced_by, salt)),
            )
            for replaced in replacements
        ],
        "narrower_issues": [
            (
                *(pseudonymise_drop_id(issue.sha256, salt), issue.series, issue.period_grain),
                *(issue.period_start, issue.org_level, issue.cells),
                *(pseudonymise_drop_id(issue.narrower_sha256, salt), issue.narrower_cells),
            )
            for issue in narrower_issues
        ],
    }


def _build_publication_rows(
    states: Sequence[PublicationState], publisher: Publisher, origin: str
) -> Iterator[tuple[object, ...]]:
    """Yield what became of each publication. Beside synthetic figures no address stands: they are not to be had there.

    Raises ValueError where there are states of restricted drops: what an owner holds is nobody's to know.
    """
    if states and origin == "restricted":
        raise ValueError(f"expected no publications of restricted drops; found {len(states)}")
    for state in states:
        drop, publication = state.drop, state.publication if origin == "published" else None
        yield (
            *(state.series, state.last_period.grain, state.period, state.first_period.label, state.revision),
            *(state.status, state.state, state.reason or None, state.expected_on, state.as_of, state.listed),
            find_page_address(publication, publisher) if publication else None,
            publication.file if publication else None,
            state.file_name or None,
            *((drop.sha256, drop.bytes, parse_archived_day(drop)) if drop else (None, None, None)),
            state.superseded_by or None,
        )


def _build_publication_day_rows(publisher: Publisher) -> Iterator[tuple[object, ...]]:
    for name, series in publisher.series.items():
        expected = takewhile(lambda each: each.period.is_in_calendar, iterate_expected(name, series))
        yield from ((name, each.period.grain, each.period.label, each.expected_on) for each in expected)


def _build_correction_rows(corrections: Sequence[Correction]) -> _Rows:
    for correction in corrections:
        where, expect = correction.where, correction.expect
        for period in correction.periods:
            yield (
                *(correction.id, correction.series, _GRAIN_OF_SERIES[correction.series], period),
                *(where.org_level, where.org_code, where.partner_code),
                *(where.variable_type, where.variable_a, where.variable_b, where.measure_id, where.measure_name),
                *(correction.reason, correction.source, correction.action, correction.replacement),
                *(expect.value_as_published, expect.measure_name, expect.org_name, expect.rows),
            )


def _build_level_sum_rows(relations: Relations) -> _Rows:
    for level in relations.levels:
        for grain in level.grains:
            yield level.parent, level.members, level.by, grain, level.additive, level.evidence


def _build_policy_rows(policy: Policy) -> dict[str, _Rows]:
    """Return the disclosure policy, so that the models that make the extracts read its numbers and hold none."""
    return {
        "disclosure_policy": [
            (
                *(policy.version, policy.profile, policy.suppress_counts_below, policy.round_counts_to),
                policy.hide_percentage_when_complement_at_most,
                policy.hide_percentage_when_denominator_below,
            )
        ],
        "disclosure_statistics": [
            (statistic, rule.is_released, rule.decimals) for statistic, rule in policy.statistics.items()
        ],
    }
