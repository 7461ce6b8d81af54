"""One release built from the real drops, for every test of the tier to look at. No single cell is ever printed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.home import Home
from orchestration.refresh import RefreshOutcome, refresh


@dataclass(frozen=True)
class RealRelease:
    """A home built from the real drops, what came of it, and ways to ask its warehouse and its release."""

    home: Home
    outcome: RefreshOutcome

    def warehouse(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query on the marts."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def released(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query on the released database."""
        with duckdb.connect(str(self.home.latest / "iapt.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def real_release(real_drops: Path, tmp_path_factory: pytest.TempPathFactory) -> RealRelease:
    """The release of the real drops, built once."""
    home = Home(tmp_path_factory.mktemp("real"))
    boundaries = real_drops.parent / "reference" / "icb_2023_simplified.geojson"
    if boundaries.is_file():
        shutil.copyfile(boundaries, home.boundaries)
    return RealRelease(home, refresh(home, real_drops))
