"""Stage 6 of reading: each measure cell is written as an observation with a status, or quarantined with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from iapt.catalogue.layouts import Layout, WideMeasures
from iapt.contract import VALUE_STATUSES
from iapt.ingest.cell_conditions import LARGEST_EXACT, blank_if_null, cell_column, is_number, is_one_of, is_too_large
from iapt.ingest.distinct_keys import KEY_COLUMNS, is_long
from iapt.ingest.loading import ERROR_ROWS, SPREADSHEET_MARKS
from iapt.ingest.notices import format_notice
from iapt.ingest.observation_store import COMPANION_OF
from iapt.ingest.organisation_validation import QUARANTINED_ROWS
from iapt.ingest.reading_context import CORRECT_CELL, EXTEND_LAYOUT, ReadingContext, describe_row
from iapt.ingest.row_validation import DUPLICATE_ROWS, Duplicates
from iapt.ingest.tables import ERROR_CELL
from iapt.rejection import DropRejectedError
from iapt.run_warnings import list_first
from iapt.sql import quote_literal, sql_list

PARQUET: Final = "format parquet, compression zstd"
ERROR_IN_A_KEY: Final = "a key of the row is a spreadsheet's error"
TOO_LARGE: Final = f"a number beyond {LARGEST_EXACT:,} is not kept exactly"
#: The files of a group, in its folder.
OBSERVATIONS_FILE: Final = "observations.parquet"
QUARANTINE_FILE: Final = "quarantine.parquet"
_STATUSES: Final = tuple(VALUE_STATUSES)
_TEXT: Final = "cells.value_as_published"
#: A text in place of figures in fewer cells than this is a slip; in more it may be a mark of the publisher's.
_FEWEST_OF_A_MARK: Final = 3
#: How often each text stands under each measure: a file has many cells and few texts, so texts are looked at first.
_CELL_TEXTS: Final = "cell_texts"
#: Up to so many texts a cell is compared with, before it is asked whether it is quarantined.
_MOST_TEXTS_COMPARED: Final = 100


@dataclass(frozen=True)
class ShapedCells:
    """How many cells were written as observations, by status, and quarantined, by reason."""

    observations: dict[str, int]
    quarantined: dict[str, int]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class ImpossibleNumbers:
    """Which numbers cannot be: an SQL condition on a row of `cells`, and the reason to quarantine the cell."""

    condition: str
    reason: str


def shape_cells(context: ReadingContext, layout: Layout, table: str, keys: str, duplicates: Duplicates) -> ShapedCells:
    """Write the observations and the quarantined cells of a group, and count both from what was written.

    `keys` are the distinct keys of the rows in `table`.
    Raises DropRejectedError where a cell holds neither a number nor a text that the layout knows, and where most
    numbers of a measure cannot be.
    """
    _create_cells_view(context, layout, table, duplicates)
    context.create_table(
        _CELL_TEXTS, "select measure_name, value_as_published, count(*) as times from cells group by all"
    )
    impossible = _find_impossible_numbers(context)
    _reject_other_measures(context, impossible)
    marks = {mark: why for mark, why in SPREADSHEET_MARKS.items() if mark not in layout.tokens}
    marks |= layout.quarantine_tokens
    is_quarantined = _build_quarantine_condition(context, marks, impossible)
    _reject_unknown_text(context, layout, is_quarantined)
    observations = _build_observations_sql(context, layout, keys, is_quarantined)
    by_status = _write_parquet(context, OBSERVATIONS_FILE, observations, "value_status")
    quarantine = _build_quarantine_sql(context, is_quarantined, marks, impossible)
    by_reason = _write_parquet(context, QUARANTINE_FILE, quarantine, "reason")
    if not by_reason:
        (context.folder / QUARANTINE_FILE).unlink()
    notices = [*_make_unseen_mark_notices(context, layout), *_make_lone_figure_notices(context, layout)]
    if by_reason.keys() & set(SPREADSHEET_MARKS.values()):
        notices += _make_error_cell_notices(context)
    for numbers in impossible:
        if numbers.reason in by_reason:
            notices += _make_impossible_notices(context, numbers)
    return ShapedCells(
        {str(status): count for status, count in by_status.items()},
        {str(reason): count for reason, count in by_reason.items()},
        tuple(notices),
    )


def _create_cells_view(context: ReadingContext, layout: Layout, table: str, duplicates: Duplicates) -> None:
    """Create the view `cells`, in the file's order. What duplicates is marked first: a wide row is many cells."""
    if duplicates.rows:
        table = context.create_table("numbered_rows", f"from {table}")
        context.create_table(
            "marked_rows",
            f"""
            select {table}.*, {DUPLICATE_ROWS}.first_row as duplicate_of_row
            from {table}
            left join {DUPLICATE_ROWS}
                on {table}.source_member = {DUPLICATE_ROWS}.source_member
                and {table}.source_row = {DUPLICATE_ROWS}.source_row
            order by {table}.rowid
            """,
        )
    rows = "marked_rows" if duplicates.rows else table
    duplicate = "duplicate_of_row" if duplicates.rows else "cast(null as bigint) as duplicate_of_row"
    key = (
        f"source_member, source_row, {duplicate}, period_start, period_end, group_type, org_level, org_code, "
        "org_name, partner_code, partner_name, parent_code, parent_name, variable_type, variable_a, variable_b, "
        "nullif(measure_id, '') as measure_id"
    )
    if isinstance(layout.measures, WideMeasures):
        # The names go in as one list constant: a UNION per column would read the rows once for each.
        values = ", ".join(map(cell_column, context.group.value_columns))
        query = f"""
            select *, source_column as measure_name
            from (
                select {key}, unnest([{sql_list(context.group.value_columns)}]) as source_column,
                    unnest([{values}]) as value_as_published
                from {rows}
            )
        """
    else:
        column = context.group.read_column
        query = f"""
            select {key}, {quote_literal(column)} as source_column, measure_name,
                {cell_column(column)} as value_as_published
            from {rows}
        """
    context.connection.execute(f"create or replace temp view cells as {query}")


