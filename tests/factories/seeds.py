"""The reviewed lists of `dbt_project/seeds`, as they stand in their files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeAlias

from iapt.workspace import DBT_PROJECT

SEEDS = DBT_PROJECT / "seeds"
#: A row of a list: its cells by column, empty where there is none.
Row: TypeAlias = dict[str, str]


def read_seed(name: str) -> list[Row]:
    """Return the rows of a reviewed list in the order of its file."""
    return read_table(SEEDS / f"{name}.csv")


def read_table(path: Path) -> list[Row]:
    """Return the rows of a CSV with a header, with or without a byte order mark."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))
