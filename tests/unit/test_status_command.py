"""`iapt status`: how complete a home is, in words for a person and as JSON for programs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from iapt.ingest.archive import ArchivedDrop, ArchiveStamp, DropArchive
from iapt.sources.folder import OfferedFile
from iapt.workspace import Workspace
from iapt.workspace_state import HoldReason, Review, Reviews
from orchestration.status_command import print_status, read_status
from tests.factories import drops
from tests.factories.drops import make_monthly_csv, make_row

#: After the second Thursday of August 2026 and before that of September.
TODAY = dt.date(2026, 8, 20)
APRIL = {"start": "01/04/2026", "end": "30/04/2026"}
FILE = "nhstalkingtherapies_month_apr_2026_activity_performance.csv"


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    """A home with the published figures of one month."""
    workspace = Workspace(tmp_path)
    keep(workspace, FILE, make_monthly_csv(make_row("25", **APRIL)))
    return workspace


def keep(workspace: Workspace, name: str, content: bytes, *, origin: str = "published") -> ArchivedDrop:
    drops.read(workspace.root, name, content)
    path = workspace.root / name
    path.write_bytes(content)
    archive, catalogue = DropArchive(workspace.drops), drops.catalogue()
    drop, _ = archive.archive(
        OfferedFile(path=path, relative_path=name, origin=origin),
        ArchiveStamp(archive.next_sequence(), batch=1, archived_at="2026-08-01T00:00:00+00:00"),
        precedence=catalogue.precedence,
        limits=catalogue.limits,
        withdrawn=(),
    )
    return drop


def hold(workspace: Workspace, drop: ArchivedDrop, publication: str, text: str = "it shrank") -> None:
    review = Review(
        publication=publication,
        file=drop.file,
        state="held",
        reasons=(HoldReason(rule="shrank", text=text),),
        held_at="2026-08-01T00:00:00+00:00",
    )
    Reviews(reviews={drop.sha256: review}).write(workspace.reviews)


def told(workspace: Workspace, capsys: pytest.CaptureFixture[str], today: dt.date = TODAY) -> list[str]:
    print_status(workspace, today)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def find(lines: list[str], opening: str) -> str:
    (line,) = (line for line in lines if line.startswith(opening))
    return line


def test_the_publications_are_counted_by_series_and_state(home: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(home, capsys)
    assert find(lines, "publications of") == "publications of present superseded not published missing expected"
    assert find(lines, "monthly 1 1").split()[1] == "1"  # present: the month that is held
    assert find(lines, "17 more files are listed and never fetched")


def test_what_is_missing_is_named_newest_first_with_the_command_that_helps(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(home, capsys)
    fetched = find(lines, "missing:")
    assert fetched.startswith("missing: monthly 2026-05, 2026-03, 2026-02 and ")
    assert fetched.endswith(": iapt pull")
    unknown = find(lines, "missing, and no address known:")
    assert unknown.startswith("missing, and no address known: monthly 2026-06, 2020-12, 2020-11 and ")
    assert unknown.endswith(": iapt discover")


def test_what_is_late_says_by_how_many_days_and_what_is_expected_on_which_day(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(told(home, capsys), "expected:").startswith("expected: monthly 2026-07 on 10 September 2026; annual")
    lines = told(home, capsys, dt.date(2026, 9, 30))
    assert find(lines, "late:") == "late: monthly 2026-07 (20 days): iapt discover"
    assert find(lines, "expected:").startswith("expected: monthly 2026-08 on 8 October 2026; ")


def test_what_is_held_is_told_with_its_reason_and_the_commands_that_decide(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    drop = keep(home, "may.csv", make_monthly_csv(make_row("25", start="01/05/2026", end="31/05/2026")))
    hold(home, drop, "monthly/2026-05/1", "it\x1b[2J shrank\nmuch")
    lines = told(home, capsys)
    place = next(number for number, line in enumerate(lines) if line.startswith("held: monthly 2026-05, may.csv: "))
    assert "It waits for a decision: it" in lines[place]
    assert "\x1b" not in lines[place]
    assert lines[place + 1] == f"iapt accept {drop.sha256[:12]} or iapt reject {drop.sha256[:12]}"


def test_beside_synthetic_figures_no_command_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path)
    keep(workspace, FILE, make_monthly_csv(make_row("25", **APRIL)), origin="synthetic")
    lines = told(workspace, capsys)
    assert not [line for line in lines if line.endswith((": iapt pull", ": iapt discover"))]
    assert find(lines, "missing: ")


def test_an_empty_home_says_how_to_begin_and_how_much_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = told(Workspace(tmp_path), capsys)
    assert "Begin with: iapt pull, which gets the " in line
    assert line.endswith("or: iapt refresh --drops PATH")


def test_a_home_of_restricted_counts_has_no_publications(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace(tmp_path / "restricted")
    workspace.make_restricted()
    assert read_status(workspace, TODAY).publications == []
    (line,) = told(workspace, capsys)
    assert "iapt pull" not in line


def test_findings_that_cannot_be_read_are_told_and_stop_nothing(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    home.found_publications.write_text("- series: weekly", "utf-8")
    print_status(home, TODAY)
    printed = capsys.readouterr()
    assert "found_publications.yml: expected publications" in printed.err
    assert "Nothing has been released yet." in printed.out


def test_json_has_every_publication_with_its_state(home: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    print_status(home, TODAY, as_json=True)
    status = json.loads(capsys.readouterr().out)
    assert status["as_of"] == "2026-08-20"
    assert [series["series"] for series in status["series"]] == ["monthly"]
    publications = {entry["id"]: entry for entry in status["publications"]}
    april = publications["monthly/2026-04/1"]
    assert (april["state"], april["file"], april["days_late"]) == ("present", FILE, 0)
    assert publications["monthly/2026-07/1"]["expected_on"] == "2026-09-10"
    assert status["last_refresh"] is None
    assert status["release"] is None
