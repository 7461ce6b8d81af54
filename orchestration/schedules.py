"""Schedules: when the refresh runs by itself.

Where drops come from the publisher it has a tick a day. Between publications it rests; from the day on which one is
expected it looks at the publisher's pages, and requests a refresh when there is something to get. So three things look
different:

- the publisher is late: the tick is skipped and says what is awaited, and past the tolerance the check
  `publications_are_on_time` of the asset `publications` warns;
- the publisher's site cannot be read: the tick fails, with the reason;
- a publication is there and cannot be got, read or released: the run that was requested for it warns or fails.
"""

import time
from typing import Final

import dagster as dg

from iapt.discovery.results import DiscoveryResult
from iapt.ingest.due_publications import PublicationOutlook
from iapt.workspace import Workspace
from iapt.workspace_lock import is_locked
from iapt.workspace_state import RefreshRecord
from orchestration.assets.publications import PUBLICATIONS, check_on_time, check_pages, describe_announced
from orchestration.jobs import CONFIGURED_STEPS, refresh
from orchestration.pending_runs import find_pending_run
from orchestration.publisher_resource import TIMEZONE, PublisherResource
from orchestration.resources import RefreshConfig, SourceKind, read_source_setting

NAME: Final = "monthly_refresh"
#: The publisher opens its pages at 09:30, London time.
DAILY: Final = "15 10 * * *"
#: How many announcements a reason names.
ANNOUNCED_NAMED: Final = 3
_REASON_TAG: Final = "iapt/reason"


class PublisherUnreadableError(Exception):
    """Raised where the publisher's pages could not be read: the tick of the schedule fails."""


def make_schedule(source: SourceKind | None = None, cron: str = DAILY) -> dg.ScheduleDefinition:
    """Return the schedule of an installation that gets its drops from a folder, or from the publisher.

    By default the environment says from where; `cron` is when the publisher is looked at.
    """
    return _make_publisher_schedule(cron) if (source or read_source_setting()) == "publisher" else _FOLDER_SCHEDULE


# The monthly file comes out on a Thursday in the second week (docs/sources.md#publications); whoever puts files into a
# folder has done so by the 15th.
_FOLDER_SCHEDULE = dg.ScheduleDefinition(
    name=NAME,
    job=refresh,
    cron_schedule="0 6 15 * *",
    execution_timezone=TIMEZONE,
    description="Refresh from the drop folder on the 15th of every month.",
)


def _make_publisher_schedule(cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=NAME,
        job=refresh,
        cron_schedule=cron,
        execution_timezone=TIMEZONE,
        description=(
            "Every day: rest until the next publication is expected; from then on look at the publisher's pages, and "
            "refresh when there is something to get."
        ),
    )
    def decide(context: dg.ScheduleEvaluationContext, publisher: PublisherResource) -> dg.RunRequest | dg.SkipReason:
        """Request a refresh where there is something to get or to make good; else say what is waited for."""
        paths = publisher.workspace.paths
        by_this = {"dagster/schedule_name": NAME}
        if (pending := find_pending_run(context.instance, paths, time.time(), by_this)) is not None:
            return dg.SkipReason(f"run {pending}, which this schedule requested, is waiting or at work")
        outlook = publisher.find_outlook()
        if outlook.late:
            report_check(context.instance, check_on_time(outlook))
        if listed := publisher.list_to_be_tried():
            return _request(f"{len(listed)} listed files are not archived", discover=bool(outlook.awaited))
        if _has_failed(paths):
            return _request("the last refresh failed", discover=False)
        if not outlook.awaited:
            return dg.SkipReason(outlook.describe_rest())
        seen = publisher.look_for(outlook.awaited)
        if seen.failures:
            raise PublisherUnreadableError(
                f"{outlook.describe_awaited()}. The publisher's pages could not be read: {' '.join(seen.failures)}"
            )
        if seen.writable:
            found = ", ".join(publication.id for publication in seen.writable)
            return _request(f"the publisher's pages have {found}", discover=True)
        if seen.questions:
            report_check(context.instance, check_pages(seen))
        return dg.SkipReason(_describe_wait(outlook, seen))

    return decide


def _has_failed(workspace: Workspace) -> bool:
    """Whether the last refresh failed, or was killed: what it was to release is archived and not released."""
    record = RefreshRecord.load_if_present(workspace.last_refresh)
    return record is not None and (record.state == "failed" or (record.state == "running" and not is_locked(workspace)))


def report_check(instance: dg.DagsterInstance, result: dg.AssetCheckResult) -> None:
    """Record the result of a check of the publications, as a run would: none is needed to say that nothing came."""
    assert result.check_name is not None
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=PUBLICATIONS,
            check_name=result.check_name,
            passed=result.passed,
            severity=result.severity,
            description=result.description,
            metadata=result.metadata,
        )
    )


def _describe_wait(outlook: PublicationOutlook, seen: DiscoveryResult) -> str:
    """Say what is awaited, and what the publisher's pages say of it."""
    announced = [describe_announced(one) for one in seen.not_yet_published[:ANNOUNCED_NAMED]]
    pages = f"its pages announce {'; '.join(announced)}" if announced else "its pages do not announce it"
    questions = f", and leave {len(seen.questions)} questions (`iapt discover`)" if seen.questions else ""
    lateness = " It is late: see the check publications_are_on_time." if outlook.late else ""
    return f"{outlook.describe_awaited()}; {pages}{questions}. Looked at again tomorrow.{lateness}"


def _request(reason: str, *, discover: bool) -> dg.RunRequest:
    config = RefreshConfig(source="publisher", discover=discover)
    return dg.RunRequest(
        run_config=dg.RunConfig(ops=dict.fromkeys(CONFIGURED_STEPS, config)), tags={_REASON_TAG: reason[:250]}
    )
