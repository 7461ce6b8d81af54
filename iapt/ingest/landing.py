"""The landing schema of the warehouse: what has been read, and the catalogue, as tables the dbt sources stand on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.corrections import Correction
from iapt.catalogue.disclosure_policy import Policy
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.relations import Relations, load_relations
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary, ObservationStore, count_quarantined_cells
from iapt.ingest.reissues import NarrowerIssue, Replacement, add_status_and_revision, find_re_issues, list_zip_members
from iapt.sql import sql_list

#: How a new warehouse keeps its tables: text is written in two thirds of the time that the oldest version takes. Only
#: the pipeline opens the file; what leaves is written for older readers.
STORAGE_VERSION = "v1.3.0"
_GRAIN_OF_SERIES = {"monthly": "month", "timeseries": "month", "quarterly": "quarter", "annual": "year"}


def load_landing_tables(
    warehouse: Path,
    read: Sequence[tuple[ArchivedDrop, DropSummary]],
    observations: ObservationStore,
    catalogue: Catalogue,
    policy: Policy,
    salt: str | None = None,
) -> None:
    """Point the warehouse's `landing` schema at the observations of the drops given, and no others; under a policy.

    With a salt, drops are named by `pseudonymise_drop_id` from here on. Raises ValueError where there is no drop to
    land.
    """
    if not read:
        raise ValueError("expected at least one drop that was read in full; found none")
    read = [(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in read]
    replacements, narrower = find_re_issues(read, observations, catalogue)
    labels = label_drops(read, salt)
    files = sql_list(observations.observations_path(drop.sha256) for drop, _ in read)
    precedence = catalogue.precedence
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse), config={"storage_compatibility_version": STORAGE_VERSION}) as connection:
        connection.begin()
        connection.execute("create schema if not exists landing")
        name = "drop_sha256" if salt is None else f"sha256('{salt}' || drop_sha256)"
        connection.execute(
            f"create or replace view landing.observations as select * replace ({name} as drop_sha256) "
            f"from read_parquet([{files}])"
        )
        connection.execute(
            """
            create or replace table landing.drops (
                sha256 varchar, file varchar, origin varchar, made varchar, source varchar, licence varchar,
                status varchar, is_provisional boolean, revision integer, sequence integer, batch integer,
                label varchar, quarantined_cells bigint
            )
            """
        )
        connection.executemany(
            "insert into landing.drops values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    pseudonymise_drop_id(drop.sha256, salt),
                    drop.file,
                    drop.origin,
                    drop.made,
                    drop.source,
                    drop.licence,
                    drop.status,
                    drop.status == "provisional",
                    drop.revision,
                    drop.sequence,
                    drop.batch,
                    labels[drop.sha256],
                    count_quarantined_cells(summary),
                )
                for drop, summary in read
            ],
        )
        connection.execute(
            """
            create or replace table landing.drop_periods (
                drop_sha256 varchar, series varchar, period_grain varchar, period_start date, org_level varchar
            )
            """
        )
        connection.executemany(
            "insert into landing.drop_periods values (?, ?, ?, ?, ?)",
            # A pack may hold several tables of one series, such as one for each variable.
            list(
                dict.fromkeys(
                    (pseudonymise_drop_id(drop.sha256, salt), table.series, table.period_grain, start, level)
                    for drop, summary in read
                    for table in summary.tables
                    for start, level in table.coverage
                )
            ),
        )
        connection.execute(
            """
            create or replace table landing.gaps (
                series varchar, period_grain varchar, period varchar, kind varchar, reason varchar, source varchar
            )
            """
        )
        if catalogue.gaps:
            connection.executemany(
                "insert into landing.gaps values (?, ?, ?, ?, ?, ?)",
                [
                    (gap.series, _GRAIN_OF_SERIES[gap.series], gap.period, gap.kind, gap.reason, gap.source)
                    for gap in catalogue.gaps
                ],
            )
        land_precedence(connection, precedence)
        land_re_issues(connection, replacements, narrower, salt)
        land_corrections(connection, catalogue.corrections)
        land_relations(connection, load_relations())
        land_policy(connection, policy)
        connection.commit()


def pseudonymise_drop_id(sha256: str, salt: str | None) -> str:
    """What a drop is called in tables that may leave: its sha256, or with a secret salt another sixty-four digits.

    The sha256 of a small file of unrounded counts could be found again by trying every count.
    """
    return sha256 if salt is None else hashlib.sha256((salt + sha256).encode()).hexdigest()


def label_drops(read: Sequence[tuple[ArchivedDrop, DropSummary]], salt: str | None = None) -> dict[str, str]:
    """What messages call each drop, by sha256: its file name; where several have it, with what tells them apart.

    Two drops of one name are told apart by the members of a ZIP, the first digits of the sha256 and the day of keeping.
    """
    times = Counter(drop.file for drop, _ in read)
    labels = {}
    for drop, summary in read:
        members = list_zip_members(summary)
        parts = [
            f"member {members[0]}" + (f" and {len(members) - 1} more" if len(members) > 1 else "") if members else "",
            f"{'called' if salt else 'sha256'} {pseudonymise_drop_id(drop.sha256, salt)[:12]}",
            f"kept {drop.archived_at[:10]}",
        ]
        exclude_checks = f" ({', '.join(part for part in parts if part)})" if times[drop.file] > 1 else ""
        labels[drop.sha256] = drop.file + exclude_checks
    return labels


def land_precedence(connection: duckdb.DuckDBPyConnection, precedence: Precedence) -> None:
    """Land how early each series is believed, and for which periods, by their first days."""
    connection.execute(
        """
        create or replace table landing.series_precedence (
            period_grain varchar, series varchar, series_rank integer, valid_from date, valid_to date
        )
        """
    )
    connection.executemany(
        "insert into landing.series_precedence values (?, ?, ?, ?, ?)",
        [(each.period_grain, each.series, each.rank, each.valid_from, each.valid_to) for each in precedence.ranks()],
    )


def land_re_issues(
    connection: duckdb.DuckDBPyConnection,
    replacements: Sequence[Replacement],
    narrower: Sequence[NarrowerIssue],
    salt: str | None,
) -> None:
    """Land which periods and levels of a drop a later issue replaces whole, and where it has too few cells to."""
    connection.execute(
        """
        create or replace table landing.replaced_levels (
            drop_sha256 varchar, series varchar, period_grain varchar, period_start date, org_level varchar,
            replaced_by_drop_sha256 varchar
        )
        """
    )
    connection.execute(
        """
        create or replace table landing.narrower_issues (
            drop_sha256 varchar, series varchar, period_grain varchar, period_start date, org_level varchar,
            cells integer, narrower_drop_sha256 varchar, narrower_cells integer
        )
        """
    )
    if replacements:
        connection.executemany(
            "insert into landing.replaced_levels values (?, ?, ?, ?, ?, ?)",
            [
                (
                    *(pseudonymise_drop_id(each.sha256, salt), each.series, each.period_grain, each.period_start),
                    *(each.org_level, pseudonymise_drop_id(each.replaced_by, salt)),
                )
                for each in replacements
            ],
        )
    if narrower:
        connection.executemany(
            "insert into landing.narrower_issues values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(pseudonymise_drop_id(each.sha256, salt), each.series, each.period_grain, each.period_start),
                    *(
                        each.org_level,
                        each.cells,
                        pseudonymise_drop_id(each.narrower_sha256, salt),
                        each.narrower_cells,
                    ),
                )
                for each in narrower
            ],
        )


def land_corrections(connection: duckdb.DuckDBPyConnection, corrections: Sequence[Correction]) -> None:
    """Land the known errors of the publications, one row a correction and period."""
    connection.execute(
        """
        create or replace table landing.corrections (
            correction_id varchar, series varchar, period_grain varchar, period varchar,
            org_level varchar, org_code varchar, partner_code varchar,
            variable_type varchar, variable_a varchar, variable_b varchar, measure_id varchar, measure_name varchar,
            reason varchar, source varchar, action varchar, replacement double,
            expected_value varchar, expected_measure_name varchar, expected_org_name varchar, expected_rows integer
        )
        """
    )
    rows = [
        (
            *(correction.id, correction.series, _GRAIN_OF_SERIES[correction.series], period),
            *(correction.where.org_level, correction.where.org_code, correction.where.partner_code),
            *(correction.where.variable_type, correction.where.variable_a, correction.where.variable_b),
            *(correction.where.measure_id, correction.where.measure_name),
            *(correction.reason, correction.source, correction.action, correction.replacement),
            *(correction.expect.value_as_published, correction.expect.measure_name),
            *(correction.expect.org_name, correction.expect.rows),
        )
        for correction in corrections
        for period in correction.periods
    ]
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into landing.corrections values ({marks})", rows)


def land_relations(connection: duckdb.DuckDBPyConnection, relations: Relations) -> None:
    """Land which levels are declared to add up to which, one row a pair of levels and grain."""
    connection.execute(
        """
        create or replace table landing.level_sums (
            whole_level varchar, part_level varchar, named_by varchar, period_grain varchar, additive varchar,
            evidence varchar
        )
        """
    )
    connection.executemany(
        "insert into landing.level_sums values (?, ?, ?, ?, ?, ?)",
        [
            (level.parent, level.members, level.by, grain, level.additive, level.evidence)
            for level in relations.levels
            for grain in level.grains
        ],
    )


def land_policy(connection: duckdb.DuckDBPyConnection, policy: Policy) -> None:
    """Land the disclosure policy, so that the models that make the extracts read its numbers and hold none."""
    connection.execute(
        """
        create or replace table landing.disclosure_policy (
            version integer, profile varchar, suppress_counts_below integer, round_counts_to integer,
            hide_complement_at_most integer, minimum_denominator integer
        )
        """
    )
    connection.execute(
        "insert into landing.disclosure_policy values (?, ?, ?, ?, ?, ?)",
        [
            policy.version,
            policy.profile,
            policy.suppress_counts_below,
            policy.round_counts_to,
            policy.hide_percentage_when_complement_at_most,
            policy.hide_percentage_when_denominator_below,
        ],
    )
    connection.execute(
        "create or replace table landing.disclosure_statistics (statistic varchar, leaves boolean, decimals integer)"
    )
    connection.executemany(
        "insert into landing.disclosure_statistics values (?, ?, ?)",
        [(statistic, rule.leaves, rule.decimals) for statistic, rule in policy.statistics.items()],
    )
