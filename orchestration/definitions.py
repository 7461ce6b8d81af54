"""Everything Dagster knows, assembled in one place and explicitly: nothing is found by scanning."""

import dagster as dg

from orchestration.assets.drops import drop_assets
from orchestration.assets.landing import landing
from orchestration.assets.marts import build_marts, make_dbt_resource
from orchestration.assets.observations import observations
from orchestration.assets.refresh_plan import refresh_plan
from orchestration.assets.release import gate, release_assets
from orchestration.assets.value_checks import value_checks
from orchestration.jobs import refresh
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource
from orchestration.schedules import monthly_refresh
from orchestration.sensors import drop_folder_sensor
from orchestration.workspace_lock_resource import WorkspaceLockResource


def build_definitions(
    workspace: WorkspaceResource | None = None, progress: ProgressReporter | None = None
) -> dg.Definitions:
    """Return the definitions for a workspace and a way to show progress; by default that of the environment, silent."""
    workspace = workspace or WorkspaceResource()
    return dg.Definitions(
        assets=[*drop_assets, observations, refresh_plan, landing, build_marts(), *release_assets],
        asset_checks=[value_checks, gate],
        jobs=[refresh],
        schedules=[monthly_refresh],
        sensors=[drop_folder_sensor],
        resources={
            "workspace": workspace,
            "workspace_lock": WorkspaceLockResource(workspace=workspace, job=refresh.name),
            "progress": progress or ProgressReporter(),
            "dbt": make_dbt_resource(),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What the UI, the daemon and the schedule load."""
    return build_definitions()
