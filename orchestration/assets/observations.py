"""The asset of observations: every archived drop read once, and what came of reading it."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from iapt.catalogue.gaps import Gap
from iapt.ingest.drop_reading import ReadResult, find_name_conflicts, list_drops_of_period, read_archived_drops
from iapt.ingest.notices import SEPARATOR, format_notice, group_notices
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.periods import find_period_starting, parse_period_label
from iapt.rejection import DropRejectedError
from iapt.workspace_state import IngestRecord, ReadRecord, Rejection, record_ingested_fingerprint
from orchestration.assets.drops import ARCHIVED_DROPS, DROPS_BY_GRAIN, describe_gap, describe_period
from orchestration.check_events import EVERY_DROP_IS_READ, PARAGRAPH
from orchestration.progress import ProgressReporter
from orchestration.resources import RefreshConfig, WorkspaceResource

OBSERVATIONS = dg.AssetKey("observations")


@dg.asset(
    key=OBSERVATIONS,
    deps=[ARCHIVED_DROPS],
    group_name="drops",
    kinds={"parquet"},
    description="One Parquet file for each archived drop, a row for each published cell; written once.",
    check_specs=[
        dg.AssetCheckSpec(
            EVERY_DROP_IS_READ,
            asset=OBSERVATIONS,
            description=(
                "Every drop in the folder was read in full; a rejected one is listed with its reason and not used."
            ),
        )
    ],
)
def observations(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    workspace: WorkspaceResource,
    progress: dg.ResourceParam[ProgressReporter],
) -> Iterator[dg.MaterializeResult[Any]]:
    """Read every archived drop that is not read under today's reader and layouts."""
    paths, catalogue = workspace.paths, workspace.load_catalogue()
    ingested = IngestRecord.load(paths.ingest_record)
    reading = read_archived_drops(
        workspace.drop_store,
        workspace.observation_store,
        catalogue,
        ingested.origin,
        progress.report,
        workspace.list_unused_drops(),
    )
    offered = set(ingested.offered)
    rejected = [rejection for _, rejection in ingested.rejected]
    rejected += [rejection for drop, rejection in reading.rejected if drop.sha256 in offered]
    rejected += find_name_conflicts(ingested.other_names, reading.usable, catalogue)
    record = ReadRecord(
        read=len(reading.read),
        known=len(reading.known),
        usable=tuple(drop.sha256 for drop, _ in reading.usable),
        rejected=tuple(rejected),
        notices=tuple(_describe_notices(reading, count_cells=not paths.is_restricted)),
    )
    record.write(paths.read_record)
    record_ingested_fingerprint(paths, config.folder(paths), ingested.folder_fingerprint)
    context.log.info(f"{record.read} drops read, {record.known} known from before, {len(rejected)} rejected")
    for rejection in rejected:
        context.log.warning(f"rejected {DropRejectedError(**rejection)}")
    for line in record.notices:
        context.log.info(f"notice: {line}")
    if reading.read:
        replaced = find_wholly_replaced_drops(reading.usable, workspace.observation_store, catalogue)
        _record_periods(context, reading, catalogue.gaps, replaced)
    yield dg.MaterializeResult(
        metadata={"drops read": record.read, "drops known": record.known, "drops rejected": len(rejected)},
        check_results=[_check_every_drop_is_read(rejected, record.notices)],
    )


def _check_every_drop_is_read(rejected: Sequence[Rejection], notices: Sequence[str]) -> dg.AssetCheckResult:
    """Warn of rejected drops; the others are released without them."""
    reasons = [str(DropRejectedError(**rejection)) for rejection in rejected]
    return dg.AssetCheckResult(
        check_name=EVERY_DROP_IS_READ,
        asset_key=OBSERVATIONS,
        passed=not reasons,
        severity=dg.AssetCheckSeverity.WARN,
        description=PARAGRAPH.join(reasons) or None,
        metadata={"rejected drops": to_markdown_list(reasons), "notices": to_markdown_list(notices)},
    )


def to_markdown_list(lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Return lines as a list for Dagster's UI."""
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines) or "none")


def _describe_notices(reading: ReadResult, *, count_cells: bool) -> list[str]:
    """Say what of the usable drops was left unread or mended, and why cells were quarantined: a line for each kind."""
    notices: list[tuple[str, str]] = []
    for drop, summary in reading.usable:
        notices += [(drop.file, text) for text in summary.notices]
        for reason, cells in (part for table in summary.tables for part in table.quarantined.items()):
            what = f"quarantined, since {reason.replace(SEPARATOR, ', ')}"
            notices.append((drop.file, format_notice(what, f"{cells:,} cells" if count_cells else "")))
    return group_notices(notices)


def _record_periods(
    context: dg.AssetExecutionContext, reading: ReadResult, gaps: Sequence[Gap], replaced: Collection[str]
) -> None:
    """Record, for lineage, every period that a drop read now publishes, and every gap: a success that says so."""
    newly_read = set(reading.read)
    for grain, key in DROPS_BY_GRAIN.items():
        starts = {
            first
            for drop, summary in reading.usable
            if drop.sha256 in newly_read
            for table in summary.tables
            if table.period_grain == grain
            for first, _ in table.coverage
        }
        for start in sorted(starts):
            period = find_period_starting(date.fromisoformat(start), grain)
            drops = list_drops_of_period(reading.usable, grain, start)
            metadata = describe_period(period.label if period else start, drops, replaced)
            context.log_event(dg.AssetMaterialization(asset_key=key, partition=start, metadata=metadata))
    for gap in gaps:
        period = parse_period_label(gap.period)
        context.log_event(
            dg.AssetMaterialization(
                asset_key=DROPS_BY_GRAIN[period.grain],
                partition=period.start.isoformat(),
                metadata=describe_gap(gap),
            )
        )