# -- what is written ------------------------------------------------------------------------------------------------


def _build_quarantine_condition(
    context: ReadingContext, marks: dict[str, str], impossible: Sequence[ImpossibleNumbers]
) -> str:
    """Return SQL that holds for a row of `cells` that is quarantined: cheap where few texts are, or none."""
    is_impossible = " or ".join(numbers.condition for numbers in impossible)
    is_quarantined = f"({is_one_of(_TEXT, marks)} or {is_impossible})"
    found = context.fetch(
        f"select distinct {_TEXT} from {_CELL_TEXTS} as cells where {is_quarantined} limit {_MOST_TEXTS_COMPARED + 1}"
    )
    if not found:
        return "false"
    if len(found) > _MOST_TEXTS_COMPARED:
        return is_quarantined
    return f"case when {is_one_of(_TEXT, (text for (text,) in found))} then {is_quarantined} else false end"


def _build_status_sql(layout: Layout, *, otherwise: str) -> str:
    """Return SQL for the status of a cell by its text, given the SQL for that of any other text than a token."""
    statuses = " ".join(
        f"when {_TEXT} = {quote_literal(token)} then {_build_constant_sql(status, _STATUSES)}"
        for token, status in layout.tokens.items()
    )
    return f"case {statuses or 'when false then null'} {otherwise} end"  # a layout may have no token


