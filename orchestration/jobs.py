"""Jobs: the one refresh that the schedule, the sensor, the UI and the command line all run."""

from typing import Final

import dagster as dg

from orchestration.assets.drops import DROPS_BY_GRAIN

#: The steps of the refresh that are told what to do.
CONFIGURED_STEPS: Final = ("publications", "archived_drops", "observations", "refresh_plan")

# Partitioned drops are re-read one period at a time from the UI; a refresh reads whatever is new, of any period. One
# process runs the steps in turn: DuckDB has one writer.
refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*DROPS_BY_GRAIN.values()),
    executor_def=dg.in_process_executor,
    description=(
        "Archive the drop folder, or what the publisher has; read what is new, build the marts, validate the extracts, "
        "and release them."
    ),
)
