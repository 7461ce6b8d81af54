"""Everything Dagster knows, assembled in one place and explicitly: nothing is found by scanning."""

from typing import Any

import dagster as dg

from orchestration.assets.drops import drop_assets
from orchestration.assets.landing import landing
from orchestration.assets.marts import build_marts, make_dbt_resource
from orchestration.assets.observations import observations
from orchestration.assets.publications import publications
from orchestration.assets.refresh_plan import refresh_plan
from orchestration.assets.release import gate, release_assets
from orchestration.assets.value_checks import value_checks
from orchestration.jobs import refresh
from orchestration.progress import ProgressReporter
from orchestration.publisher_resource import PublisherResource
from orchestration.resources import WorkspaceResource
from orchestration.schedules import make_schedule
from orchestration.sensors import drop_folder_sensor
from orchestration.workspace_lock_resource import WorkspaceLockResource


def build_resources(
    workspace: WorkspaceResource | None = None,
    progress: ProgressReporter | None = None,
    publisher: PublisherResource | None = None,
) -> dict[str, Any]:
    """Return what steps and schedule are given: by default the home of the environment, silence, the publisher."""
    workspace = workspace or WorkspaceResource()
    return {
        "workspace": workspace,
        "publisher": publisher or PublisherResource(workspace=workspace),
        "workspace_lock": WorkspaceLockResource(workspace=workspace, job=refresh.name),
        "progress": progress or ProgressReporter(),
        "dbt": make_dbt_resource(),
    }


def build_definitions(
    workspace: WorkspaceResource | None = None,
    progress: ProgressReporter | None = None,
    publisher: PublisherResource | None = None,
    schedule: dg.ScheduleDefinition | None = None,
) -> dg.Definitions:
    """Return the definitions for a workspace and its resources, with the schedule that the environment asks for."""
    return dg.Definitions(
        assets=[publications, *drop_assets, observations, refresh_plan, landing, build_marts(), *release_assets],
        asset_checks=[value_checks, gate],
        jobs=[refresh],
        schedules=[schedule or make_schedule()],
        sensors=[drop_folder_sensor],
        resources=build_resources(workspace, progress, publisher),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What the UI, the daemon and the schedule load."""
    return build_definitions()
