"""From the schedule to a release, without hands: a publication appears, is got, read, released, and recorded."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from iapt.discovery.page_dates import PageDate
from iapt.discovery.results import DiscoveryResult, Proposal, UpcomingPublication
from iapt.ingest.listed_publications import load_publications
from iapt.pull.reviews import read_reviews
from iapt.sources.remote_files import UnavailableError
from iapt.workspace import Workspace
from iapt.workspace_state import BuildInputs, FailedPulls
from orchestration.assets.drops import ARCHIVED_DROPS, DROPS_BY_GRAIN
from orchestration.assets.publications import PUBLICATIONS
from orchestration.check_events import LISTED_ARE_ARCHIVED, NO_DROP_IS_HELD, PAGES_ARE_UNDERSTOOD
from orchestration.definitions import build_definitions
from orchestration.jobs import CONFIGURED_STEPS
from orchestration.last_refresh import read_record
from orchestration.resources import RefreshConfig, WorkspaceResource
from orchestration.schedules import make_schedule
from tests.factories.drops import FINISHED, Body, make_monthly_csv, make_row
from tests.factories.publisher_home import MadePublisher, make_known_rows, write_catalogue
from tests.factories.publisher_home import make_row as make_listed
from tests.factories.pull_home import FakeSource

MONTHLY = DROPS_BY_GRAIN["month"]
APRIL = make_listed("monthly", "2026-04", file="https://files.digital.nhs.uk/23/8B45A4/iapt_month_apr_2026.csv")
MAY = make_listed("monthly", "2026-05", file="https://files.digital.nhs.uk/50/96081C/iapt_month_may_2026.csv")
EXPECTED = dt.date(2026, 7, 9)  # of May


def make_request(*, discover: bool = False) -> dg.RunRequest:
    """What a person asks for in the UI: a refresh from the publisher."""
    config = RefreshConfig(source="publisher", discover=discover)
    return dg.RunRequest(run_config=dg.RunConfig(ops=dict.fromkeys(CONFIGURED_STEPS, config)))


def make_month(start: str, end: str, *values: str) -> bytes:
    days = {"start": start, "end": end}
    providers = [Body(f"ZZ-P{number}", f"Service number {number}") for number in range(11, 11 + len(values))]
    rows = [make_row(value, provider=provider, **days) for provider, value in zip(providers, values, strict=True)]
    return make_monthly_csv(make_row("125", **days), make_row("*", measure=FINISHED, **days), *rows)


IN_APRIL = make_month("01/04/2026", "30/04/2026", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70")
IN_MAY = make_month("01/05/2026", "31/05/2026", "25", "30", "35", "40", "45", "50", "55", "60", "65", "70")
SHRUNK = make_month("01/05/2026", "31/05/2026", "25", "30")


class Installation:
    """A home, its publisher, and what its daemon would do on a day: a tick of the schedule, and the run it requests."""

    def __init__(self, folder: Path) -> None:
        rows = [APRIL, *(row for row in make_known_rows(dt.date(2026, 6, 30)) if row.key != APRIL.key)]
        self.workspace = Workspace(folder / "home")
        self.workspace.root.mkdir()
        self.resource = WorkspaceResource(
            root=str(self.workspace.root),
            catalogue=str(write_catalogue(folder / "catalogue", rows, data_origin="published")),
            wait_seconds=0,
        )
        self.source = FakeSource()
        self.publisher = MadePublisher(EXPECTED, self.source)
        (folder / "dagster").mkdir()
        self.instance = dg.DagsterInstance.local_temp(
            str(folder / "dagster"), overrides={"telemetry": {"enabled": False}}
        )

    @property
    def publisher_resource(self) -> Any:
        return self.publisher.make_resource(self.resource)

    def tick(self, today: dt.date) -> dg.RunRequest | dg.SkipReason:
        self.publisher.today = today
        with dg.build_schedule_context(
            instance=self.instance, resources={"publisher": self.publisher_resource}
        ) as context:
            answer = make_schedule("publisher")(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    def run(self, request: dg.RunRequest | dg.SkipReason) -> dg.ExecuteInProcessResult:
        assert isinstance(request, dg.RunRequest)
        definitions = build_definitions(self.resource, publisher=self.publisher_resource)
        return definitions.resolve_job_def("refresh").execute_in_process(
            run_config=dict(request.run_config),
            instance=self.instance,
            tags={"dagster/schedule_name": "monthly_refresh"},
            raise_on_error=False,
        )

    def materialise(self, key: dg.AssetKey, **partitions: Any) -> dg.ExecuteInProcessResult:
        definitions = build_definitions(self.resource, publisher=self.publisher_resource)
        return definitions.get_implicit_global_asset_job_def().execute_in_process(
            asset_selection=[key],
            instance=self.instance,
            run_config={"ops": {key.path[-1]: {"config": {"source": "publisher"}}}},
            raise_on_error=False,
            **partitions,
        )

    def partition(self, key: dg.AssetKey, start: str) -> dict[str, Any]:
        """What the newest record of a partition says."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(key, asset_partitions=[start]), limit=1
        ).records
        materialization = records[0].asset_materialization if records else None
        return {name: value.value for name, value in materialization.metadata.items()} if materialization else {}

    def check(self, key: dg.AssetKey, name: str) -> dg.AssetCheckEvaluation:
        check = dg.AssetCheckKey(key, name)
        (record,) = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([check]).values()
        assert record.event is not None
        assert record.event.dagster_event is not None
        return record.event.dagster_event.asset_check_evaluation_data


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation after the month that its publication of May was awaited, late, published and released in."""
    made = Installation(tmp_path_factory.mktemp("month"))
    made.source.put(APRIL, IN_APRIL)
    assert made.run(made.tick(dt.date(2026, 7, 1))).success
    return made


def test_a_month_from_the_first_refresh_to_the_release_of_the_next_publication(month: Installation) -> None:
    first = read_record(month.workspace)
    assert first is not None
    assert (first.state, first.started_by) == ("released", "the schedule monthly_refresh")

    rest = month.tick(EXPECTED - dt.timedelta(days=1))
    assert isinstance(rest, dg.SkipReason)
    assert "nothing is due" in str(rest.skip_message)

    title = "Performance May 2026"
    month.publisher.pages = DiscoveryResult(
        not_yet_published=[UpcomingPublication(title, "", ("monthly",), ("2026-05",), PageDate(2026, 7, 16))]
    )
    wait = month.tick(EXPECTED)
    assert isinstance(wait, dg.SkipReason)
    assert "its pages announce Performance May 2026" in str(wait.skip_message)

    month.publisher.pages = DiscoveryResult(proposals=[Proposal(MAY, "new", "https://digital.nhs.uk/may", "listed")])
    month.source.put(MAY, IN_MAY)
    assert month.run(month.tick(dt.date(2026, 7, 16))).success
    record = read_record(month.workspace)
    assert record is not None
    assert record.state == "released"
    assert record.released != first.released
    assert record.drops_read == 1

    metadata = month.partition(MONTHLY, "2026-05-01")
    assert metadata["status"] == "published"
    assert metadata["address"] == MAY.file
    assert metadata["status code"] == 200
    assert metadata["bytes"] == len(IN_MAY)
    assert len(metadata["sha256"]) == 64
    assert metadata["revision"] == 1
    assert "first issue" in metadata["comparison"]
    publications, discovered = load_publications(month.workspace, month.resource.load_catalogue())
    assert MAY.id in discovered
    assert publications.find(MAY.id) is not None
    assert month.partition(DROPS_BY_GRAIN["quarter"], "2020-07-01")["status"] == "not_published"
    assert month.check(PUBLICATIONS, PAGES_ARE_UNDERSTOOD).passed

    month.publisher.pages = DiscoveryResult()
    rest = month.tick(dt.date(2026, 7, 17))
    assert isinstance(rest, dg.SkipReason)
    assert "2026-06 is expected on 13 August 2026" in str(rest.skip_message)


def test_a_gap_is_recorded_once_so_that_its_asset_does_not_look_fresh(month: Installation) -> None:
    key = dg.AssetRecordsFilter(DROPS_BY_GRAIN["quarter"], asset_partitions=["2020-07-01"])
    assert len(month.instance.fetch_materializations(key, limit=10).records) == 1


def test_one_period_is_backfilled_by_its_partition(tmp_path: Path) -> None:
    made = Installation(tmp_path)
    made.source.put(APRIL, IN_APRIL)
    assert made.materialise(MONTHLY, partition_key="2026-04-01").success
    metadata = made.partition(MONTHLY, "2026-04-01")
    assert (metadata["address"], metadata["status code"]) == (APRIL.file, 200)
    assert made.source.fetched == [(APRIL.file, None)]
    assert made.materialise(MONTHLY, partition_key="2026-04-01").success  # read again, and not asked for again
    assert len(made.source.fetched) == 1


def test_what_cannot_be_had_fails_the_partition_with_the_reason_and_is_remembered(tmp_path: Path) -> None:
    made = Installation(tmp_path)
    assert APRIL.file is not None
    made.source.put(APRIL, UnavailableError(APRIL.file, "the file", "HTTP 503", "Try again later."))
    result = made.materialise(MONTHLY, partition_key="2026-04-01")
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    user_failure = failure.step_failure_data.user_failure_data
    assert user_failure is not None
    assert "Nothing could be had from the publisher" in str(user_failure.description)
    assert "HTTP 503" in str(user_failure.description)
    assert FailedPulls.load(made.workspace.failed_pulls).files[APRIL.file].first_failed_on == EXPECTED
    assert not made.run(make_request()).success


def test_a_held_drop_and_a_file_that_fails_are_warned_of_and_the_others_are_released(month: Installation) -> None:
    file = "https://files.digital.nhs.uk/C0/FFEE00/iapt_month_may_2026_v2.csv"
    again = make_listed("monthly", "2026-05", revision=2, file=file, supersedes=MAY.file)
    june = make_listed("monthly", "2026-06", file="https://files.digital.nhs.uk/77/000000/iapt_month_jun_2026.csv")
    month.publisher.pages = DiscoveryResult(
        proposals=[Proposal(again, "re-issued", "", "listed again"), Proposal(june, "new", "", "listed")]
    )
    month.source.put(again, SHRUNK)
    assert month.run(make_request(discover=True)).success

    metadata = month.partition(MONTHLY, "2026-05-01")
    assert metadata["status"] == "published"  # by the first issue, which stands
    assert metadata["address"] == MAY.file
    assert "iapt accept " in metadata["held"]
    held = month.check(ARCHIVED_DROPS, NO_DROP_IS_HELD)
    assert not held.passed
    assert "iapt accept " in (held.description or "")
    (held_sha256,) = read_reviews(month.workspace).reviews
    assert held_sha256 not in BuildInputs.load(month.workspace.built).drops

    failed = month.check(ARCHIVED_DROPS, LISTED_ARE_ARCHIVED)
    assert not failed.passed
    assert june.id in (failed.description or "")
    record = read_record(month.workspace)
    assert record is not None
    assert record.failure is None
    for check in (NO_DROP_IS_HELD, LISTED_ARE_ARCHIVED):
        assert any(check in warning for warning in record.warnings)


def test_pages_that_cannot_be_read_are_a_warning_where_something_else_is_to_be_had(month: Installation) -> None:
    month.publisher.pages = DiscoveryResult(failures=["https://digital.nhs.uk: expected a page; found HTTP 503."])
    assert month.run(make_request(discover=True)).success  # the file of June is left to get
    check = month.check(PUBLICATIONS, PAGES_ARE_UNDERSTOOD)
    assert not check.passed
    assert "HTTP 503" in (check.description or "")


def test_pages_that_cannot_be_read_fail_the_run_where_nothing_else_is_to_be_had(tmp_path: Path) -> None:
    made = Installation(tmp_path)
    made.source.put(APRIL, IN_APRIL)
    assert made.materialise(MONTHLY, partition_key="2026-04-01").success
    made.publisher.pages = DiscoveryResult(failures=["https://digital.nhs.uk: expected a page; found HTTP 503."])
    assert not made.run(make_request(discover=True)).success
    record = read_record(made.workspace)
    assert record is not None
    assert record.state == "failed"
    assert "The publisher's pages could not be read" in (record.failure or "")
