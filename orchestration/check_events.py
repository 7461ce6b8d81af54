"""The results of the checks of a run in Dagster's event log, and the warnings among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import dagster as dg

#: The checks that every run of the refresh makes, also where nothing is new.
EVERY_DROP_IS_READ: Final = "every_drop_is_read"
PUBLICATIONS_ARE_ON_TIME: Final = "publications_are_on_time"
PAGES_ARE_UNDERSTOOD: Final = "pages_are_understood"
LISTED_ARE_ARCHIVED: Final = "listed_publications_are_archived"
NO_DROP_IS_HELD: Final = "no_drop_is_held"
CHECKS_OF_EVERY_RUN: Final = frozenset(
    {EVERY_DROP_IS_READ, PUBLICATIONS_ARE_ON_TIME, PAGES_ARE_UNDERSTOOD, LISTED_ARE_ARCHIVED, NO_DROP_IS_HELD}
)
#: Between the warnings of one check.
PARAGRAPH: Final = "\n\n"


def is_warning(check: dg.AssetCheckResult | dg.AssetCheckEvaluation) -> bool:
    """Whether a check has a finding that stops nothing."""
    return not check.passed and check.severity == dg.AssetCheckSeverity.WARN


def collect_warnings(evaluations: Iterable[dg.AssetCheckEvaluation], exclude_checks: Collection[str] = ()) -> list[str]:
    """Return the text of each warning of a run once, as the checks have it.

    `exclude_checks` are checks whose warnings are shown in another place.
    """
    warnings: list[str] = []
    for check in evaluations:
        if is_warning(check) and check.check_name not in exclude_checks:
            fallback = f"{check.check_name} ({check.asset_key.to_user_string()})"
            warnings += (check.description or fallback).split(PARAGRAPH)
    return list(dict.fromkeys(warnings))


def read_run_events(
    instance: dg.DagsterInstance, run_id: str, kinds: Collection[dg.DagsterEventType]
) -> Iterator[dg.DagsterEvent]:
    """Yield the events of some kinds of a run, in order."""
    for entry in instance.all_logs(run_id, of_type=set(kinds)):
        if entry.dagster_event is not None:
            yield entry.dagster_event


def read_check_evaluations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """Return the result of every check of a run; nothing where the run is not on record any more."""
    kinds = {dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    if not instance.has_run(run_id):
        return []
    return [event.asset_check_evaluation_data for event in read_run_events(instance, run_id, kinds)]
