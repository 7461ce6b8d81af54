"""What every tier of tests shares: where the real drops are, and that the fast tier stays fast."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No example has a time limit: machines are shared, and one that is busy is no failure.
settings.register_profile("any_machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")

REAL_DROPS = "IAPT_REAL_DROPS"
SLOW_FIXTURES = {"released_home", "real_release"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, by its folder; a test of the fast tier may not use a slow fixture."""
    for item in items:
        tier = Path(item.path).parent.name
        if tier == "unit":
            slow = SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ()))
            if slow:
                raise pytest.UsageError(f"{item.nodeid} is a fast test and uses the slow fixture {', '.join(slow)}")
        else:
            item.add_marker(getattr(pytest.mark, tier))


@pytest.fixture(scope="session")
def real_drops() -> Path:
    """The folder of real drops; the tests that need it are skipped where there is none."""
    named = os.environ.get(REAL_DROPS)
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "drops"
    if not folder.is_dir():
        if named:
            raise FileNotFoundError(f"{REAL_DROPS} names {named}, which is not a folder")
        pytest.skip(f"the real drops are not here: name their folder in {REAL_DROPS}")
    return folder
