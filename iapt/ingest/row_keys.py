"""Stage 3 of reading: each row with its period, level, organisations and population, as the layout declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iapt.catalogue.layouts import Layout, Level, VariableInHeader, Variables, WideMeasures
from iapt.ingest.cell_conditions import NEVER, NULL_TEXT, blank_if_null, cell_column, is_number, is_one_of
from iapt.ingest.distinct_keys import LAST_ROW, MEASURES, ROWS
from iapt.ingest.loading import LoadedRows
from iapt.ingest.organisation_validation import build_other_level_reason_sql
from iapt.ingest.period_resolution import ResolvedPeriods, find_distinct
from iapt.ingest.reading_context import CORRECT_ROW, ReadingContext
from iapt.sql import quote_identifier, quote_literal

ENGLAND_CODE, ENGLAND_NAME = "E92000001", "England"
#: What a level of a layout names, and the columns of its code and name.
_PARTS: Final = {
    "organisation": ("org_code", "org_name"),
    "partner": ("partner_code", "partner_name"),
    "parent": ("parent_code", "parent_name"),
}


@dataclass(frozen=True)
class KeyedRows:
    """The working view of the rows with their keys, and the working table of their distinct keys."""

    table: str
    keys: str


def build_keyed_rows(context: ReadingContext, rows: LoadedRows, periods: ResolvedPeriods) -> KeyedRows:
    """Create the working view of the rows with their keys, and the measure where it stands in the row.

    Beside the keys of an observation it has `other_level_reason`, why a row names an organisation of another level, and
    a `cell ...` column for each column of measure cells, blank where there is none. The table of keys has neither
    measures nor cells. Raises DropRejectedError where a level, a measure or the variable is not as declared.
    """
    layout, measures = periods.layout, periods.layout.measures
    _reject_unknown_level(context, layout, rows.keys)
    key_columns = _build_key_columns_sql(context, rows, periods)
    keys = context.create_table(
        "distinct_keys",
        f"""
        select {key_columns}, {LAST_ROW}, {ROWS}, {MEASURES}
        from (select *, {periods.key} as period_key from {rows.keys})
        """,
    )
    measure_id = measure_name = "''"
    if not isinstance(measures, WideMeasures):
        measure_id, measure_name = blank_if_null(measures.id), blank_if_null(measures.name)
    cells = ", ".join(f"{blank_if_null(name)} as {cell_column(name)}" for name in context.group.value_columns)
    # A view: most of what it has is read once, when the observations are written.
    context.connection.execute(
        f"""
        create or replace temp view keyed_rows as
        select {key_columns}, {measure_id} as measure_id, {measure_name} as measure_name, {cells}
        from (select *, {periods.key} as period_key from {rows.table})
        """
    )
    keyed_rows = KeyedRows("keyed_rows", keys)
    if not isinstance(measures, WideMeasures):
        _reject_missing_measure(context, keyed_rows.table)
    if isinstance(layout.variables, VariableInHeader):
        _reject_measure_as_variable(context, layout, layout.variables.column, keyed_rows.table)
    return keyed_rows


def _build_key_columns_sql(context: ReadingContext, rows: LoadedRows, periods: ResolvedPeriods) -> str:
    """Return SQL for the keys of rows but the measure, over rows as they were loaded or their distinct keys."""
    layout, levels = periods.layout, periods.layout.levels
    variable_type, variable_a, variable_b = _build_variables_sql(context, layout)
    # Where any text of the column but a few is a code, it is no type.
    group_type = blank_if_null(levels.column) if levels.column and not levels.otherwise else "''"
    organisations = ", ".join(
        f"{_build_organisation_sql(context, layout, part, index)} as {column}"
        for part, columns in _PARTS.items()
        for index, column in enumerate(columns)
    )
    return f"""
        source_member, source_row,
        {periods.build_bound_sql("start")} as period_start, {periods.build_bound_sql("end")} as period_end,
        {group_type} as group_type, {_build_level_sql(layout)} as org_level, {organisations},
        {variable_type} as variable_type, {variable_a} as variable_a, {variable_b} as variable_b,
        {build_other_level_reason_sql(context, layout, rows.keys)} as other_level_reason
    """


def _reject_unknown_level(context: ReadingContext, layout: Layout, keys: str) -> None:
    levels = layout.levels
    if levels.column is None or levels.otherwise is not None:
        return
    for text, member, row in find_distinct(context, keys, blank_if_null(levels.column)):
        if text not in levels.values:
            expected = f"{levels.column} one of {', '.join(levels.values)}"
            raise context.make_row_rejection(member, row, expected, repr(text), column=levels.column)


def _build_level_sql(layout: Layout) -> str:
    levels = layout.levels
    if levels.always:
        return quote_literal(levels.always.level)
    cases = " ".join(
        f"when {quote_literal(text)} then {quote_literal(level.level)}" for text, level in levels.values.items()
    )
    other = quote_literal(levels.otherwise.level) if levels.otherwise else "null"
    return f"case {blank_if_null(levels.column or '')} {cases or NEVER} else {other} end"


def _build_organisation_sql(context: ReadingContext, layout: Layout, part: str, index: int) -> str:
    """Return SQL for the code (index 0) or name (1) of the organisation, partner or parent of a row at any level."""
    levels = layout.levels
    texts_by_value: dict[str, list[str | None]] = {}
    by_text: dict[str | None, Level] = {"": levels.always} if levels.always else {**levels.values}
    if levels.otherwise:
        by_text[None] = levels.otherwise
    for text, level in by_text.items():
        columns = getattr(level, part)
        if columns is not None and len(columns) > index and columns[index] in context.group.header:
            value = f"nullif({quote_identifier(columns[index])}, '')"
            if part != "parent" and index == 0 and layout.blank_organisation_code:
                value = f"coalesce({value}, {quote_literal(layout.blank_organisation_code)})"
        elif part == "organisation" and level.level == "england":
            value = quote_literal((ENGLAND_CODE, ENGLAND_NAME)[index])
        else:
            continue
        texts_by_value.setdefault(value, []).append(text)
    if not texts_by_value:
        return NULL_TEXT
    if levels.always:
        return next(iter(texts_by_value))
    cases = " ".join(
        f"when {quote_literal(text)} then {value}"
        for value, texts in texts_by_value.items()
        for text in texts
        if text is not None
    )
    other = next((value for value, texts in texts_by_value.items() if None in texts), "null")
    return f"case {blank_if_null(levels.column or '')} {cases or NEVER} else {other} end"


def _build_variables_sql(context: ReadingContext, layout: Layout) -> tuple[str, str, str]:
    """Return SQL for the type of the population and its two categories."""
    variables = layout.variables
    if isinstance(variables, Variables):
        a, b = (_build_category_sql(name, variables.placeholders) for name in (variables.a, variables.b))
        return blank_if_null(variables.type), a, b
    if isinstance(variables, VariableInHeader):
        name = layout.find_variable_column(context.group.header) or ""
        return quote_literal(name), _build_category_sql(name, variables.placeholders), NULL_TEXT
    return "'Total'", NULL_TEXT, NULL_TEXT


def _build_category_sql(column: str, placeholders: list[str]) -> str:
    return f"case when not {is_one_of(blank_if_null(column), placeholders)} then {quote_identifier(column)} end"


def _reject_missing_measure(context: ReadingContext, table: str) -> None:
    """Raise where a row does not say of what its figure is."""
    rows = context.fetch(
        f"select source_member, source_row from {table} where measure_id = '' order by source_row limit 1"
    )
    for member, row in rows:
        raise context.make_row_rejection(member, row, "a MEASURE_ID", "a blank", CORRECT_ROW)


def _reject_measure_as_variable(context: ReadingContext, layout: Layout, place: int, table: str) -> None:
    """Raise where the categories of a variable are figures, in one row for each organisation: it is a measure."""
    is_figure = f"({is_number('variable_a')} or {is_one_of('variable_a', layout.tokens)})"
    rows = context.fetch(
        f"""
        select min(source_member), min(source_row) from {table}
        having count(*) filter (where not coalesce({is_figure}, true)) = 0
            and count(*) = count(distinct source_member || ' ' || coalesce(org_code, ''))
            and count(variable_a) > 0
        """
    )
    for member, row in rows:
        raise context.make_row_rejection(
            member,
            row,
            f"the categories of a variable in column {place}",
            "nothing but figures, in one row for each organisation: a measure stands where the variable should",
            column=layout.find_variable_column(context.group.header) or "",
        )
