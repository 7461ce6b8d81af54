"""What arrived, compared with the issue of the same publication that was there: cells by class, and what it lost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import duckdb

_KEY: Final = (
    "series",
    "period_start",
    "org_level",
    "org_code",
    "partner_code",
    "variable_type",
    "variable_a",
    "variable_b",
    "coalesce(measure_id, measure_name)",
)
_ORGANISATIONS: Final = "org_level || ' ' || coalesce(org_code, '') || coalesce('/' || partner_code, '')"
_MEASURES: Final = "coalesce(measure_id, measure_name)"


@dataclass(frozen=True)
class Comparison:
    """How the cells of an issue differ from those of the one before. Counts are of cells.

    `changed` have another value or status; `newly_suppressed` had a value and have none; `shown_again` the reverse;
    `added` and `withdrawn` are in one of the two alone. `lost_organisations` (level and code) and `lost_measures` (id,
    else name) are in the earlier issue alone.
    """

    earlier_sha256: str
    earlier_cells: int
    later_cells: int
    changed: int
    newly_suppressed: int
    shown_again: int
    added: int
    withdrawn: int
    lost_organisations: tuple[str, ...] = ()
    lost_measures: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether no figure differs."""
        return not (self.changed or self.newly_suppressed or self.shown_again or self.added or self.withdrawn)

    def describe(self) -> str:
        """Return the counts in words; those of nothing are left out."""
        if self.is_same:
            return "no change in figures"
        counts = {
            "changed": self.changed,
            "newly suppressed": self.newly_suppressed,
            "shown again": self.shown_again,
            "added": self.added,
            "withdrawn": self.withdrawn,
        }
        return "cells " + ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


@cache
def _load_sql() -> str:
    columns = [f"{expression} as key_{number}" for number, expression in enumerate(_KEY)]
    same = [f"earlier.key_{number} is not distinct from later.key_{number}" for number in range(len(_KEY))]
    text = (Path(__file__).parent / "sql" / "compare_issues.sql").read_text("utf-8")
    return text.format(key=", ".join(columns), same_key=" and ".join(same))


def compare_issues(
    connection: duckdb.DuckDBPyConnection, earlier_sha256: str, earlier: Path, later: Path
) -> Comparison:
    """Compare the observations of two issues of a publication, in Parquet files: every series that they hold."""
    parameters = {"earlier": str(earlier), "later": str(later)}
    row = connection.execute(_load_sql(), parameters).fetchone()
    assert row is not None
    earlier_cells, later_cells, added, withdrawn, newly_suppressed, shown_again, changed = row
    return Comparison(
        earlier_sha256,
        earlier_cells,
        later_cells,
        changed=changed,
        newly_suppressed=newly_suppressed,
        shown_again=shown_again,
        added=added,
        withdrawn=withdrawn,
        lost_organisations=_list_lost(connection, parameters, _ORGANISATIONS),
        lost_measures=_list_lost(connection, parameters, _MEASURES),
    )


def _list_lost(connection: duckdb.DuckDBPyConnection, parameters: dict[str, str], expression: str) -> tuple[str, ...]:
    rows = connection.execute(
        f"""
        select distinct {expression} from read_parquet($earlier)
        except
        select distinct {expression} from read_parquet($later)
        order by 1
        """,
        parameters,
    ).fetchall()
    return tuple(str(name) for (name,) in rows)
