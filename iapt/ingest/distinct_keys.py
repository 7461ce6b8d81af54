"""The distinct keys of the rows: what is asked of keys is asked of these, since most rows differ in measure alone.

A national monthly file has 290,000 rows and 1,500 such keys. Each has the first row that has it, as `source_row`, so
that a query of rows may be one of keys; and they stand in the order of the file, so that ties are the same.
"""

from __future__ import annotations

from typing import Final

from iapt.catalogue.layouts import Layout, WideMeasures
from iapt.ingest.reading_context import ReadingContext
from iapt.sql import quote_identifier

#: Of each key: its last row, how many rows and how many measures it has. With a space, as no column of a layout.
LAST_ROW: Final = quote_identifier("last row")
ROWS: Final = quote_identifier("rows of key")
MEASURES: Final = quote_identifier("measures of key")
#: What rows are distinguished by, once they have keys. Beside them stand `other_level_reason` and the measure.
KEY_COLUMNS: Final = (
    *("source_member", "period_start", "period_end", "group_type", "org_level", "org_code", "org_name"),
    *("partner_code", "partner_name", "parent_code", "parent_name", "variable_type", "variable_a", "variable_b"),
)


def list_loaded_keys(context: ReadingContext, table: str) -> str:
    """Create the working table of the distinct keys of loaded rows, as published; return its name."""
    measures = context.group.layouts[0].measures
    measure_columns = () if isinstance(measures, WideMeasures) else (measures.id, measures.name)
    columns = [quote_identifier(name) for name in context.group.key_columns if name not in measure_columns]
    measure_id = "''" if isinstance(measures, WideMeasures) else quote_identifier(measures.id)
    return _list_keys(context, "loaded_keys", table, ["source_member", *columns], measure_id)


def list_keys_of_rows(context: ReadingContext, table: str) -> str:
    """Create the working table of the distinct keys of rows that have the keys of observations; return its name."""
    return _list_keys(context, "keys_of_rows", table, KEY_COLUMNS, "measure_id")


def _list_keys(
    context: ReadingContext, name: str, table: str, columns: list[str] | tuple[str, ...], measure: str
) -> str:
    return context.create_table(
        name,
        f"""
        select
            {", ".join(columns)}, min(source_row) as source_row,
            max(source_row) as {LAST_ROW}, count(*) as {ROWS}, list_unique(list({measure})) as {MEASURES}
        from {table} group by {", ".join(columns)} order by min(rowid)
        """,
    )


def have_repeats(context: ReadingContext, keys: str, key: list[str]) -> bool:
    """Whether two rows may have one key and measure: False only where none have. `key` are the columns that count."""
    repeated = context.fetch(
        f"""
        select 1 from {keys} group by {", ".join(key)} having count(*) > 1 or sum({ROWS}) > sum({MEASURES}) limit 1
        """
    )
    return bool(repeated)


def is_long(layout: Layout) -> bool:
    """Whether the measure of a figure stands in its row."""
    return not isinstance(layout.measures, WideMeasures)
