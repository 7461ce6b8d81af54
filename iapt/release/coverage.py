"""What a release covers: in which periods England, and each level below, has figures of each family of measures.

A period of which the files hold one provider, or one table of measures, is no period in which the country can be seen:
it counts as covered where England has a figure, suppressed or not, of the measures in question.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iapt.contract import EXTRACT_GRAINS, TOPICS, parquet_name
from iapt.duckdb_connections import open_duckdb
from iapt.workspace import DBT_PROJECT

#: The topics of the marts; a measure that stands in several belongs to the first, as does the count they all rest on.
_TOPIC_FAMILIES: Final[Mapping[str, str]] = {
    "mart_activity": "referrals and treatment",
    "mart_waiting_times": "waiting times",
    "mart_outcomes": "outcomes",
}
#: The parts of the publication that no topic is made of, as the seed of measures names them.
_GROUP_FAMILIES: Final[Mapping[str, str]] = {
    "employment_advisers": "employment advisers",
    "long_term_conditions": "long-term conditions",
}
OTHER: Final = "other measures"
FAMILIES: Final = (*_TOPIC_FAMILIES.values(), *_GROUP_FAMILIES.values(), OTHER)
ENGLAND: Final = "england"


@dataclass(frozen=True)
class Coverage:
    """The periods that one level has figures of one family for.

    `covered` are the runs of neighbouring periods, first and last, in which England has a figure of the family and the
    level one too. `periods` is their number; `without_england` is the number of those in which the level has a figure
    and England has none.
    """

    table: str
    family: str
    org_level: str
    covered: tuple[tuple[str, str], ...]
    periods: int
    without_england: int


def read_measure_families(project: Path = DBT_PROJECT) -> dict[str, str]:
    """Return the family of every reviewed measure, by its slug. `project` is the dbt project."""
    with (project / "seeds" / "measures.csv").open(encoding="utf-8", newline="") as file:
        groups = {row["measure"]: row["measure_group"] for row in csv.DictReader(file)}
    topics = {measure: _TOPIC_FAMILIES[topic] for topic in reversed(tuple(TOPICS)) for measure in TOPICS[topic]}
    return {measure: topics.get(measure, _GROUP_FAMILIES.get(group, OTHER)) for measure, group in groups.items()}


def summarise_coverage(release: Path) -> list[Coverage]:
    """Return what the extracts of a release folder cover: an entry an extract, family and level that has any figure."""
    families = read_measure_families()
    entries: list[Coverage] = []
    with open_duckdb() as connection:
        connection.execute("create table families (measure varchar, family varchar)")
        connection.executemany("insert into families values (?, ?)", list(families.items()))
        for table, grain in EXTRACT_GRAINS.items():
            calendar = [
                str(period)
                for (period,) in connection.execute(
                    "select period from read_parquet(?) where period_grain = ? order by period_start",
                    [str(release / parquet_name("dim_period")), grain],
                ).fetchall()
            ]
            rows = connection.execute(
                """
                select coalesce(families.family, ?), org_level, list(distinct period)
                from (
                    select distinct org_level, measure, period
                    from read_parquet(?) where value_status in ('published', 'suppressed')
                ) as figures
                left join families using (measure)
                group by all
                """,
                [OTHER, str(release / parquet_name(table))],
            ).fetchall()
            periods = {(str(family), str(level)): frozenset(map(str, names)) for family, level, names in rows}
            entries += _list_coverage(table, calendar, periods)
    return entries


def _list_coverage(
    table: str, calendar: Sequence[str], periods_by_part: Mapping[tuple[str, str], frozenset[str]]
) -> Iterator[Coverage]:
    """Yield the coverage of an extract. `periods_by_part` are the periods with figures, by family and level."""
    levels = sorted({level for _, level in periods_by_part}, key=lambda level: (level != ENGLAND, level))
    for family in FAMILIES:
        of_england = periods_by_part.get((family, ENGLAND), frozenset())
        for level in levels:
            if (periods := periods_by_part.get((family, level))) is None:
                continue
            yield Coverage(
                table=table,
                family=family,
                org_level=level,
                covered=tuple(_list_runs(calendar, periods & of_england)),
                periods=len(periods & of_england),
                without_england=len(periods - of_england),
            )


def _list_runs(calendar: Sequence[str], periods: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield runs of neighbouring periods, each as its first and its last."""
    first = last = ""
    for period in calendar:
        if period in periods:
            first, last = first or period, period
        elif first:
            yield first, last
            first = ""
    if first:
        yield first, last


def format_coverage(coverage: Sequence[Coverage]) -> list[str]:
    """Return coverage as lines of Markdown: England's runs of periods, then how many of its periods each level has."""
    england = [entry for entry in coverage if entry.org_level == ENGLAND and entry.periods]
    below = [entry for entry in coverage if entry.org_level != ENGLAND]
    lines = [
        "A period is covered where England has figures of the measures in question, be they suppressed.",
        "",
        "| table | measures | periods | which |",
        "|---|---|---|---|",
        *(
            f"| `{entry.table}` | {entry.family} | {entry.periods:,} | "
            + ", ".join(first if first == last else f"{first} to {last}" for first, last in entry.covered)
            + " |"
            for entry in england
        ),
    ]
    if not england:
        lines.append("| none | | 0 | England has no figure in this release |")
    if below:
        families = [family for family in FAMILIES if any(entry.family == family for entry in below)]
        lines += [
            "",
            "Below England, in how many of those periods a level has figures of any organisation; after a plus sign,",
            "in how many others, which England has not:",
            "",
            f"| table | `org_level` | {' | '.join(families)} |",
            "|---|---|" + "---|" * len(families),
        ]
        for table, level in dict.fromkeys((entry.table, entry.org_level) for entry in below):
            cells = {entry.family: entry for entry in below if (entry.table, entry.org_level) == (table, level)}
            counts = " | ".join(_format_periods(cells.get(family)) for family in families)
            lines.append(f"| `{table}` | `{level}` | {counts} |")
    return lines


def _format_periods(entry: Coverage | None) -> str:
    if entry is None:
        return "0"
    return f"{entry.periods:,} + {entry.without_england:,}" if entry.without_england else f"{entry.periods:,}"
