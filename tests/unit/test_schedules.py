"""The schedule rests, looks, requests a refresh or fails: a late publisher and a broken pipeline look different."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.discovery.page_dates import PageDate
from iapt.discovery.results import DiscoveryResult, Proposal, Question, UpcomingPublication
from iapt.workspace import Workspace
from iapt.workspace_lock import lock_workspace
from iapt.workspace_state import FailedPull, FailedPulls, PulledFile, PulledFiles, RefreshRecord
from orchestration.assets.publications import PUBLICATIONS
from orchestration.check_events import PAGES_ARE_UNDERSTOOD, PUBLICATIONS_ARE_ON_TIME
from orchestration.resources import RefreshConfig, WorkspaceResource, read_source_setting
from orchestration.schedules import NAME, PublisherUnreadableError, make_schedule
from tests.factories.publisher_home import MadePublisher, make_known_rows, make_row, write_catalogue

EXPECTED = dt.date(2026, 7, 9)  # of May 2026: the second Thursday
MAY = Proposal(make_row("monthly", "2026-05"), "new", "https://digital.nhs.uk/may", "its page lists it")
ANNOUNCED = UpcomingPublication("Performance May 2026", "", ("monthly",), ("2026-05",), PageDate(2026, 7, 16))


class Schedule:
    """The schedule of a home whose list has everything that was expected by the end of June 2026."""

    def __init__(self, folder: Path, *further: Publication) -> None:
        rows = [*further, *make_known_rows(dt.date(2026, 6, 30))]
        self.workspace = Workspace(folder / "home")
        self.workspace.root.mkdir()
        self.resource = WorkspaceResource(
            root=str(self.workspace.root), catalogue=str(write_catalogue(folder / "catalogue", rows))
        )
        self.publisher = MadePublisher(EXPECTED)
        self.instance = dg.DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}})

    def tick(self, today: dt.date | None = None) -> dg.RunRequest | dg.SkipReason:
        self.publisher.today = today or self.publisher.today
        resources = {"publisher": self.publisher.make_resource(self.resource)}
        with dg.build_schedule_context(instance=self.instance, resources=resources) as context:
            answer = make_schedule("publisher")(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    def find_check(self, name: str) -> dg.AssetCheckEvaluation | None:
        check = dg.AssetCheckKey(PUBLICATIONS, name)
        record = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([check]).get(check)
        if record is None or record.event is None or record.event.dagster_event is None:
            return None
        return record.event.dagster_event.asset_check_evaluation_data

    def reason(self, today: dt.date | None = None) -> str:
        answer = self.tick(today)
        assert isinstance(answer, dg.SkipReason)
        return answer.skip_message or ""

    def request(self, today: dt.date | None = None) -> dg.RunRequest:
        answer = self.tick(today)
        assert isinstance(answer, dg.RunRequest)
        return answer


@pytest.fixture
def schedule(tmp_path: Path) -> Schedule:
    return Schedule(tmp_path)


def test_it_rests_until_the_next_expected_day_and_asks_nobody(schedule: Schedule) -> None:
    reason = schedule.reason(EXPECTED - dt.timedelta(days=1))
    assert "nothing is due: Monthly activity of 2026-05 is expected on 9 July 2026" in reason
    assert schedule.publisher.looked_for == []


def test_from_the_expected_day_it_looks_every_day_and_says_what_the_pages_announce(schedule: Schedule) -> None:
    schedule.publisher.pages = DiscoveryResult(not_yet_published=[ANNOUNCED])
    for days in range(3):
        reason = schedule.reason(EXPECTED + dt.timedelta(days=days))
        assert "Monthly activity of 2026-05 was expected on 9 July 2026" in reason
        assert "its pages announce Performance May 2026, announced for 2026-07-16" in reason
        assert "late" not in reason
    assert [[one.key for one in awaited] for awaited in schedule.publisher.looked_for] == 3 * [[("monthly", "2026-05")]]


def test_what_the_pages_do_not_announce_is_told_too_with_the_questions_they_leave(schedule: Schedule) -> None:
    assert "its pages do not announce it" in schedule.reason()


def test_questions_of_the_pages_are_warned_of_although_no_run_is_made(schedule: Schedule) -> None:
    question = Question("https://digital.nhs.uk/may", "no main file", "Look at the page.")
    awaiting = replace(MAY, awaits="add the series to publisher.yml")  # and no reason for a run, every day
    schedule.publisher.pages = DiscoveryResult(proposals=[awaiting], questions=[question])
    assert "and leave 1 questions (`iapt discover`)" in schedule.reason()
    evaluation = schedule.find_check(PAGES_ARE_UNDERSTOOD)
    assert evaluation is not None
    assert not evaluation.passed
    assert "no main file" in (evaluation.description or "")


def test_past_the_tolerance_the_check_warns_although_no_run_is_made(schedule: Schedule) -> None:
    on_time = schedule.reason(EXPECTED + dt.timedelta(days=14))
    assert "late" not in on_time
    assert schedule.find_check(PUBLICATIONS_ARE_ON_TIME) is None
    reason = schedule.reason(EXPECTED + dt.timedelta(days=15))
    assert "and is 15 days late" in reason
    evaluation = schedule.find_check(PUBLICATIONS_ARE_ON_TIME)
    assert evaluation is not None
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert "Monthly activity of 2026-05 was expected on 9 July 2026" in (evaluation.description or "")


def test_when_the_pages_list_it_a_refresh_is_requested_that_discovers_and_pulls(schedule: Schedule) -> None:
    schedule.publisher.pages = DiscoveryResult(proposals=[MAY])
    request = schedule.request()
    for step in ("publications", "archived_drops", "observations", "refresh_plan"):
        config = RefreshConfig(**request.run_config["ops"][step]["config"])
        assert config.source == "publisher"
        assert config.discover
    assert request.tags["iapt/reason"] == "the publisher's pages have monthly/2026-05/1"


def test_a_site_that_cannot_be_read_fails_the_tick(schedule: Schedule) -> None:
    schedule.publisher.pages = DiscoveryResult(failures=["https://digital.nhs.uk: expected a page; found HTTP 503."])
    with pytest.raises(PublisherUnreadableError, match=r"2026-05 was expected on 9 July 2026.*HTTP 503"):
        schedule.tick()


def test_what_is_listed_and_not_archived_is_got_without_looking_at_the_pages(tmp_path: Path) -> None:
    schedule = Schedule(tmp_path, make_row("monthly", "2026-05"))
    request = schedule.request(EXPECTED)
    assert request.tags["iapt/reason"] == "1 listed files are not archived"
    assert not request.run_config["ops"]["publications"]["config"]["discover"]
    assert schedule.publisher.looked_for == []


def test_bytes_that_the_publisher_withdrew_are_not_tried_every_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_row("monthly", "2026-05")
    schedule = Schedule(tmp_path, row)
    assert row.file is not None
    pulled = PulledFile(publication=row.id, sha256="a" * 64, bytes=1, checked_at="2026-07-09T09:30:00+00:00")
    PulledFiles(files={row.file: pulled}).write(schedule.workspace.pulled)
    schedule.request(EXPECTED)
    withdrawn = [WithdrawnFile(sha256="a" * 64, file="a.csv", reason="small figures", source="the publisher's page")]
    monkeypatch.setattr(Catalogue, "withdrawn", withdrawn)
    assert "nothing is due" in schedule.reason(EXPECTED)


def test_what_has_failed_is_tried_on_another_day(tmp_path: Path) -> None:
    row = make_row("monthly", "2026-05")
    schedule = Schedule(tmp_path, row)
    assert row.file is not None
    failed = FailedPull(
        publication=row.id, outcome="failed", detail="404", first_failed_on=EXPECTED, last_tried_on=EXPECTED
    )
    FailedPulls(files={row.file: failed}).write(schedule.workspace.failed_pulls)
    assert "nothing is due" in schedule.reason(EXPECTED)
    schedule.request(EXPECTED + dt.timedelta(days=1))
    schedule.workspace.inbox.mkdir()
    (schedule.workspace.inbox / row.file_name).write_text("got by hand", "utf-8")
    schedule.request(EXPECTED)


def test_a_refresh_that_failed_or_was_killed_is_made_again(schedule: Schedule) -> None:
    day = EXPECTED - dt.timedelta(days=3)
    record = RefreshRecord(state="unchanged", released="2026-06-12-1")
    record.write(schedule.workspace.last_refresh)
    assert "nothing is due" in schedule.reason(day)
    for state in ("failed", "running"):
        record.model_copy(update={"state": state}).write(schedule.workspace.last_refresh)
        assert schedule.request(day).tags["iapt/reason"] == "the last refresh failed"
    with lock_workspace(schedule.workspace):  # it is at work: by the command, of which Dagster knows nothing yet
        assert "nothing is due" in schedule.reason(day)


def test_no_second_run_is_requested_while_one_of_its_own_is_waiting_or_at_work(schedule: Schedule) -> None:
    schedule.publisher.pages = DiscoveryResult(proposals=[MAY])
    tags = {"dagster/schedule_name": NAME}
    run = dg.DagsterRun(job_name="refresh", run_id="0" * 32, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    schedule.instance.add_run(run)
    assert f"run {'0' * 32}, which this schedule requested, is waiting or at work" in schedule.reason()


def test_a_folder_is_refreshed_from_on_the_15th_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IAPT_SOURCE", raising=False)
    by_default = make_schedule()
    assert (by_default.name, by_default.cron_schedule) == ("monthly_refresh", "0 6 15 * *")
    monkeypatch.setenv("IAPT_SOURCE", "publisher")
    daily = make_schedule()
    assert (daily.name, daily.cron_schedule) == ("monthly_refresh", "15 10 * * *")
    assert by_default.execution_timezone == daily.execution_timezone == "Europe/London"
    assert by_default.default_status == daily.default_status == dg.DefaultScheduleStatus.STOPPED


def test_a_source_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAPT_SOURCE", "publishers")
    with pytest.raises(ValueError, match="IAPT_SOURCE: expected folder or publisher; found 'publishers'"):
        read_source_setting()


def test_a_named_folder_is_the_source_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IAPT_SOURCE", "publisher")
    workspace = Workspace(tmp_path)
    assert RefreshConfig(drops="inbox").find_source(workspace) == "folder"
    assert RefreshConfig().find_source(workspace) == "publisher"
    assert RefreshConfig(source="folder").find_source(workspace) == "folder"


def test_nothing_is_pulled_into_a_restricted_home(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.make_restricted()
    with pytest.raises(dg.Failure, match="nothing is pulled into it"):
        RefreshConfig(source="publisher").find_source(workspace)
