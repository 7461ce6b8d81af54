"""Parts: the rows of one period of a released table in a Parquet file that is named by its content.

A table in parts is staged, validated, audited and released part by part; the file that users read is put together from
them in the order of their periods. Every other table is one file, made anew each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from iapt.contract import CURRENT_BOUNDARIES, EXTRACT_GRAINS, Grain
from iapt.workspace_state import StateFile

#: The tables that are staged in parts, each with the grain of its periods.
TABLES_IN_PARTS: Final[Mapping[str, Grain]] = {
    **EXTRACT_GRAINS,
    **{table: EXTRACT_GRAINS[extract] for table, extract in CURRENT_BOUNDARIES.items()},
}


class Part(BaseModel):
    """The rows of one period of a table. `build` is the build of the warehouse that last made these rows.

    It is empty where the warehouse does not say it. `written_by` is a digest of how the file was written. A part that
    was not written yet has no `sha256` and no `bytes`.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    grain: str
    period: str
    period_start: str
    rows: int
    sha256: str = ""
    bytes: int = 0
    build: str = ""
    written_by: str = ""

    @property
    def file_name(self) -> str:
        """The name of the file in the folder of parts: the same rows have the same one."""
        return f"{self.table}-{self.period.lower().replace(' ', '-')}-{self.sha256[:16]}.parquet"


class StagedParts(StateFile):
    """`staged_parts.json`: the parts that the staged tables are put together from, by table in the order of periods."""

    parts: tuple[Part, ...] = ()

    def of_table(self, table: str) -> Sequence[Part]:
        """Return the parts of a table in the order of their periods."""
        return sorted((part for part in self.parts if part.table == table), key=lambda part: part.period_start)


def find_part(folder: Path, part: Part) -> Path:
    """Return where a part lies in the folder of parts."""
    return folder / part.file_name
