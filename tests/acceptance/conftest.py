"""One release built from the real drops, for every test of the tier to look at. No single cell is ever printed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from iapt.workspace import Workspace
from iapt.workspace_state import RefreshRecord
from orchestration.refresh import refresh

#: What the report draws its map of, where it is there.
BOUNDARIES = "icb_2023_simplified.geojson"


@dataclass(frozen=True)
class RealRelease:
    """A home built from the real drops, what came of it, and ways to ask its warehouse and its release."""

    home: Workspace
    outcome: RefreshRecord

    def warehouse(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the marts."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def released(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the released database."""
        with duckdb.connect(str(self.home.latest / "iapt.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def real_release(real_drops: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRelease:
    """The release of the real drops, built once."""
    home = Workspace(tmp_path_factory.mktemp("real"))
    boundaries = real_drops.parent / "reference" / BOUNDARIES
    if boundaries.is_file():
        shutil.copyfile(boundaries, home.boundaries)
    return RealRelease(home, refresh(home, real_drops))


@pytest.fixture(scope="session")
def reference(real_drops: Path) -> Callable[[str], Path]:
    """A file of the publisher's metadata, lookups and boundaries, by its name.

    They are no drops: whoever has the drops alone can run the pipeline and not these tests, which are then skipped.
    """

    def find(name: str) -> Path:
        path = real_drops.parent / "reference" / name
        if not path.is_file():
            pytest.skip(f"needs the publisher's {name} in the folder `reference` beside the real drops")
        return path

    return find
