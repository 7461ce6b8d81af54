"""A folder of drops beside the archive and the observations of a home."""

from __future__ import annotations

import json
from pathlib import Path

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import DropArchive
from iapt.ingest.drop_reading import ReadResult, read_archived_drops
from iapt.ingest.ingestion import IngestResult, ingest_folder
from iapt.ingest.observation_store import ObservationStore
from iapt.rejection import DropRejectedError
from tests.factories import drops
from tests.factories.drops import make_monthly_csv, make_row

APRIL = make_monthly_csv(make_row("25"))
APRIL_REVISED = make_monthly_csv(make_row("30"))
MAY = make_monthly_csv(make_row("35", start="01/05/2026", end="31/05/2026"))
SYNTHETIC = make_monthly_csv(make_row("25", provider=drops.named(drops.PROVIDER, "Neverwhere Rooms (SYNTHETIC)")))
ARCHIVED_AT = "2026-06-01T00:00:00+00:00"


class DropHome:
    """A folder of offered drops, their archive and their observations."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "offered"
        self.folder.mkdir()
        self.drops = DropArchive(root / "drops")
        self.observations = ObservationStore(root / "observations")

    def offer(self, **files: bytes) -> DropHome:
        """Put files in the folder; `__` in a name stands for its dot."""
        for name, content in files.items():
            (self.folder / name.replace("__", ".")).write_bytes(content)
        return self

    def ingest_folder(self, catalogue: Catalogue | None = None) -> IngestResult:
        return ingest_folder(self.folder, self.drops, catalogue or drops.catalogue(), ARCHIVED_AT)

    def read(self, catalogue: Catalogue | None = None, origin: str = "published") -> ReadResult:
        return read_archived_drops(self.drops, self.observations, catalogue or drops.catalogue(), origin)

    def read_archive(self) -> dict[str, bytes]:
        files = (path for path in self.drops.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.drops.folder).as_posix(): path.read_bytes() for path in files}


def read_reasons(result: IngestResult) -> dict[str, str]:
    return {path: str(DropRejectedError(**rejection)) for path, rejection in result.rejected}


def write_sidecar(home: DropHome, name: str, rows: dict[str, dict[str, str]], **more: object) -> None:
    path = home.folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps({"files": rows, **more}), "utf-8")
        return
    columns = ["file", *next(iter(rows.values()))]
    lines = [",".join(columns), *(",".join([file, *row.values()]) for file, row in rows.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")