def _build_observations_sql(context: ReadingContext, layout: Layout, keys: str, is_quarantined: str) -> str:
    """Return SQL for the observations. Any text that is no token is a number: see `_reject_unknown_text`."""
    constants = _find_constant_keys(context, keys)
    key = {column: constants.get(column, f"cells.{column}") for column in KEY_COLUMNS}
    source_column = "cells.source_column"
    if is_long(layout):
        source_column = _build_constant_sql(context.group.read_column)
    published = _build_constant_sql("published", _STATUSES)
    return f"""
        select
            {_build_constant_sql(context.drop.sha256)} as drop_sha256,
            {_build_constant_sql(context.drop.file)} as source_file,
            {key["source_member"]} as source_member, cells.source_row, {source_column} as source_column,
            {_build_constant_sql(layout.series)} as series, {_build_constant_sql(layout.period_grain)} as period_grain,
            {", ".join(f"{value} as {column}" for column, value in key.items() if column != "source_member")},
            cells.measure_id, cells.measure_name,
            {_TEXT}, try_cast({_TEXT} as double) as value,
            {_build_status_sql(layout, otherwise=f"else {published}")} as value_status,
            cells.duplicate_of_row
        from cells
        where not {is_quarantined}
    """


def _build_constant_sql(text: str, choices: Sequence[str] = ()) -> str:
    """Return SQL for a text that many cells have. It is written as the same text, ten times as fast."""
    return f"cast({quote_literal(text)} as enum({sql_list(choices or [text])}))"


def _find_constant_keys(context: ReadingContext, keys: str) -> dict[str, str]:
    """Return SQL for each column of text in which all rows have the same, by its name."""
    columns = [column for column in KEY_COLUMNS if column not in {"period_start", "period_end"}]
    bounds = ", ".join(f"min({column}), max({column}), count({column}) = count(*)" for column in columns)
    [found] = context.fetch(f"select {bounds} from {keys}")
    constants = {}
    for place, column in enumerate(columns):
        lowest, highest, is_filled = found[3 * place : 3 * place + 3]
        if is_filled and lowest == highest:
            constants[column] = _build_constant_sql(lowest)
    return constants


def _build_quarantine_sql(
    context: ReadingContext, is_quarantined: str, marks: dict[str, str], impossible: Sequence[ImpossibleNumbers]
) -> str:
    """Return SQL for the quarantined cells: of rows that are used, of rows that are not, and of columns never read."""
    drop, group = _build_drop_sql(context), context.group
    reasons = " ".join(f"when {_TEXT} = {quote_literal(mark)} then {quote_literal(why)}" for mark, why in marks.items())
    reasons += " ".join(f" when {numbers.condition} then {quote_literal(numbers.reason)}" for numbers in impossible)
    names = sql_list(group.read_columns)
    cells = ", ".join(map(cell_column, group.read_columns))
    texts = ", ".join(map(blank_if_null, group.read_columns))
    parts = [
        f"""
        select {drop}, source_member, source_row, source_column, value_as_published, case {reasons} end as reason
        from cells where {is_quarantined}
        """,
        f"""
        select {drop}, source_member, source_row, unnest([{names}]), unnest([{cells}]), reason
        from {QUARANTINED_ROWS}
        """,
        f"""
        select {drop}, source_member, source_row, unnest([{names}]), unnest([{texts}]), {quote_literal(ERROR_IN_A_KEY)}
        from {ERROR_ROWS}
        """,
    ]
    # A companion column may hold unsuppressed figures: its cells are counted, its values are not written down.
    reason = quote_literal(f"{COMPANION_OF}{group.read_column} is not read")
    parts += [
        f"""
        select {drop}, source_member, source_row, {quote_literal(name)}, null, {reason}
        from (
            select source_member, source_row from cells
            union all select source_member, source_row from {QUARANTINED_ROWS}
            union all select source_member, source_row from {ERROR_ROWS}
        )
        """
        for name in group.unread_columns
    ]
    return " union all ".join(parts)


def _build_drop_sql(context: ReadingContext) -> str:
    drop = context.drop
    return f"{quote_literal(drop.sha256)} as drop_sha256, {quote_literal(drop.file)} as source_file"


