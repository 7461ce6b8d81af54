"""Rules that tables of every room keep: their columns, their keys, and the words they may use."""

from collections.abc import Iterable

from expectations.rules import Rule, Severity
from iapt.contract import KEYS, TABLES, Layer

COLUMNS_RULE = "columns_are_exactly_the_contract"


def sql_keys(table: str, relation: str | None = None) -> str:
    """Return the key columns of a table as a select list, each with its relation's name if there is one."""
    prefix = f"{relation}." if relation else ""
    return ", ".join(prefix + column for column in KEYS[table])


def expect_no_rows_where(
    name: str,
    table: str,
    condition: str,
    description: str,
    *,
    severity: Severity = "critical",
    layer: Layer = "release",
    remedy: str = "",
) -> Rule:
    """Return the rule that no row of a table meets a condition; of severity `warning`, with what to do."""
    return Rule(
        name=name,
        table=table,
        description=description,
        query=f"select {sql_keys(table)} from {{batch}} where {condition}",
        severity=severity,
        layer=layer,
        remedy=remedy,
    )


def columns_are_exactly_the_contract(table: str, *, layer: Layer = "release") -> Rule:
    """Return the rule that a table has the columns of its contract: all, no other, in order, of its types."""
    contract = ", ".join(
        f"({position}, '{column}', '{kind}')"
        for position, (column, kind) in enumerate(TABLES[table].types.items(), start=1)
    )
    return Rule(
        name=COLUMNS_RULE,
        table=table,
        description=(
            "The columns are exactly those of the contract, in its order and of its types. "
            "A staging column left behind could carry what was suppressed. "
            f"Source: the data contract of the {layer}."
        ),
        query=f"""
            with contract (position, expected_column, expected_type) as (values {contract}),
            staged as (
                select
                    row_number() over () as position,
                    column_name as found_column,
                    column_type as found_type
                from (describe select * from {{batch}})
            )
            select position, expected_column, expected_type, found_column, found_type
            from contract full join staged using (position)
            where expected_column is distinct from found_column or expected_type is distinct from found_type
        """,
        layer=layer,
    )


def keys_are_unique(table: str, *, layer: Layer = "release", among: str = "true") -> Rule:
    """Return the rule that no key of a table stands twice, among the rows that meet a condition."""
    return Rule(
        name="keys_are_unique",
        table=table,
        description=(
            f"No two rows have the same {sql_keys(table)}; an absent part of a key equals an absent part. "
            f"Source: the data contract of the {layer}."
        ),
        query=f"""
            with hashes_that_stand_twice as (
                select hash({sql_keys(table)}) as key_hash from {table} where {among}
                group by key_hash having count(*) > 1
            )
            select {sql_keys(table)} from {{batch}}
            where {among} and hash({sql_keys(table)}) in (from hashes_that_stand_twice)
            group by {sql_keys(table)} having count(*) > 1
        """,
        layer=layer,
    )


def required_columns_are_filled(table: str, required: Iterable[str], *, layer: Layer = "release") -> Rule:
    """Return the rule that the columns a row cannot do without are neither NULL nor blank."""
    columns = tuple(required)
    kinds = TABLES[table].types
    return expect_no_rows_where(
        "required_columns_are_filled",
        table,
        " or ".join(
            f"{column} is null or trim({column}) = ''" if kinds[column] == "VARCHAR" else f"{column} is null"
            for column in columns
        ),
        f"Every row has its {', '.join(columns)}. Source: the data contract of the {layer}.",
        layer=layer,
    )
