"""Jobs: the one refresh that the schedule, the sensor, the UI and the command line all run."""

import dagster as dg

from orchestration.assets.drops import DROPS_BY_GRAIN

# Partitioned drops are re-read one period at a time from the UI; a refresh reads whatever is new, of any period. One
# process runs the steps in turn: DuckDB has one writer.
refresh = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(*DROPS_BY_GRAIN.values()),
    executor_def=dg.in_process_executor,
    description="Archive the drop folder, read what is new, build the marts, validate the extracts, and release them.",
)
