"""Assets of the landing tables: the drops of the plan as the source tables of the dbt project."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from iapt.catalogue.disclosure_policy import Policy
from iapt.ingest.completeness import assess_release
from iapt.ingest.landing import load_landing_tables
from iapt.warehouse_lock import WarehouseLockedError, retry_while_locked
from iapt.workspace_state import BuiltTables, RefreshPlan, begin_build
from orchestration.assets.drops import DROPS_BY_GRAIN
from orchestration.assets.refresh_plan import REFRESH_PLAN
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource

LANDING_TABLES = (
    "observations",
    "drops",
    "drop_periods",
    "gaps",
    "publication_states",
    "publication_days",
    "corrections",
    "affected_periods",
    "current_build",
    "period_builds",
    "level_sums",
    "series_precedence",
    "replaced_levels",
    "narrower_issues",
    "disclosure_policy",
    "disclosure_statistics",
)


@dg.multi_asset(
    name="landing",
    specs=[
        dg.AssetSpec(
            ["landing", table],
            deps=[REFRESH_PLAN, *DROPS_BY_GRAIN.values()],
            group_name="landing",
            kinds={"duckdb"},
            skippable=True,
            description="What the reader made of the drops, as a source table of the marts.",
        )
        for table in LANDING_TABLES
    ],
    pool="duckdb",
)
def landing(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Load the drops of the plan into the warehouse. Where the plan is not to build, the run ends here."""
    paths = workspace.paths
    plan = RefreshPlan.load(paths.refresh_plan)
    if plan.action != "build":
        return
    drops = workspace.load_drops(plan.inputs.drops)
    catalogue, policy = workspace.load_catalogue(), Policy.from_manifest(plan.inputs.disclosure)
    salt = paths.salt if paths.is_restricted else None
    publications = assess_release(paths, catalogue, drops)
    progress.begin("loading the drops into the warehouse")
    # Until dbt has finished with them, whatever ends the run in between.
    begin_build(paths, plan)
    built_tables = BuiltTables.load_if_current(paths)
    try:
        retry_while_locked(
            lambda: load_landing_tables(
                paths.warehouse,
                drops,
                workspace.observation_store,
                catalogue,
                policy,
                salt,
                publications=publications,
                affected=plan.affected,
                build=plan.build,
            ),
            paths.warehouse,
            wait_seconds=workspace.wait_seconds,
            say=progress.say_with(context.log.warning),
        )
    except WarehouseLockedError as error:
        raise dg.Failure(f"{error}.") from error
    if built_tables is not None:
        built_tables.write_for(paths)
    plan.inputs.write(paths.landed)
    for table in LANDING_TABLES:
        yield dg.MaterializeResult(asset_key=["landing", table], metadata={"drops": len(drops)})
