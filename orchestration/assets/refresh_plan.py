"""The asset of the plan: what this run does with the drops that were read, or why it does nothing."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import duckdb

from iapt.ingest.completeness import list_home_inputs
from iapt.ingest.landing import find_doubt
from iapt.ingest.restricted import reject_other_than_counts, reject_periods_that_add_up
from iapt.input_fingerprint import compute_input_fingerprint
from iapt.period_inputs import AffectedPeriod
from iapt.refresh_basis import compute_release_state
from iapt.refresh_planning import describe_affected, plan_build
from iapt.rejection import DropRejectedError
from iapt.release.manifest_comparison import compare_with_manifest
from iapt.run_warnings import list_first, make_printable
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_state import (
    BuildInputs,
    BuiltPeriods,
    IngestRecord,
    LastRelease,
    ReadRecord,
    RefreshBasis,
    RefreshPlan,
    read_last_release,
    read_manifest,
)
from orchestration import warm_dbt
from orchestration.assets.checks import to_markdown_list
from orchestration.assets.observations import OBSERVATIONS
from orchestration.check_events import CHECKS_OF_EVERY_RUN, read_check_evaluations
from orchestration.dbt_command import MODULE
from orchestration.resources import RefreshConfig, WorkspaceResource

HELD_ALONE = (
    "every archived drop is held, rejected or withdrawn, so there is nothing to release yet: `iapt status` lists them "
    "with the commands that accept or reject them."
)
#: Why every period is made again where a person asked for it.
FULL_REBUILD = "a full rebuild was asked for"
REFRESH_PLAN = dg.AssetKey("refresh_plan")


@dg.asset(
    key=REFRESH_PLAN,
    deps=[OBSERVATIONS],
    group_name="drops",
    kinds={"json"},
    description="Whether the marts are built and from what, or the newest release is kept, or there is nothing to do.",
)
def refresh_plan(
    context: dg.AssetExecutionContext, config: RefreshConfig, workspace: WorkspaceResource
) -> dg.MaterializeResult[Any]:
    """Decide what to do with the drops that were read. Raises dg.Failure where none of them can be used."""
    paths = workspace.paths
    ingested, reading = IngestRecord.load(paths.ingest_record), ReadRecord.load(paths.read_record)
    policy = workspace.load_policy(config.profile)
    usable = workspace.load_drops(reading.usable)
    released = read_last_release(paths)
    inputs = BuildInputs(
        input_fingerprint=compute_input_fingerprint(
            PROJECT_ROOT, usable, policy.profile, list_home_inputs(paths, workspace.load_catalogue())
        ),
        origin=ingested.origin,
        drops=reading.usable,
        rejected=reading.rejected,
        disclosure=policy.to_manifest(),
    )
    plan = _decide(inputs, released, config, paths, ingested.ignored, unused=bool(workspace.list_unused_drops()))
    if plan.action == "build":
        warm_dbt.start(MODULE, paths.root)
        rebuild = FULL_REBUILD if config.rebuild else _find_doubt(workspace, context.log.warning)
        plan = plan_build(inputs, paths, workspace.load_catalogue(), policy, usable, rebuild=rebuild)
        context.log.info(f"this run makes {describe_affected(plan.affected, is_full=plan.is_full)}")
    plan.write(paths.refresh_plan)
    if plan.reason:
        context.log.info(plan.reason)
    if plan.action != "nothing_to_do":
        _reject_unusable(workspace, config, reading, usable)
    if plan.action == "keep_release" and released is not None:
        _repeat_checks_of_release(context, released)
    return dg.MaterializeResult(
        metadata={
            "action": plan.action,
            "drops": len(inputs.drops),
            "reason": plan.reason or f"makes {describe_affected(plan.affected, is_full=plan.is_full)}",
            "periods made again": len(plan.affected),
            "all tables made again": plan.action == "build" and plan.is_full,
            **({"why each period is made again": _to_table(plan.affected)} if plan.affected else {}),
        }
    )


def _find_doubt(workspace: WorkspaceResource, say: Callable[[str], None]) -> str:
    """Return why the warehouse may not hold what was built last; empty where it does, and where nothing was built."""
    paths = workspace.paths
    built = BuiltPeriods.load_if_present(paths.built_periods)
    if built is None or not paths.warehouse.is_file():
        return ""
    workspace.wait_for_warehouse(say)
    try:
        return find_doubt(paths.warehouse, built.builds, built.warehouse)
    except duckdb.Error:
        return "the warehouse could not be read"


def _to_table(affected: Sequence[AffectedPeriod]) -> dg.TableMetadataValue:
    """Return the affected periods as Dagster shows them: a row each."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "grain": period.grain,
                    "period": period.label,
                    "cells, about": period.cells,
                    "why": "; ".join(period.why),
                }
            )
            for period in affected
        ]
    )


