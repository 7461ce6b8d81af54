"""Quoting for SQL: every text that is put into a statement passes through here."""

from collections.abc import Iterable
from pathlib import Path


def quote_literal(value: str | Path) -> str:
    """Return a text or a path as one SQL literal, in single quotes."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_identifier(name: str) -> str:
    """Return the name of a column or table as one SQL identifier, in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def sql_list(values: Iterable[str | Path]) -> str:
    """Return texts or paths as SQL literals with commas between them, for `in (…)`."""
    return ", ".join(quote_literal(value) for value in values)
