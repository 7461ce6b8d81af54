"""Stage 5 of reading: what rows say of one another: a file that is cut short, and rows that repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iapt.catalogue.layouts import Layout, WideMeasures
from iapt.ingest.cell_conditions import cell_column
from iapt.ingest.distinct_keys import LAST_ROW, MEASURES, have_repeats
from iapt.ingest.notices import format_notice
from iapt.ingest.reading_context import ReadingContext
from iapt.rejection import DropRejectedError
from iapt.sql import quote_literal

#: Each row that repeats an earlier one, and which: source_member, source_row, first_member, first_row.
DUPLICATE_ROWS: Final = "duplicate_rows"
#: No name is among them: one organisation stands twice under two names in one published year (docs/sources.md), and
#: each file of a quarterly pack repeats the England rows.
_KEY: Final = (
    *("period_start", "org_level", "org_code", "partner_code"),
    *("variable_type", "variable_a", "variable_b", "measure_id"),
)
_REMOVE_THE_WRONG: Final = (
    "Get the file again. If it is published so, take out the wrong one of the two (a row, or a table that another one "
    "corrects), and offer the file under a name that ends in -v2."
)


@dataclass(frozen=True)
class Duplicates:
    """How many rows DUPLICATE_ROWS has, and a notice of each table that only repeats another."""

    rows: int
    notices: tuple[str, ...]


def reject_cut_organisation(context: ReadingContext, layout: Layout, table: str, keys: str) -> None:
    """Raise where a rectangular CSV ends within an organisation: with fewer measures than any other of its type.

    A workbook that is cut short does not open, so only a CSV is looked at. `keys` are the distinct keys of the rows.
    """
    if isinstance(layout.measures, WideMeasures) or not layout.measures.rectangular:
        return
    for source in context.group.tables:
        if source.csv_path is None or not _may_be_cut(context, keys, source.member):
            continue
        cut = context.fetch(
            f"""
            with organisations as (
                select
                    group_type, org_code, partner_code,
                    count(distinct measure_id) as measures, max(source_row) as last_row
                from {table} where source_member = {quote_literal(source.member)}
                group by group_type, org_code, partner_code
            ),
            last as (select * from organisations order by last_row desc limit 1)
            select last.last_row, last.measures, min(others.measures)
            from last
            inner join organisations as others
                on others.group_type = last.group_type and others.last_row <> last.last_row
            group by last.last_row, last.measures
            having last.measures < min(others.measures)
            """
        )
        for row, measures, fewest in cut:
            raise DropRejectedError(
                context.drop.file,
                f"{source.place}row {row}, the last",
                f"{fewest} measures or more of the last organisation, as of every other one of its group type",
                f"{measures}: the file may be cut short",
                "Get the file again; if it is published so, set rectangular: false in "
                f"catalogue/layouts/{layout.name}.yml.",
            )


def _may_be_cut(context: ReadingContext, keys: str, member: str) -> bool:
    """Whether the last organisation of a table may have fewer measures than others: False only where it has not.

    An organisation has at least the measures of any one of its keys, and at most those of all together.
    """
    cut = context.fetch(
        f"""
        with organisations as (
            select
                group_type, max({MEASURES}) as at_least, sum({MEASURES}) as at_most, max({LAST_ROW}) as last_row
            from {keys} where source_member = {quote_literal(member)}
            group by group_type, org_code, partner_code
        ),
        last as (select * from organisations order by last_row desc limit 1)
        select 1
        from last
        inner join organisations as others
            on others.group_type = last.group_type and others.last_row <> last.last_row
        group by last.at_least
        having last.at_least < min(others.at_most)
        """
    )
    return bool(cut)


def find_duplicates(context: ReadingContext, table: str, keys: str) -> Duplicates:
    """Fill DUPLICATE_ROWS with the rows that repeat the key and the figures of an earlier one.

    `keys` are the distinct keys of the rows. Raises DropRejectedError where the figures differ.
    """
    if not have_repeats(context, keys, [part for part in _KEY if part != "measure_id"]):
        rows = (
            "select source_member, source_row, source_member as first_member, source_row as first_row, true as agrees"
        )
        context.create_table(DUPLICATE_ROWS, f"{rows} from {keys} limit 0")
        return Duplicates(0, ())
    values = ", ".join(map(cell_column, context.group.value_columns))
    key = ", ".join(_KEY)
    is_same_key = " and ".join(f"{table}.{part} is not distinct from repeated.{part}" for part in _KEY)
    context.create_table(
        DUPLICATE_ROWS,
        f"""
        select source_member, source_row, first_member, first_row, agrees
        from (
            select
                source_member, source_row,
                count(*) over same_key as repeats,
                first_value(source_row) over (same_key order by source_member, source_row) as first_row,
                first_value(source_member) over (same_key order by source_member, source_row) as first_member,
                ({values}) is not distinct from
                    first_value(({values})) over (same_key order by source_member, source_row) as agrees
            from {table}
            semi join (select {key} from {table} group by all having count(*) > 1) as repeated
                on {is_same_key}
            window same_key as (partition by {key})
        )
        where (source_member, source_row) is distinct from (first_member, first_row)
        """,
    )
    conflicts = context.fetch(
        f"""
        select source_member, source_row, first_member, first_row from {DUPLICATE_ROWS}
        where not agrees order by source_member, source_row limit 1
        """
    )
    for member, row, first_member, first_row in conflicts:
        first = f"row {first_row}" + (f" of {first_member}" if first_member != member else "")
        expected = f"the same figures as {first}, which has the same key"
        raise context.make_row_rejection(member, row, expected, "other figures", _REMOVE_THE_WRONG)
    return Duplicates(context.count_rows(DUPLICATE_ROWS), _make_repeated_table_notices(context, table))


def _make_repeated_table_notices(context: ReadingContext, table: str) -> tuple[str, ...]:
    """Return a notice of each table that holds nothing but rows of another: the same sheet, or the same file, twice."""
    repeated = context.fetch(
        f"""
        select source_member, first_member
        from {DUPLICATE_ROWS} where source_member <> first_member
        group by source_member, first_member
        having count(*) = (
            select count(*) from {table} where {table}.source_member = {DUPLICATE_ROWS}.source_member
        )
        order by source_member
        """
    )
    what = "a table repeats another row for row, and is counted once"
    return tuple(format_notice(what, f"{member} repeats {first}") for member, first in repeated)
