"""Assets of the drops: kept bytes, the drops of each period, and the landing tables the marts stand on."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.gaps import Gap
from iapt.files import read_json
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.drop_reading import ReadResult, find_name_conflicts, list_drops_of_period, read_archived_drops
from iapt.ingest.ingestion import IngestResult, OtherOriginError, ingest_folder
from iapt.ingest.landing import label_drops, load_landing_tables
from iapt.ingest.notices import SEPARATOR, format_notice, group_notices
from iapt.ingest.observation_store import DropSummary
from iapt.ingest.reading import open_reading_connection, read_drop
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.ingest.restricted import reject_other_than_counts, reject_periods_that_add_up
from iapt.periods import find_period_starting, parse_period_label
from iapt.rejection import DropRejectedError
from iapt.release.fingerprint import compute_input_fingerprint
from iapt.release.publish import read_last_released_fingerprint, read_manifest
from iapt.run_warnings import name_first, printable
from iapt.sources.folder_fingerprint import compute_folder_fingerprint, record_ingested_fingerprint
from iapt.warehouse_lock import WarehouseLockedError, retry_while_locked
from iapt.workspace import PROJECT_ROOT, Workspace
from orchestration.check_events import EVERY_DROP_IS_READ, PARAGRAPH, read_check_evaluations
from orchestration.partitions import BY_GRAIN
from orchestration.progress import ProgressReporter
from orchestration.resources import RefreshConfig, WorkspaceResource

KEPT_DROPS = dg.AssetKey("kept_drops")
LANDED_DROPS = dg.AssetKey(["landing", "drops"])
DROPS_BY_GRAIN = {
    "month": dg.AssetKey("monthly_drops"),
    "quarter": dg.AssetKey("quarterly_drops"),
    "year": dg.AssetKey("annual_drops"),
}
#: How many unread drops a message names.
OTHERS_NAMED = 3
LANDING_TABLES = (
    "observations",
    "drops",
    "drop_periods",
    "gaps",
    "corrections",
    "level_sums",
    "series_precedence",
    "replaced_levels",
    "narrower_issues",
    "disclosure_policy",
    "disclosure_statistics",
)


def intake_record(home: Workspace) -> IngestResult:
    """What the last intake found; raises FileNotFoundError where there was none."""
    return IngestResult.from_record(read_json(home.root / "intake.json"))


def home_origin(pipeline: WorkspaceResource) -> str | None:
    """The origin of the figures in a home: of its newest release, else of its kept drops; None where there are none.

    A home of an earlier version may hold drops of two origins and no release: it has none yet.
    """
    manifest = read_manifest(pipeline.home.latest)
    if manifest is not None:
        return str(manifest["data_origin"])
    origins = {drop.origin for drop in pipeline.drops}
    return origins.pop() if len(origins) == 1 else None


@dg.asset(
    key=KEPT_DROPS,
    group_name="drops",
    kinds={"file"},
    description="The bytes as published, kept by their sha256 with their provenance. The same bytes twice is a no-op.",
)
def kept_drops(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    pipeline: WorkspaceResource,
    alone_in_the_home: dg.ResourceParam[None],  # held from here to the end of the run
) -> dg.MaterializeResult[Any]:
    """Take the drop folder into the store."""
    home = pipeline.home
    folder = config.folder(home)
    home.root.mkdir(parents=True, exist_ok=True)
    if not folder.exists() and not config.drops:
        folder.mkdir(parents=True)
    archived_at = datetime.now(UTC).isoformat(timespec="seconds")
    fingerprint = compute_folder_fingerprint(folder)
    try:
        intake = ingest_folder(
            folder, pipeline.drops, pipeline.load_catalogue(), archived_at, pipeline.observations, home_origin(pipeline)
        )
    except OtherOriginError as error:
        record_ingested_fingerprint(home, folder, fingerprint)  # refused with a reason, all of it
        raise dg.Failure(f"{error}.") from error
    intake.fingerprint = fingerprint
    (home.root / "intake.json").write_text(json.dumps(asdict(intake), indent=2), encoding="utf-8")
    for path, refusal in intake.rejected:
        context.log.warning(f"refused {path}: {DropRejectedError(**refusal)}")
    return dg.MaterializeResult(
        metadata={
            "folder": folder.name,
            "origin": intake.origin,
            "drops offered": len(intake.offered),
            "drops new": len(intake.new),
            "files refused": len(intake.rejected),
            "files that are no drops": len(intake.ignored),
        }
    )


@dataclass
class _Kept:
    """The kept drops by what is known of them: read in full under today's reader and layouts, or not read under them.

    Refused ones are in neither.
    """

    usable: list[tuple[ArchivedDrop, DropSummary]] = field(default_factory=list)
    unread: list[ArchivedDrop] = field(default_factory=list)


def _kept(pipeline: WorkspaceResource, catalogue: Catalogue) -> _Kept:
    kept = _Kept()
    for drop in pipeline.drops:
        summary = pipeline.observations.read_summary(drop.sha256, catalogue)
        if summary is None:
            kept.unread.append(drop)
        elif summary.rejection is None:
            kept.usable.append((drop, summary))
    return kept


def _refresh_first(unread: Sequence[ArchivedDrop]) -> str:
    """Which kept drops nobody has read as they would be read today, and what to do."""
    names = ", ".join(drop.file for drop in unread[:OTHERS_NAMED])
    more = f" and {len(unread) - OTHERS_NAMED} more" if len(unread) > OTHERS_NAMED else ""
    have = "has" if len(unread) == 1 else "have"
    return f"{names}{more} {have} not been read under today's reader and layouts. Refresh first"


def _drops_asset(grain: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=DROPS_BY_GRAIN[grain],
        deps=[KEPT_DROPS],
        partitions_def=BY_GRAIN[grain],
        group_name="drops",
        kinds={"parquet"},
        description=(
            f"The drops that publish a {grain}, read into observations. A refresh records here every {grain} it has "
            "read; materialise a partition to read its drops again."
        ),
    )
    def make_drops_asset(context: dg.AssetExecutionContext, pipeline: WorkspaceResource) -> dg.MaterializeResult[Any]:
        """Read the drops of one period again, or say why there is nothing to read."""
        catalogue = pipeline.load_catalogue()
        period = find_period_starting(date.fromisoformat(context.partition_key), grain)
        if period is None:
            raise dg.Failure(f"no {grain} starts on {context.partition_key}")
        gap = next((gap for gap in catalogue.gaps if gap.period == period.label), None)
        kept = _kept(pipeline, catalogue)
        found = list_drops_of_period(kept.usable, grain, context.partition_key)
        if gap is not None and not found:
            return dg.MaterializeResult(metadata=_gap_metadata(gap))
        if not found and kept.unread:
            raise dg.Failure(
                f"{period.label}: expected kept drops that publish it; found none among those read, but "
                f"{_refresh_first(kept.unread)}, then materialise this partition again."
            )
        if not found:
            raise dg.Failure(
                f"{period.label} is not loaded: no kept drop publishes it. Put its drop in the drop folder and "
                "refresh; if it was never published, say so in catalogue/gaps.yml."
            )
        with open_reading_connection() as connection:
            summaries = [
                read_drop(connection, drop, pipeline.drops.path_to(drop), catalogue, pipeline.observations)
                for drop, _ in found
            ]
        for summary in summaries:
            if summary.rejection:
                raise dg.Failure(str(DropRejectedError(**summary.rejection)))
        replaced = find_wholly_replaced_drops(kept.usable, pipeline.observations, catalogue)
        metadata = _period_metadata(period.label, found, replaced)
        if kept.unread:  # one of them may publish this period too
            metadata["not read"] = f"{_refresh_first(kept.unread)}: this period may be in them too."
        return dg.MaterializeResult(metadata=metadata)

    return make_drops_asset


def _period_metadata(
    label: str, found: Sequence[tuple[ArchivedDrop, DropSummary]], replaced: Collection[str]
) -> dict[str, str | int]:
    """What is known of a period from the drops that publish it; those that a re-issue replaced are only named."""
    labels = label_drops(found)
    in_use = [(drop, summary) for drop, summary in found if drop.sha256 not in replaced]
    metadata: dict[str, str | int] = {
        "period": label,
        "status": "published",
        "drops": ", ".join(labels[drop.sha256] for drop, _ in in_use),
        "cells in these drops": sum(summary.cells for _, summary in in_use),
        "cells quarantined": sum(summary.quarantined for _, summary in in_use),
    }
    if earlier := [labels[drop.sha256] for drop, _ in found if drop.sha256 in replaced]:
        metadata["replaced by a re-issue"] = ", ".join(earlier)
    return metadata


drop_assets = [kept_drops, *(_drops_asset(grain) for grain in DROPS_BY_GRAIN)]


@dg.multi_asset(
    name="landing",
    specs=[
        dg.AssetSpec(
            ["landing", table],
            deps=[KEPT_DROPS, *DROPS_BY_GRAIN.values()],
            group_name="landing",
            kinds={"duckdb"},
            skippable=True,
            description="What the reader made of the drops, as the source tables of the marts.",
        )
        for table in LANDING_TABLES
    ],
    # Of this step, so that it is made in every run: a check of its own would be skipped where nothing is landed.
    check_specs=[
        dg.AssetCheckSpec(
            EVERY_DROP_IS_READ,
            asset=LANDED_DROPS,
            description=(
                "Every drop in the folder was read in full; a refused one is listed with its reason and not used."
            ),
        )
    ],
    pool="duckdb",
)
def landing(
    context: dg.AssetExecutionContext,
    config: RefreshConfig,
    pipeline: WorkspaceResource,
    progress: dg.ResourceParam[ProgressReporter],
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Read every drop not read before, and land what is usable. Where nothing changed since the release, stop here."""
    home, catalogue = pipeline.home, pipeline.load_catalogue()
    policy = pipeline.load_policy(config.profile)
    intake = intake_record(home)
    reading = read_archived_drops(pipeline.drops, pipeline.observations, catalogue, intake.origin, progress.report)
    offered = set(intake.offered)
    refused = [refusal for _, refusal in intake.rejected]
    refused += [refusal for drop, refusal in reading.rejected if drop.sha256 in offered]
    refused += find_name_conflicts(intake.other_names, reading.usable, catalogue)
    context.log.info(f"{len(reading.read)} drops read, {len(reading.known)} known from before, {len(refused)} refused")
    for refusal in refused:
        context.log.warning(f"refused {DropRejectedError(**refusal)}")
    recipe = compute_input_fingerprint(PROJECT_ROOT, reading.usable, policy.profile)
    is_released = read_last_released_fingerprint(home.latest) == recipe and not config.rebuild
    # Where there is a release, kept drops that cannot be used any more are a failure, whatever the folder holds.
    is_idle = not reading.usable and not refused and read_manifest(home.latest) is None
    record = {
        "recipe": recipe,
        "origin": intake.origin,
        "read": len(reading.read),
        "known": len(reading.known),
        "usable": len(reading.usable),
        "refused": refused,
        "notices": _notices(reading, count_cells=not home.is_restricted),
        "is_released": is_released,
        "nothing_to_do": _nothing_to_do(config.folder(home), intake.ignored) if is_idle else None,
    }
    for line in record["notices"]:
        context.log.info(f"notice: {line}")
    (home.root / "reading.json").write_text(json.dumps(record, indent=2, ensure_ascii=False), encoding="utf-8")
    record_ingested_fingerprint(home, config.folder(home), intake.fingerprint)
    yield _every_drop_is_read(refused, record["notices"])
    if record["nothing_to_do"]:
        context.log.info(record["nothing_to_do"])
        return
    if not reading.usable:
        raise dg.Failure(
            f"{config.folder(home)}: no drop there could be used, so there is nothing to release. Do what is said of "
            "each refused drop (`iapt status` lists them), or name another folder.",
            # Not in the sentence: whoever tells it tells the refused drops too.
            metadata={"refused drops": _listed([str(DropRejectedError(**refusal)) for refusal in refused])},
        )
    if catalogue.restricted:
        try:
            reject_other_than_counts(reading.usable, pipeline.observations)
            reject_periods_that_add_up(reading.usable)
        except DropRejectedError as refusal:
            raise dg.Failure(str(refusal)) from refusal
    replaced = (
        find_wholly_replaced_drops(reading.usable, pipeline.observations, catalogue)
        if reading.read
        else frozenset[str]()
    )
    _record_periods(context, reading, catalogue.gaps, replaced)
    if is_released:
        context.log.info("the newest release was made from these drops by this code and profile; nothing to do")
        _repeat_check_results(context, home)
        return
    salt = home.salt if home.is_restricted else None
    progress.begin("loading the drops into the warehouse")
    try:
        retry_while_locked(
            lambda: load_landing_tables(home.warehouse, reading.usable, pipeline.observations, catalogue, policy, salt),
            home.warehouse,
            wait_seconds=pipeline.wait_seconds,
            say=progress.say_with(context.log.warning),
        )
    except WarehouseLockedError as error:
        raise dg.Failure(f"{error}.") from error
    home.landed.write_text(
        json.dumps(
            {
                "recipe": recipe,
                "origin": intake.origin,
                "drops": [drop.sha256 for drop, _ in reading.usable],
                "refused": refused,
                "disclosure": policy.to_manifest(),
            },
            ensure_ascii=False,
        ),
        encoding="utf-8",
    )
    yield dg.MaterializeResult(asset_key=["landing", "drops"], metadata={"drops": len(reading.usable)})
    for table in LANDING_TABLES:
        if table != "drops":
            yield dg.MaterializeResult(asset_key=["landing", table])


