"""Rules that every table of a release has in common: its columns, its keys, and what must not be empty."""

from expectations.rules import Rule, Severity, decided_by_period, load_query
from iapt.contract import KEYS, TABLES, Layer

COLUMNS_RULE = "columns_are_exactly_the_contract"
CONTRACT = "Source: the data contract of the release."


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


def structure_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules that a staged table has the columns and keys of its contract, and every required value."""
    return (_columns_are_exactly_the_contract(table), _keys_are_unique(table), _required_columns_are_filled(table))


def structure_rules_by_period(table: str) -> tuple[Rule, ...]:
    """Return the same rules of a table whose key holds the period: columns are of the whole table, rows of a period."""
    columns, *of_rows = structure_rules(table)
    return (columns, *decided_by_period(*of_rows))


def _columns_are_exactly_the_contract(table: str) -> Rule:
    columns = ", ".join(
        f"({position}, '{column}', '{kind}')"
        for position, (column, kind) in enumerate(TABLES[table].types.items(), start=1)
    )
    return Rule(
        name=COLUMNS_RULE,
        table=table,
        description=(
            "The columns are exactly those of the contract, in its order and of its types. A staging column that is "
            f"released by mistake could hold what was suppressed. {CONTRACT}"
        ),
        query=f"""
            with contract (position, expected_column, expected_type) as (values {columns}),
            staged as (
                select row_number() over () as position, column_name as found_column, column_type as found_type
                from (describe select * from {{batch}})
            )
            select position, expected_column, expected_type, found_column, found_type
            from contract full join staged using (position)
            where expected_column is distinct from found_column or expected_type is distinct from found_type
        """,  # not in a file: sqlfluff does not know DESCRIBE
    )


def _keys_are_unique(table: str) -> Rule:
    return Rule(
        name="keys_are_unique",
        table=table,
        description=f"No two rows have the same {sql_keys(table)}; NULL in a key equals NULL. {CONTRACT}",
        query=load_query("release/keys_are_unique", table),
    )


def _required_columns_are_filled(table: str) -> Rule:
    required = [column for column in TABLES[table].columns if column.is_required]
    return expect_no_rows_where(
        "required_columns_are_filled",
        table,
        " or ".join(
            f"{column.name} is null or trim({column.name}) = ''"
            if column.type == "VARCHAR"
            else f"{column.name} is null"
            for column in required
        ),
        f"Every row has its {', '.join(column.name for column in required)}. {CONTRACT}",
    )
