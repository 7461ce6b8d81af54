"""Assets of the drops: the archive of bytes as published, and the drops that publish each period."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any, Literal

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.drop_reading import list_drops_of_period
from iapt.ingest.home_origin import OtherOriginError, find_home_origin
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.reading import open_reading_connection, read_drop
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.periods import find_period_starting
from iapt.pull.selection import SelectionError
from iapt.rejection import DropRejectedError
from iapt.remembered_digests import RememberedDigests
from iapt.sources.folder_fingerprint import compute_folder_fingerprint
from iapt.sources.remote_files import SourceError
from iapt.workspace_state import IngestRecord, PulledDrop, record_ingested_fingerprint
from orchestration import warm_dbt
from orchestration.assets.freshness import make_freshness_policy
from orchestration.assets.periods import Metadata, PeriodDescriber
from orchestration.assets.publications import PUBLICATIONS
from orchestration.assets.pulled_drops import (
    LISTED_ARE_ARCHIVED_DESCRIPTION,
    NO_DROP_IS_HELD_DESCRIPTION,
    NOT_HAD,
    check_listed_are_archived,
    check_no_drop_is_held,
    count_outcomes,
    pull,
)
from orchestration.check_events import LISTED_ARE_ARCHIVED, NO_DROP_IS_HELD
from orchestration.dbt_command import MODULE
from orchestration.partitions import BY_GRAIN
from orchestration.progress import ProgressReporter
from orchestration.publisher_resource import PublisherResource
from orchestration.resources import RefreshConfig, WorkspaceResource

ARCHIVED_DROPS = dg.AssetKey("archived_drops")
DROPS_BY_GRAIN = {
    "month": dg.AssetKey("monthly_drops"),
    "quarter": dg.AssetKey("quarterly_drops"),
    "year": dg.AssetKey("annual_drops"),
}
#: How many unread drops a message names.
UNREAD_DROPS_NAMED = 3


@dg.asset(
    key=ARCHIVED_DROPS,
    deps=[PUBLICATIONS],
    group_name="drops",
    kinds={"file"},
    description=(
        "The bytes as published, archived by sha256 with their provenance: of the drop folder, or pulled from the "
        "publisher. The same bytes twice is a no-op."
    ),
    check_specs=[
        dg.AssetCheckSpec(LISTED_ARE_ARCHIVED, asset=ARCHIVED_DROPS, description=LISTED_ARE_ARCHIVED_DESCRIPTION),
        dg.AssetCheckSpec(NO_DROP_IS_HELD, asset=ARCHIVED_DROPS, description=NO_DROP_IS_HELD_DESCRIPTION),
    ],
)
def archived_drops(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    workspace: WorkspaceResource,
    publisher: PublisherResource,
    workspace_lock: dg.ResourceParam[None],  # held from here to the end of the run
    progress: dg.ResourceParam[ProgressReporter],
) -> Iterator[dg.MaterializeResult[Any]]:
    """Archive every drop of the drop folder, or what the publisher has and the archive lacks."""
    paths = workspace.paths
    paths.root.mkdir(parents=True, exist_ok=True)
    if config.find_source(paths) == "publisher":
        record = _archive_from_publisher(context, config, publisher, progress)
        metadata: dict[str, Any] = {"source": "publisher", "origin": record.origin, **count_outcomes(record.pulled)}
    else:
        record, new = _archive_from_folder(context, config, workspace)
        if new:
            warm_dbt.start(MODULE, paths.root)  # what is new is built, if it can be read
        metadata = {
            "source": "folder",
            "folder": config.folder(paths).name,
            "origin": record.origin,
            "drops offered": len(record.offered),
            "drops new": new,
            "files rejected": len(record.rejected),
            "files that are no drops": len(record.ignored),
        }
    record.write(paths.ingest_record)
    yield dg.MaterializeResult(
        metadata=metadata,
        check_results=[
            check_listed_are_archived(ARCHIVED_DROPS, record.pulled),
            check_no_drop_is_held(ARCHIVED_DROPS, paths),
        ],
    )


def _archive_from_folder(
    context: dg.AssetExecutionContext, config: RefreshConfig, workspace: WorkspaceResource
) -> tuple[IngestRecord, int]:
    """Archive every drop of the drop folder; return what it offered, and how many of its drops are new."""
    paths = workspace.paths
    copied = config.copy_folder(paths, workspace.load_catalogue())
    folder = copied.path
    if copied.has_changed:
        context.log.info(f"{config.location(paths)}: {copied.describe_changes()}")
    if not folder.exists() and not config.drops:
        folder.mkdir(parents=True)
    archived_at = datetime.now(UTC).isoformat(timespec="seconds")
    fingerprint = compute_folder_fingerprint(folder)
    workspace.drop_store.remove_unfinished()
    try:
        result = ingest_folder(
            folder,
            workspace.drop_store,
            workspace.load_catalogue(),
            archived_at,
            workspace.observation_store,
            find_home_origin(paths, workspace.drop_store),
            digests=RememberedDigests(paths.offered_digests),
        )
    except OtherOriginError as error:
        record_ingested_fingerprint(paths, folder, fingerprint)  # all of it is rejected, with a reason
        raise dg.Failure(f"{error}.") from error
    result.rejected += [(name, rejection.to_record()) for name, rejection in copied.rejected]
    record = IngestRecord.model_validate(asdict(result) | {"folder_fingerprint": fingerprint})
    for path, rejection in record.rejected:
        context.log.warning(f"rejected {path}: {DropRejectedError(**rejection)}")
    return record, len(result.new)


def _archive_from_publisher(
    context: dg.AssetExecutionContext, config: RefreshConfig, publisher: PublisherResource, progress: ProgressReporter
) -> IngestRecord:
    """Pull what the archive lacks; return what came of each publication."""
    try:
        selected = publisher.select(series=config.series, since=config.since)
        pulled = pull(context, publisher, selected, progress)
    except (SelectionError, OtherOriginError, SourceError) as error:
        raise dg.Failure(f"{error}.") from error
    workspace = publisher.workspace
    origin = find_home_origin(workspace.paths, workspace.drop_store)
    return IngestRecord(
        origin=origin or workspace.load_catalogue().publisher.data_origin,
        offered=tuple(drop.sha256 for drop in pulled if drop.sha256),
        rejected=(),
        folder_fingerprint="",
        pulled=tuple(pulled),
    )


class PeriodConfig(dg.Config):
    """What the materialisation of a partition is asked to do.

    `source` is where a drop that is not archived yet is got: of the publisher where it says so, else as IAPT_SOURCE
    says; a folder is not looked into.
    """

    source: Literal["", "folder", "publisher"] = ""


def _make_drops_asset(grain: str) -> dg.AssetsDefinition:
    key = DROPS_BY_GRAIN[grain]

    @dg.asset(
        key=key,
        deps=[ARCHIVED_DROPS],
        partitions_def=BY_GRAIN[grain],
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=make_freshness_policy(grain),
        group_name="drops",
        kinds={"parquet"},
        description=(
            f"The drops that publish a {grain}, read into observations. A refresh records here every {grain} it has "
            "got and read. Materialise a partition to pull what is listed for it and not archived, where drops come "
            "from the publisher, and to read its drops again."
        ),
    )
    def read_drops_of_periods(
        context: dg.AssetExecutionContext,
        config: PeriodConfig,
        workspace: WorkspaceResource,
        publisher: PublisherResource,
        workspace_lock: dg.ResourceParam[None],
        progress: dg.ResourceParam[ProgressReporter],
    ) -> None:
        """Pull and read the drops of the periods asked for, or say of each why there is nothing to read."""
        labels = {start: _find_label(start, grain) for start in context.partition_keys}
        is_pulling = RefreshConfig(source=config.source).find_source(workspace.paths) == "publisher"
        listed = [row for row in publisher.list_unarchived() if row.period in labels.values()] if is_pulling else []
        pulled = pull(context, publisher, listed, progress) if listed else []
        described, missing = _read_periods(workspace, publisher, labels, grain, pulled)
        if missing:
            for start, metadata in described.items():  # what there is, is recorded, whatever became of the others
                context.log_event(dg.AssetMaterialization(key, partition=start, metadata=metadata))
            raise dg.Failure("\n".join(missing))
        for start, metadata in described.items():
            context.add_asset_metadata(metadata, partition_key=start)

    return read_drops_of_periods


def _find_label(start: str, grain: str) -> str:
    period = find_period_starting(date.fromisoformat(start), grain)
    if period is None:
        raise dg.Failure(f"no {grain} starts on {start}")
    return period.label


def _read_periods(
    workspace: WorkspaceResource,
    publisher: PublisherResource,
    labels: Mapping[str, str],
    grain: str,
    pulled: Sequence[PulledDrop],
) -> tuple[dict[str, Metadata], list[str]]:
    """Read the drops of periods again; return what is known of each, and why there is nothing of the others."""
    catalogue, store = workspace.load_catalogue(), workspace.observation_store
    usable, unread = _list_usable_and_unread(workspace, catalogue)
    just_read = {drop.sha256 for drop in pulled}
    drops = {drop.sha256: drop for start in labels for drop, _ in list_drops_of_period(usable, grain, start)}
    with open_reading_connection(store) as connection:
        for sha256, drop in drops.items():
            if sha256 not in just_read:
                summary = read_drop(connection, drop, workspace.drop_store.path_to(drop), catalogue, store)
                if summary.rejection:
                    raise dg.Failure(str(DropRejectedError(**summary.rejection)))
    replaced = find_wholly_replaced_drops(usable, store, catalogue)
    publications = publisher.load_publications()
    describer = PeriodDescriber(workspace.paths, publications, catalogue.gaps, usable, replaced, pulled)
    described: dict[str, Metadata] = {}
    missing: list[str] = []
    for start, label in labels.items():
        metadata = describer.describe(grain, start)
        if metadata is None:
            missing.append(_describe_missing_period(label, unread, [one for one in pulled if one.period == label]))
            continue
        if unread and metadata["status"] == "published":  # one of them may publish this period too
            metadata["not read"] = f"{_describe_unread(unread)}: this period may be in them too."
        described[start] = metadata
    return described, missing


def _list_usable_and_unread(
    workspace: WorkspaceResource, catalogue: Catalogue
) -> tuple[list[tuple[ArchivedDrop, DropSummary]], list[ArchivedDrop]]:
    """List the archived drops that were read in full under today's reader and layouts, and those not read under them.

    Rejected ones, and those that no release may be built from, are in neither.
    """
    unused = workspace.list_unused_drops()
    usable: list[tuple[ArchivedDrop, DropSummary]] = []
    unread: list[ArchivedDrop] = []
    for drop in workspace.drop_store:
        if drop.sha256 in unused:
            continue
        summary = workspace.observation_store.read_summary(drop.sha256, catalogue)
        if summary is None:
            unread.append(drop)
        elif summary.rejection is None:
            usable.append((drop, summary))
    return usable, unread


def _describe_missing_period(label: str, unread: Sequence[ArchivedDrop], pulled: Sequence[PulledDrop]) -> str:
    """Say why a period has no drops, and what to do."""
    if failed := [drop for drop in pulled if drop.outcome in NOT_HAD]:
        return f"{label} is not loaded: {failed[0].publication} could not be had: {failed[0].detail}"
    if unread:
        return (
            f"{label}: expected archived drops that publish it; found none among those read, but "
            f"{_describe_unread(unread)}, then materialise this partition again."
        )
    return (
        f"{label} is not loaded: no archived drop publishes it, and no file listed for it was to be pulled. Put its "
        "drop in the drop folder and refresh, or look for it with `iapt discover`; if it was never published, say so "
        "in catalogue/gaps.yml."
    )


def _describe_unread(unread: Sequence[ArchivedDrop]) -> str:
    """Name archived drops that are not read as they would be read today, and what to do."""
    names = ", ".join(drop.file for drop in unread[:UNREAD_DROPS_NAMED])
    more = f" and {len(unread) - UNREAD_DROPS_NAMED} more" if len(unread) > UNREAD_DROPS_NAMED else ""
    have = "has" if len(unread) == 1 else "have"
    return f"{names}{more} {have} not been read under today's reader and layouts. Refresh first"


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)  # of backfill_policy: every command and daemon would print it
    drop_assets = [archived_drops, *map(_make_drops_asset, DROPS_BY_GRAIN)]
