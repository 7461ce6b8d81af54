"""The parts of a staged table as a check may rely on them: copies with their hashes, of which the file is the join."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iapt.files import compute_sha256
from iapt.release.parquet_joining import ParquetJoinError, find_differences_from_parts
from iapt.release.parts import StagedParts, find_part


@dataclass(frozen=True)
class PartFile:
    """A part as a file: the sha256 of its bytes, and how many rows it is said to hold."""

    path: Path
    sha256: str
    rows: int


def copy_parts(staged: StagedParts, folder: Path, table: str, file: Path, target: Path) -> Mapping[str, PartFile]:
    """Copy the parts of a table out of the folder of parts, and return the copies by period.

    `file` is the staged table. Nothing is returned where it is not exactly the join of these copies, in this order,
    where a part is not there or has other bytes than its sha256 says, or where two are of one period. Raises OSError
    where a copy cannot be written.
    """
    copies: dict[str, PartFile] = {}
    for number, part in enumerate(staged.of_table(table)):
        source = find_part(folder, part)
        if not source.is_file() or part.period in copies:
            return {}
        copy = Path(shutil.copyfile(source, target / f"{table}_{number}.parquet"))
        if compute_sha256(copy) != part.sha256:
            return {}
        copies[part.period] = PartFile(copy, part.sha256, part.rows)
    return copies if _is_join(file, [copy.path for copy in copies.values()]) else {}


def _is_join(file: Path, parts: Sequence[Path]) -> bool:
    try:
        return not any(find_differences_from_parts(file, parts))
    except ParquetJoinError:
        return False


def digest_parts(staged: StagedParts, folder: Path) -> dict[str, dict[str, str]]:
    """Return the sha256 of the rows of each period of the tables in parts, of the parts that are as they are listed."""
    digests: dict[str, dict[str, str]] = {}
    for part in staged.parts:
        file = find_part(folder, part)
        if file.is_file() and compute_sha256(file) == part.sha256:
            digests.setdefault(part.table, {})[part.period] = part.sha256
    return digests
