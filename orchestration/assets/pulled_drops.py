"""Pulling as a step of a run: getting publications, what came of each, and the checks that say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import dagster as dg

from iapt.catalogue.publications import Publication
from iapt.pull.outcomes import OUTCOMES, PulledPublication, PullResult
from iapt.pull.pulling import PullProgress
from iapt.pull.reviews import read_reviews
from iapt.run_warnings import RunWarning
from iapt.workspace import Workspace
from iapt.workspace_state import FailedPull, FailedPulls, PulledDrop
from orchestration.assets.periods import describe_hold
from orchestration.check_events import LISTED_ARE_ARCHIVED, NO_DROP_IS_HELD
from orchestration.progress import ProgressReporter
from orchestration.publisher_resource import PublisherResource

#: Outcomes after which the archive still lacks what was asked for.
NOT_HAD: Final = frozenset({"by_hand", "failed", "not_asked"})
LISTED_ARE_ARCHIVED_DESCRIPTION: Final = (
    "Every listed publication that was asked for is archived. One that failed is tried again every day for a week, "
    "then once a week."
)
NO_DROP_IS_HELD_DESCRIPTION: Final = (
    "No drop waits for a person: one that shrank, lost organisations or measures, is damaged, or is of another period "
    "than listed, is archived and not used until it is accepted."
)


def pull(
    context: dg.AssetExecutionContext,
    publisher: PublisherResource,
    selected: Sequence[Publication],
    progress: ProgressReporter,
) -> list[PulledDrop]:
    """Get what the archive lacks of some publications, and say of each what came of it.

    Raises dg.Failure where nothing at all could be had: then the way to the publisher is broken.
    """

    def report(pulled: PulledPublication, done: int, total: int) -> None:
        progress.report(f"pulling: {pulled.publication.id}", done, total)
        if pulled.outcome != "unchanged":
            log = context.log.warning if pulled.outcome in NOT_HAD | {"held", "withdrawn"} else context.log.info
            log(f"{pulled.publication.id} {OUTCOMES[pulled.outcome]}: {pulled.detail or pulled.publication.file_name}")

    progress.report("asking the publisher", 0, len(selected))
    result = publisher.pull(selected, PullProgress(report_outcome=report))
    context.log.info(f"pulled: {result.describe_counts()}")
    _record_failures(publisher.workspace.paths, result, publisher.find_today())
    drops = [_describe_outcome(pulled) for pulled in result.pulled]
    failed = [drop for drop in drops if drop.outcome in NOT_HAD]
    if failed and len(failed) == len(drops):
        raise dg.Failure(
            f"Nothing could be had from the publisher; {len(failed)} files were to be got. The first: "
            f"{failed[0].publication}: {failed[0].detail}"
        )
    return drops


def _describe_outcome(pulled: PulledPublication) -> PulledDrop:
    publication = pulled.publication
    return PulledDrop(
        publication=publication.id,
        series=publication.series,
        period=publication.period,
        revision=publication.revision,
        outcome=pulled.outcome,
        address=publication.file or "",
        sha256=pulled.sha256,
        bytes=pulled.bytes,
        bytes_received=pulled.bytes_received,
        http_status=pulled.http_status,
        comparison=pulled.comparison.describe() if pulled.comparison is not None else "",
        detail=pulled.detail,
    )


def _record_failures(workspace: Workspace, result: PullResult, today: dt.date) -> None:
    """Write down which files could not be had, and since when; those that were had are taken off."""
    before = (FailedPulls.load_if_present(workspace.failed_pulls) or FailedPulls()).files
    files: dict[str, FailedPull] = dict(before)
    for one in result.pulled:
        address = one.publication.file or ""
        if one.outcome in ("by_hand", "failed"):
            earlier = before.get(address)
            files[address] = FailedPull(
                publication=one.publication.id,
                outcome=one.outcome,
                detail=one.detail,
                first_failed_on=earlier.first_failed_on if earlier is not None else today,
                last_tried_on=today,
            )
        elif one.outcome != "not_asked":
            files.pop(address, None)
    if files != before:
        FailedPulls(files=files).write(workspace.failed_pulls)


def check_listed_are_archived(asset: dg.AssetKey, pulled: Sequence[PulledDrop]) -> dg.AssetCheckResult:
    """Warn of publications that were asked for and could not be had; the others are released without them."""
    failed = [drop for drop in pulled if drop.outcome in NOT_HAD]
    is_by_hand = any(drop.outcome == "by_hand" for drop in failed)
    by_hand = (
        "Get those that are refused in a browser and put them into `inbox` of the home: the next pull takes them. "
    )
    warning = RunWarning.of(
        LISTED_ARE_ARCHIVED,
        asset.to_user_string(),
        "expected every listed publication in the archive; not had",
        [f"{drop.publication} ({drop.detail})" for drop in failed],
        f"{by_hand if is_by_hand else ''}The next pull tries again.",
    )
    return dg.AssetCheckResult(
        check_name=LISTED_ARE_ARCHIVED,
        asset_key=asset,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(warning) if failed else None,
        metadata={"asked for": len(pulled), "not had": len(failed)},
    )


def check_no_drop_is_held(asset: dg.AssetKey, workspace: Workspace) -> dg.AssetCheckResult:
    """Warn of drops that wait for a person, with the reasons and the commands."""
    held = {sha256: review for sha256, review in read_reviews(workspace).reviews.items() if review.state == "held"}
    warning = RunWarning.of(
        NO_DROP_IS_HELD,
        asset.to_user_string(),
        "archived and not used until a person decides",
        [describe_hold(sha256, review) for sha256, review in held.items()],
        "Look at the file and its page, accept or reject it, and refresh.",
    )
    return dg.AssetCheckResult(
        check_name=NO_DROP_IS_HELD,
        asset_key=asset,
        passed=not held,
        severity=dg.AssetCheckSeverity.WARN,
        description=str(warning) if held else None,
        metadata={"held": len(held)},
    )


def count_outcomes(pulled: Sequence[PulledDrop]) -> dict[str, Any]:
    """Return, as metadata, how many publications had each outcome, and the bytes that came."""
    counts = {words: sum(drop.outcome == outcome for drop in pulled) for outcome, words in OUTCOMES.items()}
    return {
        **{words: count for words, count in counts.items() if count},
        "bytes received": sum(drop.bytes_received for drop in pulled),
    }