def _write_parquet(context: ReadingContext, file: str, query: str, counted: str) -> dict[str | None, int]:
    """Write a query's rows to a Parquet file of the group; return how many rows the file has by a column."""
    target = quote_literal(context.folder / file)
    context.connection.execute(f"copy ({query}) to {target} ({PARQUET})")
    return dict(context.fetch(f"select {counted}, count(*) from read_parquet({target}) group by 1 order by 1"))


# -- numbers and texts that cannot be -------------------------------------------------------------------------------


def _find_impossible_numbers(context: ReadingContext) -> list[ImpossibleNumbers]:
    """Return which numbers cannot be: those too large to keep, and those that a measure cannot have.

    Which measures are meant is asked of each name once, and not of each cell.
    """
    value = f"try_cast({_TEXT} as double)"
    rules = context.catalogue.impossible_values.values
    impossible = [ImpossibleNumbers(is_too_large(_TEXT), TOO_LARGE)]
    names = [name for (name,) in context.fetch(f"select distinct measure_name from {_CELL_TEXTS} order by 1")]
    rule_of_name = {name: next((rule for rule in rules if rule.is_about(name)), None) for name in names}
    for rule in rules:
        measures = [name for name in names if rule_of_name[name] is rule]
        limits = [f"{value} < {rule.at_least}"] if rule.at_least is not None else []
        limits += [f"{value} > {rule.at_most}"] if rule.at_most is not None else []
        limits += [f"{value} <> floor({value})"] if rule.is_whole else []
        if measures and limits:
            is_beyond = f"{is_number(_TEXT)} and ({' or '.join(limits)})"
            # The longer comparison is made for the few that are beyond.
            condition = f"case when {is_beyond} then {is_one_of('cells.measure_name', measures)} else false end"
            impossible.append(ImpossibleNumbers(condition, rule.reason))
    return impossible


def _reject_other_measures(context: ReadingContext, impossible: Sequence[ImpossibleNumbers]) -> None:
    """Raise where most numbers of a measure cannot be its own: then those that could be are another's too."""
    fewest = context.catalogue.impossible_values.rejected_from_rows
    for numbers in impossible:
        is_any = context.fetch(
            f"""
            select measure_name from {_CELL_TEXTS} as cells where {is_number(_TEXT)} group by measure_name
            having sum(times) filter (where {numbers.condition}) >= {fewest}
                and sum(times) filter (where {numbers.condition}) * 2 > sum(times)
            """
        )
        if not is_any:
            continue
        measures = context.fetch(
            f"""
            select
                measure_name,
                count(*) filter (where {numbers.condition}) as impossible,
                count(*) as numbers,
                min(source_row) filter (where {numbers.condition}) as first_row,
                first(source_member order by source_row) filter (where {numbers.condition}) as first_member
            from cells
            where {is_number(_TEXT)}
            group by measure_name
            having impossible >= {fewest} and impossible * 2 > numbers
            order by first_row limit 1
            """
        )
        for name, times, total, row, member in measures:
            raise DropRejectedError(
                context.drop.file,
                describe_row(member, row),
                f"figures of {name}: {numbers.reason}",
                f"{times:,} of its {total:,} figures that cannot be: its figures are those of another measure",
                "Get the file again; if it is published so, list what this measure can be in "
                "catalogue/impossible_values.yml.",
            )


def _reject_unknown_text(context: ReadingContext, layout: Layout, is_quarantined: str) -> None:
    """Raise for the first text in a measure cell that is neither a number nor known to the layout."""
    is_unknown = (
        f"not {is_quarantined} and {_build_status_sql(layout, otherwise='')} is null and not {is_number(_TEXT)}"
    )
    if not context.fetch(f"select 1 from {_CELL_TEXTS} as cells where {is_unknown} limit 1"):
        return
    text, member, row, column, times = context.fetch(
        f"""
        select value_as_published, source_member, source_row, source_column,
            count(*) over (partition by value_as_published)
        from cells where {is_unknown} order by source_member, source_row limit 1
        """
    )[0]
    known = ", ".join(repr(token) for token in (*layout.tokens, *layout.quarantine_tokens))
    is_mark = times >= _FEWEST_OF_A_MARK and not any(character.isnumeric() for character in text)
    found = repr(text[:40]) + (f", in {times:,} cells" if times > 1 else "")
    remedy = EXTEND_LAYOUT if is_mark else CORRECT_CELL
    raise context.make_row_rejection(member, row, f"a number, or one of {known}", found, remedy, column=column)


