"""What every tier of tests shares: where the real drops are, and that the fast tier stays fast."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.factories.azure_imitation import AzureImitation
    from tests.factories.stores import S3Server, SftpServer

# No example has a time limit: machines are shared, and one that is busy is no failure. Every run tries the same
# examples, so that none fails by luck on code that did not change; a search for others asks for the profile `random`.
HYPOTHESIS_PROFILE = "IAPT_HYPOTHESIS_PROFILE"
settings.register_profile(
    "everyday", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("random", settings.get_profile("everyday"), derandomize=False, print_blob=True)
settings.load_profile(os.environ.get(HYPOTHESIS_PROFILE, "everyday"))

# Tests archive where they say, never where whoever runs them does.
os.environ.pop("IAPT_ARCHIVE", None)

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
def s3_servers() -> Generator[S3Server]:
    """An S3 server on this machine; `s3` is the one that a test speaks to."""
    from tests.factories.stores import serve_s3  # imported late: few tests need it, and it takes a second

    with serve_s3() as server:
        yield server


@pytest.fixture
def s3(s3_servers: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """An S3 server with the one empty bucket of the tests, which everything of the test speaks to."""
    s3_servers.set_environment(monkeypatch)
    s3_servers.reset()
    return s3_servers


@pytest.fixture(scope="session")
def azure_imitations() -> Generator[AzureImitation]:
    """An imitation of Azure on this machine; `azure` is the one that a test speaks to."""
    from tests.factories.azure_imitation import serve_azure_imitation

    with serve_azure_imitation() as server:
        yield server


@pytest.fixture
def azure(azure_imitations: AzureImitation, monkeypatch: pytest.MonkeyPatch) -> AzureImitation:
    """An imitation of Azure with the one empty container of the tests, which everything of the test speaks to."""
    azure_imitations.set_environment(monkeypatch)
    azure_imitations.reset()
    return azure_imitations


@pytest.fixture(scope="session")
def sftp_servers(tmp_path_factory: pytest.TempPathFactory) -> Generator[SftpServer]:
    """An SFTP server on this machine; `sftp` is the one that a test speaks to."""
    from tests.factories.stores import serve_sftp

    with serve_sftp(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture
def sftp(sftp_servers: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SftpServer:
    """An SFTP server that holds nothing, and lets the user of the test in."""
    sftp_servers.reset()
    sftp_servers.set_environment(monkeypatch, tmp_path / "user")
    return sftp_servers


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