def _nothing_to_do(folder: Path, ignored: Sequence[str]) -> str:
    """Say that a folder holds no drop, in a home that has none either, and which files there are none."""
    named = f" ({name_first(map(printable, ignored), len(ignored))}: left alone)" if ignored else ""
    return (
        f"{folder} holds no drops{named}, so there is nothing to do yet and nothing was released: put drops into it, "
        "or name another folder."
    )


def _every_drop_is_read(refused: Sequence[dict[str, str]], notices: Sequence[str]) -> dg.AssetCheckResult:
    """Warn of refused drops; the others are released without them."""
    reasons = [str(DropRejectedError(**refusal)) for refusal in refused]
    return dg.AssetCheckResult(
        check_name=EVERY_DROP_IS_READ,
        asset_key=LANDED_DROPS,
        passed=not reasons,
        severity=dg.AssetCheckSeverity.WARN,
        description=PARAGRAPH.join(reasons) or None,
        metadata={"refused drops": _listed(reasons), "notices": _listed(notices)},
    )


def _repeat_check_results(context: dg.AssetExecutionContext, home: Workspace) -> None:
    """Tell again what the checks said in the run that made the newest release, since it stands.

    Dagster shows a check that a run has planned and not made as skipped, and its verdict is gone from sight.
    """
    if not home.released_by.is_file():
        return
    run_id = json.loads(home.released_by.read_text("utf-8"))["run_id"]
    for evaluation in read_check_evaluations(context.instance, run_id):
        if evaluation.check_name != EVERY_DROP_IS_READ:
            context.log_event(evaluation)


