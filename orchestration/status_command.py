"""`iapt status`: what a home holds, what is missing of what the publisher has published, and the latest release."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Final, get_args

import typer
from rich.table import Table

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.completeness import PublicationState, State, assess_workspace
from iapt.ingest.drop_reading import list_current_rejections
from iapt.ingest.home_origin import find_home_origin
from iapt.ingest.listed_publications import FoundPublicationsError
from iapt.ingest.observation_store import DropSummary, ObservationStore
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.ingest.remote_archive import open_archive
from iapt.ingest.series_summaries import SeriesSummary, summarise_series
from iapt.periods import format_day
from iapt.pull.reviews import list_unused_drops
from iapt.refresh_planning import RefreshOutlook, describe_affected, find_outlook, select_usable
from iapt.run_warnings import list_first, make_printable
from iapt.workspace import CATALOGUE, Workspace
from iapt.workspace_lock import is_locked
from iapt.workspace_state import RefreshPlan, RefreshRecord, Rejection, read_manifest
from orchestration.console import err, out
from orchestration.last_refresh import describe_state, read_record
from orchestration.result_printing import describe_rejection, print_notices, print_release, print_warnings

#: How many periods of a series a line names: the newest.
PERIODS_NAMED: Final = 3
#: The digits by which a held drop is named to `iapt accept`.
DIGITS: Final = 12


@dataclass(frozen=True)
class HomeStatus:
    """What a home holds and what is missing of it.

    `read` are the drops that are read in full under today's layouts. `publications` are empty in a home of restricted
    counts, and where the home's own list cannot be read, for the reason in `problem`. `plan` is that of the last
    refresh, and `outlook` what one would do now; None while one is at work, and where there is nothing to build from.
    """

    drops: Sequence[ArchivedDrop]
    read: Sequence[tuple[ArchivedDrop, DropSummary]]
    unread: int
    series: Sequence[SeriesSummary]
    rejections: Sequence[tuple[ArchivedDrop, Rejection]]
    publications: Sequence[PublicationState]
    is_pulled_into: bool
    plan: RefreshPlan | None
    outlook: RefreshOutlook | None
    problem: str = ""


def read_status(workspace: Workspace, today: dt.date, catalogue: Catalogue | None = None) -> HomeStatus:
    """Return what a home holds, and what became of each publication by a day."""
    catalogue = catalogue or Catalogue(CATALOGUE)
    observations, archive = ObservationStore(workspace.observations), open_archive(workspace)
    drops = list(archive)
    summaries = [(drop, observations.read_summary(drop.sha256, catalogue)) for drop in drops]
    read = [(drop, summary) for drop, summary in summaries if summary is not None and not summary.rejection]
    origin = find_home_origin(workspace, archive)
    publications: list[PublicationState] = []
    problem = ""
    try:
        publications = assess_workspace(workspace, catalogue, today)
    except FoundPublicationsError as error:
        problem = str(error)
    return HomeStatus(
        drops=drops,
        read=read,
        unread=sum(summary is None for _, summary in summaries),
        series=summarise_series(read, find_wholly_replaced_drops(read, observations, catalogue)),
        rejections=list_current_rejections(drops, observations, catalogue),
        publications=publications,
        is_pulled_into=origin in (None, catalogue.publisher.data_origin),
        plan=RefreshPlan.load_if_present(workspace.refresh_plan),
        outlook=None if problem else _find_outlook(workspace, catalogue, summaries, origin),
        problem=problem,
    )


def _find_outlook(
    workspace: Workspace,
    catalogue: Catalogue,
    summaries: Sequence[tuple[ArchivedDrop, DropSummary | None]],
    origin: str | None,
) -> RefreshOutlook | None:
    if origin is None or is_locked(workspace):
        return None
    unused = list_unused_drops(workspace, catalogue)
    read = [(drop, summary) for drop, summary in summaries if summary is not None and not summary.rejection]
    unread = sum(summary is None and drop.origin == origin and drop.sha256 not in unused for drop, summary in summaries)
    return find_outlook(workspace, catalogue, select_usable(read, unused, origin), unread)


def print_status(workspace: Workspace, today: dt.date, *, as_json: bool = False) -> None:
    """Print what a home holds, what is missing, what came of the last refresh, and the latest release."""
    record, status = read_record(workspace), read_status(workspace, today)
    if as_json:
        typer.echo(json.dumps(_to_json(workspace, status, record, today), indent=1, ensure_ascii=False))
        return
    _print_archive(status, record.rejected if record else [])
    if not status.drops and record is None:
        listed = sum(state.state == "missing" and _has_address(state) for state in status.publications)
        begin = f"iapt pull, which gets the {listed} files that are listed, or: " if listed else ""
        out.print(
            f"No drop is archived in {workspace.root}. Begin with: {begin}iapt refresh --drops PATH", markup=False
        )
        return
    _print_completeness(status)
    if record is not None:
        out.print(describe_state(record, is_running=is_locked(workspace)), markup=False)
        if record.log:
            out.print(f"In full: {workspace.logs / record.log}", markup=False)
        print_warnings(record.warnings)
        print_notices(record.notices)
    if status.plan is not None and status.plan.build:
        affected = describe_affected(status.plan.affected, is_full=status.plan.is_full)
        out.print(f"It planned to make {affected}", markup=False)
    if status.outlook is not None:
        out.print(status.outlook.describe(), markup=False)
    if read_manifest(workspace.latest) is not None:
        print_release(workspace, "The latest release is")
    else:
        out.print("Nothing has been released yet.")


def _print_archive(status: HomeStatus, rejected: Sequence[Rejection]) -> None:
    """Print what the archived drops hold, and the rejected ones; `rejected` are those of the last refresh."""
    table = Table("origin", "series", "drops", "first period", "last period", "cells", "quarantined", box=None)
    for series in status.series:
        replaced = f" + {series.replaced} replaced" if series.replaced else ""
        periods = (series.first_period, series.last_period)
        cells = (f"{series.cells:,}", f"{series.quarantined:,}")
        table.add_row(series.origin, series.series, f"{series.drops}{replaced}", *periods, *cells)
    if status.drops:
        out.print(table)
    if status.unread:
        out.print(
            f"{status.unread} drops are archived and not read under today's layouts; the next refresh reads them."
        )
    for rejection in rejected:
        out.print(f"rejected: {describe_rejection(rejection)}", markup=False)
    if earlier := [drop.file for drop, rejection in status.rejections if rejection not in rejected]:
        names = list_first(earlier, len(earlier))
        out.print(f"rejected earlier, and not offered to the last refresh: {names}", markup=False)


def _print_completeness(status: HomeStatus) -> None:
    """Print how many publications of each series are there, missing or late, which, and what to do."""
    if status.problem:
        err.print(status.problem, markup=False)
    states = [state for state in status.publications if state.state != "not_pulled"]
    if not states:
        return
    counts = {series: Counter(state.state for state in group) for series, group in groupby(states, _get_series)}
    shown = [state for state in get_args(State) if any(count[state] for count in counts.values())]
    table = Table("publications of", *(state.replace("_", " ") for state in shown), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for series, count in counts.items():
        table.add_row(series, *(f"{count[state]:,}" if count[state] else "" for state in shown))
    out.print(table)
    late, expected, missing = (
        [state for state in states if state.state == kind] for kind in ("late", "expected", "missing")
    )
    _print_named("late", late, _describe_late, "iapt discover", status)
    _print_named("expected", expected, _describe_expected, "", status)
    _print_named("missing", list(filter(_has_address, missing)), _describe_period, "iapt pull", status)
    unknown = [state for state in missing if not _has_address(state)]
    _print_named("missing, and no address known", unknown, _describe_period, "iapt discover", status)
    for state in (state for state in states if state.is_pending and state.state == "held"):
        assert state.drop is not None  # what waits for a decision is a drop
        sha256, reason = state.drop.sha256[:DIGITS], make_printable(state.reason)
        out.print(f"held: {state.series} {state.period}, {make_printable(state.drop.file)}: {reason}", markup=False)
        out.print(f"  iapt accept {sha256}   or   iapt reject {sha256}", markup=False)
    if never := sum(state.state == "not_pulled" for state in status.publications):
        out.print(f"{never} more files are listed and never fetched: nothing of theirs is read.")


def _print_named(
    word: str,
    states: Sequence[PublicationState],
    describe: Callable[[PublicationState], str],
    remedy: str,
    status: HomeStatus,
) -> None:
    """Print the newest few of each series, and the command that helps in a home that is pulled into."""
    parts = []
    for series, group in groupby(states, _get_series):
        of_series = list(group)
        more = f" and {len(of_series) - PERIODS_NAMED} more" if len(of_series) > PERIODS_NAMED else ""
        parts.append(f"{series} {', '.join(map(describe, of_series[:PERIODS_NAMED]))}{more}")
    if parts:
        help_text = f": {remedy}" if remedy and status.is_pulled_into else ""
        out.print(f"{word}: {'; '.join(parts)}{help_text}", markup=False)


def _get_series(state: PublicationState) -> str:
    return state.series


def _has_address(state: PublicationState) -> bool:
    return state.publication is not None and state.publication.file is not None


def _describe_period(state: PublicationState) -> str:
    return state.period


def _describe_late(state: PublicationState) -> str:
    return f"{state.period} ({state.days_late} days)"


def _describe_expected(state: PublicationState) -> str:
    return f"{state.period} on {format_day(state.expected_on)}" if state.expected_on else state.period


def _to_json(workspace: Workspace, status: HomeStatus, record: RefreshRecord | None, today: dt.date) -> dict[str, Any]:
    """Return the status as plain data, for programs."""
    manifest = read_manifest(workspace.latest)
    return {
        "home": str(workspace.root),
        "as_of": today.isoformat(),
        "is_running": is_locked(workspace),
        "series": [asdict(series) for series in status.series],
        "publications": [_describe_publication(state) for state in status.publications],
        "last_refresh": record.model_dump(mode="json") if record else None,
        "last_plan": _describe_plan(status.plan) if status.plan else None,
        "next_refresh": _describe_outlook(status.outlook) if status.outlook else None,
        "release": {key: manifest[key] for key in ("release_id", "data_origin")} if manifest else None,
    }


def _describe_plan(plan: RefreshPlan) -> dict[str, Any]:
    return {
        "action": plan.action,
        "reason": plan.reason,
        "is_full": plan.action == "build" and plan.is_full,
        "affected_periods": [period.model_dump(mode="json") for period in plan.affected],
    }


def _describe_outlook(outlook: RefreshOutlook) -> dict[str, Any]:
    return {
        "action": "build" if outlook.is_build else "keep_release",
        "drop_folder_has_changed": outlook.has_folder_changed,
        "drops_to_read": outlook.unread,
        "is_full": outlook.is_full,
        "affected_periods": [period.model_dump(mode="json") for period in outlook.affected],
    }


def _describe_publication(state: PublicationState) -> dict[str, Any]:
    return {
        "id": state.id,
        "series": state.series,
        "first_period": state.first_period.label,
        "period": state.period,
        "revision": state.revision,
        "status": state.status,
        "state": state.state,
        "reason": state.reason,
        "listed": state.listed,
        "expected_on": state.expected_on.isoformat() if state.expected_on else None,
        "days_late": state.days_late,
        "waits_for_a_decision": state.is_pending,
        "address": state.publication.file if state.publication else None,
        "file": state.file_name or None,
        "drop_sha256": state.drop.sha256 if state.drop else None,
        "superseded_by": state.superseded_by or None,
    }
