"""What the command says without building anything: of places it cannot write to, and of what a refresh told it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_state import RefreshRecord
from orchestration import cli, refresh_command

MANIFEST = {
    "release_id": "2026.11.1",
    "data_origin": "published",
    "files": {},
    "statement": None,
    "report": {"pages": 1},
}


def said(*arguments: str | Path) -> tuple[int, str]:
    """The exit status of `iapt`, and all that it printed. An exception that got out fails the test."""
    result = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a release of which there is only a manifest."""
    (tmp_path / "home" / "latest").mkdir(parents=True)
    (tmp_path / "home" / "latest" / "manifest.json").write_text(json.dumps(MANIFEST), "utf-8")
    return tmp_path / "home"


def test_a_refresh_ends_with_what_was_odd_and_where_to_read_of_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = RefreshRecord(state="released", released="2026.11.1", warnings=["too_long (a/b)"], log="one.log")
    monkeypatch.setattr(refresh_command, "run_refresh", lambda *_, **__: outcome)
    status, told = said("refresh", "--drops", home, "--home", home)
    assert status == 0
    assert told.splitlines()[-3:] == [
        "Warnings, which stopped nothing:",
        "  - too_long (a/b)",
        f"In full: {home / 'logs' / 'one.log'}",
    ]


def test_a_failed_refresh_tells_its_warnings_and_notices_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = RefreshRecord(
        state="failed", failure="It failed.", warnings=["too_long (a/b)"], notices=["a sheet"], log="one.log"
    )
    monkeypatch.setattr(refresh_command, "run_refresh", lambda *_, **__: outcome)
    status, told = said("refresh", "--drops", home, "--home", home)
    assert status == 1
    assert [line.strip() for line in told.splitlines()].count("- too_long (a/b)") == 1
    assert "  - a sheet\n" in told


def test_a_refresh_with_nothing_odd_does_not_speak_of_warnings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        refresh_command, "run_refresh", lambda *_, **__: RefreshRecord(state="released", released="2026.11.1")
    )
    assert "Warnings" not in said("refresh", "--drops", home, "--home", home)[1]


def test_the_report_to_serve_is_that_of_the_home_refreshed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        refresh_command, "run_refresh", lambda *_, **__: RefreshRecord(state="released", released="2026.11.1")
    )
    assert f"iapt serve {home / 'latest'}\n" in said("refresh", "--drops", home, "--home", home)[1]


def test_a_home_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    status, told = said("refresh", "--drops", tmp_path, "--home", file / "home")
    assert status == 1
    assert told.strip() == f"Nothing was released: {file / 'home' / 'logs'}: Not a directory"


def test_a_restricted_home_with_other_drops_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "home" / "restricted" / "drops").mkdir(parents=True)
    status, told = said("refresh", "--restricted", "--drops", tmp_path, "--home", tmp_path / "home")
    assert status == 1
    assert "it holds other drops already" in told


def test_demonstration_drops_that_cannot_be_written_are_told_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    status, told = said("demo-drops", file / "drops")
    assert status == 2
    assert told.endswith(": Not a directory\n")


def test_a_folder_without_a_report_is_not_blamed_on_the_port(tmp_path: Path) -> None:
    status, told = said("serve", tmp_path)
    assert status == 2
    assert "iapt report" in told
    assert "port" not in told.replace("report", "")


def test_a_port_in_use_is_not_blamed_on_the_report(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, told = said("serve", tmp_path, "--port", str(port))
    assert status == 2
    assert told == f"127.0.0.1:{port}: Address already in use. Name another --port; 0 takes a free one.\n"


def test_demonstration_drops_are_not_written_for_a_home_of_published_figures(home: Path, tmp_path: Path) -> None:
    """`make refresh` asks so before it refreshes."""
    status, told = said("demo-drops", tmp_path / "drops", "--home", home)
    assert status == 2
    assert "holds published figures, and demonstration figures never share a home with them" in told
    assert "make refresh IAPT_HOME=" in told
    assert not (tmp_path / "drops").exists()


def test_make_refresh_asks_for_the_home_it_refreshes_and_leaves_its_settings() -> None:
    rules = (PROJECT_ROOT / "Makefile").read_text("utf-8")
    assert 'iapt demo-drops "$(IAPT_HOME)/demonstration" --home "$(IAPT_HOME)"' in rules
    assert 'test -e "$(IAPT_HOME)/dagster/dagster.yaml" || cp dagster.yaml' in rules


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("/no/such/folder", "Path '/no/such/folder' does not exist"),
        ("file:///no/such/folder", "does not exist"),
        ("http://host/drops", "expected one of file://, s3://, abfs://, sftp://"),
        ("s3://key:hidden@bucket/drops", "expected an address without a password"),
    ],
)
def test_drops_that_are_nowhere_are_a_fault_of_usage(
    home: Path, monkeypatch: pytest.MonkeyPatch, named: str, sentence: str
) -> None:
    monkeypatch.setattr(refresh_command, "run_refresh", lambda *_, **__: pytest.fail("it was refreshed"))
    status, told = said("refresh", "--drops", named, "--home", home)
    assert status == 2
    assert sentence in " ".join(told.replace("│", " ").split())
    assert "hidden" not in told


def test_drops_elsewhere_are_handed_on_by_their_address(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refresh(workspace: Workspace, drops: object, **_: object) -> RefreshRecord:
        asked.append(drops)
        return RefreshRecord(state="released", released="2026.11.1")

    monkeypatch.setattr(refresh_command, "run_refresh", refresh)
    monkeypatch.chdir(tmp_path)
    for named in ("s3://bucket/drops/", "sftp://user@host/drops", f"file://{home}", "home"):
        said("refresh", "--drops", named, "--home", home)
    assert asked == ["s3://bucket/drops", "sftp://user@host/drops", str(home), str(home)]


@pytest.mark.parametrize("command", [["status"], ["pull", "--dry-run"]])
def test_an_archive_that_cannot_be_asked_is_told_in_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("iapt.sources.object_stores.CONNECT_ATTEMPTS", 1)
    for location, sentence in {
        "sftp://127.0.0.1:9/archive": "sftp://127.0.0.1:9/archive: expected an answer of the store",
        "s3://bad_bucket/archive": "expected s3://bucket/folder",
    }.items():
        monkeypatch.setenv("IAPT_ARCHIVE", location)
        status, told = said(*command, "--home", home)
        assert (status, len(told.splitlines())) == (1, 1)
        assert sentence in told