def _make_error_cell_notices(context: ReadingContext) -> list[str]:
    """Say where errors of a spreadsheet stand among the figures of a CSV; of a sheet they are noticed on opening."""
    members = [table.member for table in context.group.tables if table.csv_path is not None]
    cells = context.fetch(
        f"""
        select source_member, source_row, source_column, value_as_published, count(*) over () from cells
        where {is_one_of("value_as_published", SPREADSHEET_MARKS)} and {is_one_of("source_member", members)}
        order by source_member, source_row limit 6
        """
    )
    places = [f"{describe_row(member, row)}, column {column} {text}" for member, row, column, text, _ in cells]
    return [format_notice(ERROR_CELL, list_first(places, cells[0][-1]))] if cells else []


def _make_unseen_mark_notices(context: ReadingContext, layout: Layout) -> list[str]:
    """Say where a mark stands that the layout knows and that no file of it was seen to have."""
    is_unseen = is_one_of(_TEXT, layout.unseen_tokens)
    if not context.fetch(f"select 1 from {_CELL_TEXTS} as cells where {is_unseen} limit 1"):
        return []
    marks = context.fetch(
        f"""
        select
            {_TEXT}, arg_min(source_member, source_row), min(source_row), arg_min(source_column, source_row), count(*)
        from cells where {is_unseen} group by 1 order by 1
        """
    )
    return [
        format_notice(
            "a mark that files of this layout have not had before stands among the figures",
            f"{text!r} in {times:,} cells, the first at {describe_row(member, row)}, column {column}",
        )
        for text, member, row, column, times in marks
    ]


def _make_lone_figure_notices(context: ReadingContext, layout: Layout) -> list[str]:
    """Say where a figure stands in a column that for all others of its level and category does not apply.

    No published file has one such (docs/sources.md#rectangular-files): it may be another column's.
    """
    marks = [token for token, status in layout.tokens.items() if status == "not_applicable"]
    if not isinstance(layout.measures, WideMeasures) or not marks:
        return []
    is_figure = f"not {is_one_of(_TEXT, marks)}"
    lone = context.fetch(
        f"""
        select
            measure_name, first(source_member) filter (where {is_figure}), first(source_row) filter (where {is_figure})
        from cells
        group by measure_name, period_start, org_level, variable_type, variable_a, variable_b
        having count(*) >= {_FEWEST_OF_A_MARK} and count(*) filter (where {is_figure}) = 1
        order by 3, 1
        """
    )
    if not lone:
        return []
    places = [f"{describe_row(member, row)}, column {column}" for column, member, row in lone]
    what = "a figure stands where all others of its level have none; look whether it is of another column"
    return [format_notice(what, list_first(places[:_FEWEST_OF_A_MARK], len(places)))]


def _make_impossible_notices(context: ReadingContext, numbers: ImpossibleNumbers) -> list[str]:
    """Say where a number stands that was quarantined because it cannot be."""
    cells = context.fetch(
        f"""
        select source_member, source_row, source_column, count(*) over () from cells
        where {numbers.condition} order by source_row limit 1
        """
    )
    return [
        format_notice(
            f"a number that cannot be is quarantined, since {numbers.reason}",
            f"{times:,} cells, the first at {describe_row(member, row)}, column {column}",
        )
        for member, row, column, times in cells
    ]
