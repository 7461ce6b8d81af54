"""SQL conditions on the texts of cells: what is a number, what is one of some texts, what is blank."""

from collections.abc import Iterable

from iapt.sql import quote_identifier, sql_list

#: Beyond this a double no longer holds every whole number: what is read would not be what is written.
LARGEST_EXACT = 2**53 - 1
#: A branch of a CASE that no row takes.
NEVER = "when null then null"
NULL_TEXT = "cast(null as varchar)"


def is_one_of(text: str, choices: Iterable[str]) -> str:
    """Return SQL that holds where a text is one of the choices.

    Not `in`: DuckDB may run that as a join, and lose the order of the file.
    """
    return f"list_contains([{sql_list(choices)}]::varchar[], {text})"


def is_number(text: str) -> str:
    """Return SQL that holds for a plain decimal number.

    `nan`, `inf`, exponents and thousands separators are not numbers.
    """
    return f"(try_cast({text} as double) is not null and translate({text}, '0123456789', '') in ('', '.', '-', '-.'))"


def is_too_large(text: str) -> str:
    """Return SQL that holds for a plain decimal number beyond the whole numbers that a double holds exactly."""
    return f"({is_number(text)} and abs(try_cast({text} as double)) > {LARGEST_EXACT})"


def blank_if_null(column: str) -> str:
    """Return SQL for the text of a column, given its name; a blank where it holds none."""
    return f"coalesce({quote_identifier(column)}, '')"


def cell_column(column: str) -> str:
    """Return the quoted name of the working column that carries the measure cells of a published column."""
    return quote_identifier(f"cell {column}")
