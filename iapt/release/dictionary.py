"""The data dictionary: every released table and column, every measure, and what a status means, from one source.

What a table and a column mean is in the contract (`iapt.contract`); what a measure means, in the seed of measures. Here
they are put together with what a release covers, for people (`dictionary.html`, `docs/dictionary.md`) and for programs
(`dictionary.json`).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import duckdb
import jinja2
import markupsafe

from iapt import contract
from iapt.duckdb_connections import open_duckdb
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT

DICTIONARY_PAGE = "dictionary.html"
DICTIONARY_DATA = "dictionary.json"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Column:
    """A column: its type in SQL, its unit where it is a quantity of one, and what it means."""

    name: str
    type: str
    unit: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table: what it is for, its columns, and which periods a release has of it."""

    name: str
    description: str
    columns: tuple[Column, ...]
    notes: str = ""
    first_period: str = ""
    last_period: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class Dictionary:
    """The released tables, the reviewed measures, and each status with its marker and meaning."""

    tables: tuple[Table, ...]
    measures: tuple[Mapping[str, str], ...]
    statuses: Mapping[str, tuple[str, str]]


def build_dictionary(release: Path | None = None) -> Dictionary:
    """Return the dictionary of the released tables, with the periods and rows of a release folder if one is given."""
    tables = tuple(_describe_table(table) for table in contract.TABLES.values() if table.is_released)
    if release is not None:
        with open_duckdb() as connection:
            tables = tuple(_with_coverage(connection, table, release) for table in tables)
    with (DBT_PROJECT / "seeds" / "measures.csv").open(encoding="utf-8", newline="") as file:
        measures = tuple(csv.DictReader(file))
    statuses = {name: (status.marker, status.meaning) for name, status in contract.VALUE_STATUSES.items()}
    return Dictionary(tables, measures, statuses)


def to_json(dictionary: Dictionary) -> str:
    """Return the dictionary for programs."""
    return json.dumps(asdict(dictionary), indent=1, ensure_ascii=False) + "\n"


def to_page(dictionary: Dictionary, title: str) -> str:
    """Return the dictionary as one page that needs nothing else: it can be searched, and read without JavaScript."""
    return _templates().get_template("dictionary.html").render(dictionary=dictionary, title=title)


def to_markdown(dictionary: Dictionary) -> str:
    """Return the dictionary as Markdown."""
    return _templates().get_template("dictionary.md").render(dictionary=dictionary)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("iapt.release"),
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> markupsafe.Markup:
    """Return text with what stands between backticks as code, everything else escaped."""
    return markupsafe.Markup(_CODE.sub(r"<code>\1</code>", str(markupsafe.escape(text))))


def _describe_table(table: contract.Table) -> Table:
    columns = (Column(column.name, column.type.lower(), column.unit, column.description) for column in table.columns)
    return Table(table.name, table.description, tuple(columns), table.notes)


def _with_coverage(connection: duckdb.DuckDBPyConnection, table: Table, release: Path) -> Table:
    names = {column.name for column in table.columns}
    file = str(release / contract.parquet_name(table.name))
    first_period = last_period = None
    ((rows,),) = connection.execute("select num_rows from parquet_file_metadata(?)", [file]).fetchall()
    if {"period", "period_start"} <= names:
        # A period of which one provider was loaded is no period that the table covers.
        of_england = "where org_level = 'england'" if "org_level" in names else ""
        ends = "arg_min(period, period_start), arg_max(period, period_start)"
        query = f"select {ends} from read_parquet(?) {of_england}"
        ((first_period, last_period),) = connection.execute(query, [file]).fetchall()
    return replace(table, first_period=first_period or "", last_period=last_period or "", rows=int(rows))


if __name__ == "__main__":
    (PROJECT_ROOT / "docs" / "dictionary.md").write_text(to_markdown(build_dictionary()), encoding="utf-8")
