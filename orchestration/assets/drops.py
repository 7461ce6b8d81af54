"""Assets of the drops: the archive of bytes as published, and the drops that publish each period."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.gaps import Gap
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.drop_reading import list_drops_of_period
from iapt.ingest.home_origin import OtherOriginError, find_home_origin
from iapt.ingest.ingestion import ingest_folder
from iapt.ingest.landing import label_drops
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.reading import open_reading_connection, read_drop
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.periods import find_period_starting
from iapt.rejection import DropRejectedError
from iapt.sources.folder_fingerprint import compute_folder_fingerprint
from iapt.workspace_state import IngestRecord, record_ingested_fingerprint
from orchestration.partitions import BY_GRAIN
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
    group_name="drops",
    kinds={"file"},
    description="The bytes as published, archived by sha256 with their provenance. The same bytes twice is a no-op.",
)
def archived_drops(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    workspace: WorkspaceResource,
    workspace_lock: dg.ResourceParam[None],  # held from here to the end of the run
) -> dg.MaterializeResult[Any]:
    """Archive every drop of the drop folder."""
    paths = workspace.paths
    paths.root.mkdir(parents=True, exist_ok=True)
    copied = config.copy_folder(paths, workspace.load_catalogue())
    folder = copied.path
    if not folder.exists() and not config.drops:
        folder.mkdir(parents=True)
    archived_at = datetime.now(UTC).isoformat(timespec="seconds")
    fingerprint = compute_folder_fingerprint(folder)
    try:
        result = ingest_folder(
            folder,
            workspace.drop_store,
            workspace.load_catalogue(),
            archived_at,
            workspace.observation_store,
            find_home_origin(paths, workspace.drop_store),
        )
    except OtherOriginError as error:
        record_ingested_fingerprint(paths, folder, fingerprint)  # all of it is rejected, with a reason
        raise dg.Failure(f"{error}.") from error
    result.rejected += [(name, rejection.to_record()) for name, rejection in copied.rejected]
    record = IngestRecord.model_validate(asdict(result) | {"folder_fingerprint": fingerprint})
    record.write(paths.ingest_record)
    for path, rejection in record.rejected:
        context.log.warning(f"rejected {path}: {DropRejectedError(**rejection)}")
    return dg.MaterializeResult(
        metadata={
            "folder": folder.name,
            "origin": record.origin,
            "drops offered": len(record.offered),
            "drops new": len(result.new),
            "files rejected": len(record.rejected),
            "files that are no drops": len(record.ignored),
        }
    )


def _make_drops_asset(grain: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=DROPS_BY_GRAIN[grain],
        deps=[ARCHIVED_DROPS],
        partitions_def=BY_GRAIN[grain],
        group_name="drops",
        kinds={"parquet"},
        description=(
            f"The drops that publish a {grain}, read into observations. A refresh records here every {grain} it has "
            "read; materialise a partition to read its drops again."
        ),
    )
    def read_drops_of_period(
        context: dg.AssetExecutionContext, workspace: WorkspaceResource
    ) -> dg.MaterializeResult[Any]:
        """Read the drops of one period again, or say why there is nothing to read."""
        catalogue = workspace.load_catalogue()
        period = find_period_starting(date.fromisoformat(context.partition_key), grain)
        if period is None:
            raise dg.Failure(f"no {grain} starts on {context.partition_key}")
        gap = next((gap for gap in catalogue.gaps if gap.period == period.label), None)
        usable, unread = _list_usable_and_unread(workspace, catalogue)
        drops = list_drops_of_period(usable, grain, context.partition_key)
        if not drops:
            if gap is not None:
                return dg.MaterializeResult(metadata=describe_gap(gap))
            raise dg.Failure(_describe_missing_period(period.label, unread))
        with open_reading_connection() as connection:
            for drop, _ in drops:
                path = workspace.drop_store.path_to(drop)
                summary = read_drop(connection, drop, path, catalogue, workspace.observation_store)
                if summary.rejection:
                    raise dg.Failure(str(DropRejectedError(**summary.rejection)))
        replaced = find_wholly_replaced_drops(usable, workspace.observation_store, catalogue)
        metadata = describe_period(period.label, drops, replaced)
        if unread:  # one of them may publish this period too
            metadata["not read"] = f"{_describe_unread(unread)}: this period may be in them too."
        return dg.MaterializeResult(metadata=metadata)

    return read_drops_of_period


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


def _describe_missing_period(label: str, unread: Sequence[ArchivedDrop]) -> str:
    """Say why a period has no drops, and what to do."""
    if unread:
        return (
            f"{label}: expected archived drops that publish it; found none among those read, but "
            f"{_describe_unread(unread)}, then materialise this partition again."
        )
    return (
        f"{label} is not loaded: no archived drop publishes it. Put its drop in the drop folder and refresh; if it was "
        "never published, say so in catalogue/gaps.yml."
    )


def _describe_unread(unread: Sequence[ArchivedDrop]) -> str:
    """Name archived drops that are not read as they would be read today, and what to do."""
    names = ", ".join(drop.file for drop in unread[:UNREAD_DROPS_NAMED])
    more = f" and {len(unread) - UNREAD_DROPS_NAMED} more" if len(unread) > UNREAD_DROPS_NAMED else ""
    have = "has" if len(unread) == 1 else "have"
    return f"{names}{more} {have} not been read under today's reader and layouts. Refresh first"


def describe_period(
    label: str, drops: Sequence[tuple[ArchivedDrop, DropSummary]], replaced: Collection[str]
) -> dict[str, str | int]:
    """Return, as metadata, what is known of a period from the drops that publish it.

    `replaced` are the sha256 of drops that a re-issue replaced: they are named, and their cells are not counted.
    """
    labels = label_drops(drops)
    in_use = [(drop, summary) for drop, summary in drops if drop.sha256 not in replaced]
    metadata: dict[str, str | int] = {
        "period": label,
        "status": "published",
        "drops": ", ".join(labels[drop.sha256] for drop, _ in in_use),
        "cells in these drops": sum(summary.cells for _, summary in in_use),
        "cells quarantined": sum(summary.quarantined for _, summary in in_use),
    }
    if earlier := [labels[drop.sha256] for drop, _ in drops if drop.sha256 in replaced]:
        metadata["replaced by a re-issue"] = ", ".join(earlier)
    return metadata


def describe_gap(gap: Gap) -> dict[str, str]:
    """Return, as metadata, why a period was never published."""
    return {"period": gap.period, "status": gap.kind, "reason": gap.reason, "source": gap.source}


drop_assets = [archived_drops, *map(_make_drops_asset, DROPS_BY_GRAIN)]
