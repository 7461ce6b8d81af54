"""The asset of observations: every archived drop read once, and what came of reading it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import dagster as dg

from iapt.ingest.drop_reading import ReadResult, find_name_conflicts, read_archived_drops
from iapt.ingest.notices import SEPARATOR, format_notice, group_notices
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.periods import parse_period_label
from iapt.pull.outcomes import NEW
from iapt.rejection import DropRejectedError
from iapt.workspace import Workspace
from iapt.workspace_state import BuildInputs, IngestRecord, ReadRecord, Rejection, record_ingested_fingerprint
from orchestration.assets.checks import to_markdown_list
from orchestration.assets.drops import ARCHIVED_DROPS, DROPS_BY_GRAIN
from orchestration.assets.periods import Metadata, PeriodDescriber
from orchestration.check_events import EVERY_DROP_IS_READ, PARAGRAPH
from orchestration.progress import ProgressReporter
from orchestration.publisher_resource import PublisherResource
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
    publisher: PublisherResource,
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
    # Pulling reads a drop to compare it with what was there.
    read_now = set(reading.read) | {drop.sha256 for drop in ingested.pulled if drop.outcome in NEW}
    record = ReadRecord(
        read=len(read_now),
        known=len(set(reading.known) - read_now),
        usable=tuple(drop.sha256 for drop, _ in reading.usable),
        rejected=tuple(rejected),
        notices=tuple(_describe_notices(reading, count_cells=not paths.is_restricted)),
    )
    record.write(paths.read_record)
    if ingested.folder_fingerprint:
        record_ingested_fingerprint(paths, config.folder(paths), ingested.folder_fingerprint)
    context.log.info(f"{record.read} drops read, {record.known} known from before, {len(rejected)} rejected")
    for rejection in rejected:
        context.log.warning(f"rejected {DropRejectedError(**rejection)}")
    for line in record.notices:
        context.log.info(f"notice: {line}")
    describer = PeriodDescriber(
        workspace=paths,
        publications=publisher.load_publications(),
        gaps=catalogue.gaps,
        usable=reading.usable,
        replaced=find_wholly_replaced_drops(reading.usable, workspace.observation_store, catalogue),
        pulled=ingested.pulled,
    )
    _record_periods(context, describer, _find_new_drops(paths, reading))
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


def _describe_notices(reading: ReadResult, *, count_cells: bool) -> list[str]:
    """Say what of the usable drops was left unread or mended, and why cells were quarantined: a line for each kind."""
    notices: list[tuple[str, str]] = []
    for drop, summary in reading.usable:
        notices += [(drop.file, text) for text in summary.notices]
        for reason, cells in (part for table in summary.tables for part in table.quarantined.items()):
            what = f"quarantined, since {reason.replace(SEPARATOR, ', ')}"
            notices.append((drop.file, format_notice(what, f"{cells:,} cells" if count_cells else "")))
    return group_notices(notices)


def _find_new_drops(paths: Workspace, reading: ReadResult) -> set[str]:
    """Return the sha256 of the drops whose periods no refresh has recorded: read now, or pulled since the last one."""
    landed = BuildInputs.load_if_present(paths.landed)
    recorded = set(landed.drops) if landed is not None else set()
    return {drop.sha256 for drop, _ in reading.usable if drop.sha256 not in recorded} | set(reading.read)


def _record_periods(context: dg.AssetExecutionContext, describer: PeriodDescriber, new: Collection[str]) -> None:
    """Record every period that a new drop publishes; every one of which a drop is held, and every gap, once."""
    for grain, key in DROPS_BY_GRAIN.items():
        starts = {
            first
            for drop, summary in describer.usable
            if drop.sha256 in new
            for table in summary.tables
            if table.period_grain == grain
            for first, _ in table.coverage
        }
        labels = {*describer.list_held_periods(), *(gap.period for gap in describer.gaps)}
        others = {period.start.isoformat() for period in map(parse_period_label, labels) if period.grain == grain}
        for start in sorted(starts | others):
            metadata = describer.describe(grain, start)
            if metadata is not None and (start in starts or not _is_recorded(context.instance, key, start, metadata)):
                context.log_event(dg.AssetMaterialization(asset_key=key, partition=start, metadata=metadata))


def _is_recorded(instance: dg.DagsterInstance, key: dg.AssetKey, start: str, metadata: Metadata) -> bool:
    """Whether the last record of a partition says what it would say now: a new one would make its asset look fresh."""
    records = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[start]), limit=1).records
    last = records[0].asset_materialization if records else None
    said = {name: value.value for name, value in last.metadata.items()} if last is not None else {}
    return all(said.get(name) == metadata.get(name) for name in ("status", "held"))