def _listed(lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines) or "none")


def _notices(reading: ReadResult, *, count_cells: bool) -> list[str]:
    """What of the usable drops was left unread or mended, and why cells were set aside: a line for each kind."""
    notices: list[tuple[str, str]] = []
    for drop, summary in reading.usable:
        notices += [(drop.file, text) for text in summary.notices]
        for reason, cells in (part for table in summary.tables for part in table.quarantined.items()):
            what = f"set aside, since {reason.replace(SEPARATOR, ', ')}"
            notices.append((drop.file, format_notice(what, f"{cells:,} cells" if count_cells else "")))
    return group_notices(notices)


def _record_periods(
    context: dg.AssetExecutionContext, reading: ReadResult, gaps: Sequence[Gap], replaced: Collection[str]
) -> None:
    """Record, for lineage, every period that a drop read now publishes, and every gap: a success that says so."""
    newly = [(drop, summary) for drop, summary in reading.usable if drop.sha256 in set(reading.read)]
    for grain, key in DROPS_BY_GRAIN.items():
        starts = {
            first
            for _, summary in newly
            for table in summary.tables
            if table.period_grain == grain
            for first, _ in table.coverage
        }
        for start in sorted(starts):
            period = find_period_starting(date.fromisoformat(start), grain)
            found = list_drops_of_period(reading.usable, grain, start)
            metadata = _period_metadata(period.label if period else start, found, replaced)
            context.log_event(dg.AssetMaterialization(asset_key=key, partition=start, metadata=metadata))
    for gap in gaps if newly else ():
        period = parse_period_label(gap.period)
        context.log_event(
            dg.AssetMaterialization(
                asset_key=DROPS_BY_GRAIN[period.grain],
                partition=period.start.isoformat(),
                metadata=_gap_metadata(gap),
            )
        )


def _gap_metadata(gap: Gap) -> dict[str, str]:
    return {"period": gap.period, "status": gap.kind, "reason": gap.reason, "source": gap.source}
