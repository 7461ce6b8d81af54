"""What every stage of reading is given: the connection, the drop and one group of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.layouts import Layout
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.tables import Table
from iapt.rejection import DropRejectedError

EXTEND_LAYOUT = "If the publisher has changed the file, mend its layout in catalogue/layouts; else get the file again."
CORRECT_CELL = "Get the file again; if it is published so, mend the cell in a copy, and offer the copy."
CORRECT_ROW = "Get the file again; if it is published so, mend the row in a copy, and offer the copy."


@dataclass(frozen=True)
class TableGroup:
    """Tables of a drop that share a header, and the layouts that have it.

    More than one layout differ only in how many periods the tables may hold.
    """

    layouts: tuple[Layout, ...]
    header: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def value_columns(self) -> list[str]:
        """The columns that hold measure cells."""
        return self.layouts[0].find_measure_columns(self.header)

    @property
    def key_columns(self) -> list[str]:
        """The columns that hold no measure cells."""
        return [name for name in self.header if name not in self.value_columns]

    @property
    def read_column(self) -> str:
        """The one column of values that is read in a long layout; empty in a wide one."""
        return next((name for name in self.layouts[0].recognise.value_columns if name in self.header), "")

    @property
    def read_columns(self) -> list[str]:
        """The columns of values that are read."""
        return [self.read_column] if self.read_column else self.value_columns

    @property
    def unread_columns(self) -> list[str]:
        """The columns of values of a long layout beside the one that is read."""
        values = self.layouts[0].recognise.value_columns
        return [name for name in self.header if name in values and name != self.read_column]


@dataclass(frozen=True)
class ReadingContext:
    """One group of tables of a drop on its way through DuckDB. `folder` is for its files."""

    connection: duckdb.DuckDBPyConnection
    drop: ArchivedDrop
    group: TableGroup
    folder: Path
    catalogue: Catalogue

    def fetch(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query, parameters or None).fetchall()

    def count_rows(self, table: str) -> int:
        """Return how many rows a working table has."""
        return int(self.fetch(f"select count(*) from {table}")[0][0])

    def create_table(self, name: str, query: str) -> str:
        """Create a working table from a query, in place of that of another group; return its name."""
        self.connection.execute(f"create or replace temp table {name} as {query}")
        return name

    def make_row_rejection(
        self, member: str, row: int, expected: str, found: str, remedy: str = EXTEND_LAYOUT, *, column: str = ""
    ) -> DropRejectedError:
        """Return the rejection of the drop for one row of a table, to be raised."""
        place = describe_row(member, row) + (f", column {column}" if column else "")
        return DropRejectedError(self.drop.file, place, expected, found, remedy)


def describe_row(member: str, row: int) -> str:
    """Return where a row stands: the table's name inside the drop, if it has one, and the row's number from 1."""
    return f"{member}, row {row}" if member else f"row {row}"