def _decide(
    inputs: BuildInputs,
    released: LastRelease | None,
    config: RefreshConfig,
    paths: Workspace,
    ignored: Sequence[str],
    *,
    unused: bool,
) -> RefreshPlan:
    # Where there is a release, archived drops that cannot be used any more are a failure, whatever the folder holds.
    if not inputs.drops and not inputs.rejected and released is None:
        reason = _describe_empty_folder(config.location(paths), ignored)
        return RefreshPlan(action="nothing_to_do", inputs=inputs, reason=reason)
    if (
        released is not None
        and released.input_fingerprint == inputs.input_fingerprint
        and not config.rebuild
        and is_release_whole(paths)
    ):
        reason = "the newest release was made from these drops by this code and profile; nothing to do"
        return RefreshPlan(action="keep_release", inputs=inputs, reason=reason)
    return RefreshPlan(action="build", inputs=inputs)


def is_release_whole(paths: Workspace) -> bool:
    """Whether every file of the newest release is as its manifest lists it; read only where its state has changed."""
    manifest, basis = read_manifest(paths.latest), RefreshBasis.load_if_present(paths.refresh_basis)
    if basis is not None and compute_release_state(paths) == basis.release:
        return True
    return manifest is not None and not any(compare_with_manifest(paths.latest.resolve(), manifest))


def _describe_empty_folder(folder: str, ignored: Sequence[str]) -> str:
    """Say that a folder holds no drop, in a workspace that has none either, and which files are no drops."""
    named = f" ({list_first(map(make_printable, ignored), len(ignored))}: left alone)" if ignored else ""
    return (
        f"{folder} holds no drops{named}, so there is nothing to do yet and nothing was released: put drops into it, "
        "or name another folder."
    )


def _reject_unusable(workspace: WorkspaceResource, config: RefreshConfig, reading: ReadRecord, usable: Any) -> None:
    """Raise dg.Failure where no drop can be used, or restricted drops may not be released together."""
    if not usable:
        paths = workspace.paths
        source = "the publisher" if config.find_source(paths) == "publisher" else config.location(paths)
        raise dg.Failure(
            f"{source}: no drop there could be used, so there is nothing to release. Do what "
            "is said of each rejected drop (`iapt status` lists them), or name another folder.",
            # Not in the sentence: whoever shows it shows the rejected drops too.
            metadata={"rejected drops": to_markdown_list([str(DropRejectedError(**one)) for one in reading.rejected])},
        )
    if workspace.paths.is_restricted:
        try:
            reject_other_than_counts(usable, workspace.observation_store)
            reject_periods_that_add_up(usable)
        except DropRejectedError as error:
            raise dg.Failure(str(error)) from error


def _repeat_checks_of_release(context: dg.AssetExecutionContext, released: LastRelease) -> None:
    """Record again the checks of the run that made the newest release, since it stands.

    Dagster shows a check that a run has planned and not evaluated as skipped, and its last result is gone from sight.
    """
    if released.run_id is None:
        return
    for evaluation in read_check_evaluations(context.instance, released.run_id):
        if evaluation.check_name not in CHECKS_OF_EVERY_RUN:
            context.log_event(evaluation)
