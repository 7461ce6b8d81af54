"""Schedules: when the refresh runs by itself."""

import dagster as dg

from orchestration.jobs import refresh

# The monthly file comes out on a Thursday in the second week (docs/sources.md#publications); the day after, early,
# it is there.
monthly_refresh = dg.ScheduleDefinition(
    name="monthly_refresh",
    job=refresh,
    cron_schedule="0 6 15 * *",
    execution_timezone="Europe/London",
    description="Refresh from the drop folder on the 15th of every month.",
)
