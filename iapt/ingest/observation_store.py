"""The observations of each drop on disk, and the summary of what was read from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.layouts import compute_layouts_digest
from iapt.files import to_json, write_atomically

# Raised whenever the same bytes under the same layout give other observations: archived drops are then read again.
READER_VERSION = 8
#: How the name of a folder begins in which a drop is being read.
UNFINISHED = "reading-"
#: How the reason begins for a cell of a column that is never read: no figure of the drop is lost by it.
COMPANION_OF = "an unsuppressed companion of "
#: Keys of a summary that an earlier version of the pipeline wrote.
_KEYS_BEFORE = {"refusal": "rejection", "synthetic_mark": "has_synthetic_mark"}


@dataclass(frozen=True)
class TableSummary:
    """What was read from one group of tables of a drop that share a layout. Counts are of measure cells.

    `coverage` pairs the first day of each period, in ISO form, with a level that has rows of it. `observations` is by
    value status, `quarantined` by reason.
    """

    layout: str
    series: str
    period_grain: str
    members: list[str]
    periods: list[str]
    coverage: list[tuple[str, str]]
    rows: int
    cells: int
    observations: dict[str, int]
    quarantined: dict[str, int]
    duplicate_rows: int


@dataclass(frozen=True)
class DropSummary:
    """What became of a drop: read in full, or rejected with the reason. Kept beside its observations.

    `unread` names the tables inside it that no layout knows: a new layout may know them. `digest` is of what the
    reading rests on, see `compute_reading_digest`.
    """

    sha256: str
    file: str
    digest: str
    tables: list[TableSummary] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    has_synthetic_mark: bool = False
    rejection: dict[str, str] | None = None

    @property
    def cells(self) -> int:
        """Measure cells in the drop."""
        return sum(table.cells for table in self.tables)

    @property
    def observations(self) -> int:
        """Cells that became observations."""
        return sum(sum(table.observations.values()) for table in self.tables)

    @property
    def quarantined(self) -> int:
        """Cells that were quarantined with a reason."""
        return sum(sum(table.quarantined.values()) for table in self.tables)

    @classmethod
    def from_json(cls, text: str) -> DropSummary:
        """Return the summary that was written by `to_json`, of this version or of the one that used other keys."""
        content = {_KEYS_BEFORE.get(key, key): value for key, value in json.loads(text).items()}
        content["tables"] = [TableSummary(**table) for table in content["tables"]]
        return cls(**content)

    def to_json(self) -> str:
        """Return the summary as JSON."""
        return to_json(asdict(self))


def count_quarantined_cells(summary: DropSummary) -> int:
    """Return how many cells of a drop are quarantined though they stand in a column that is read."""
    return sum(
        cells
        for table in summary.tables
        for reason, cells in table.quarantined.items()
        if not reason.startswith(COMPANION_OF)
    )


class ObservationStore:
    """The folder of observations: for each drop a Parquet file, its quarantine, and the summary written last."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made when the first drop is read."""
        self.folder = folder

    def observations_path(self, sha256: str) -> Path:
        """Return where the observations of a drop lie."""
        return self.folder / f"{sha256}.parquet"

    def quarantine_path(self, sha256: str) -> Path:
        """Return where the quarantined cells of a drop lie; the file exists only where there are any."""
        return self.folder / f"{sha256}.quarantine.parquet"

    def _summary_path(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.json"

    def read_summary(self, sha256: str, catalogue: Catalogue) -> DropSummary | None:
        """Return the summary of a drop, if it was read under today's reader and layouts."""
        path = self._summary_path(sha256)
        if not path.is_file():
            return None
        summary = DropSummary.from_json(path.read_text("utf-8"))
        return summary if summary.digest == compute_reading_digest(summary, catalogue) else None

    def read_last_summary(self, sha256: str) -> DropSummary | None:
        """Return the summary of a drop as it was read last, under whatever reader; None where it never was."""
        path = self._summary_path(sha256)
        return DropSummary.from_json(path.read_text("utf-8")) if path.is_file() else None

    def delete(self, sha256: str) -> None:
        """Remove what was read of a drop, so that it is read anew."""
        for path in (self.observations_path(sha256), self.quarantine_path(sha256), self._summary_path(sha256)):
            path.unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what a run that was killed left half read. Only while the workspace is locked."""
        for folder in self.folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def write_summary(self, summary: DropSummary) -> None:
        """Write a summary whole, so that a crash leaves either none or all of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._summary_path(summary.sha256), summary.to_json())


def compute_reading_digest(summary: DropSummary, catalogue: Catalogue) -> str:
    """Return a digest of what a summary rests on: under another one, the drop is read again.

    That is the reader's version and the layouts used; all layouts, where not all of the drop was read; of a rejected
    one the limits too, and what can be opened here.
    """
    names = {table.layout for table in summary.tables}
    is_partial = bool(summary.rejection or summary.unread)
    layouts = [layout for layout in catalogue.layouts if is_partial or layout.name in names]
    text = f"reader {READER_VERSION} {compute_layouts_digest(layouts)} {catalogue.organisation_codes.model_dump_json()}"
    text += catalogue.impossible_values.model_dump_json()
    if summary.rejection:
        from iapt.ingest.containers import describe_openable  # imported late: what opens containers takes long

        text += f" {catalogue.limits.model_dump_json()} {catalogue.precedence.model_dump_json()}"
        text += f" {describe_openable(summary.file)}"
    # An entry concerns the drop it names alone; that it was rejected for its name is no reason to read others again.
    for entry in catalogue.misnamed_files:
        if entry.sha256 == summary.sha256 or entry.file == summary.file:
            text += f" {entry.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()
