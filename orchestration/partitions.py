"""Partitions of the drops: months, quarters from April, financial years. Only ingest is partitioned."""

from datetime import datetime

import dagster as dg

# The dataset began in April 2012. Keys are the first day of the period.
_START = datetime(2012, 4, 1)
KEY_FORMAT = "%Y-%m-%d"

months = dg.TimeWindowPartitionsDefinition(start=_START, fmt=KEY_FORMAT, cron_schedule="0 0 1 * *")
quarters = dg.TimeWindowPartitionsDefinition(start=_START, fmt=KEY_FORMAT, cron_schedule="0 0 1 1,4,7,10 *")
financial_years = dg.TimeWindowPartitionsDefinition(start=_START, fmt=KEY_FORMAT, cron_schedule="0 0 1 4 *")

BY_GRAIN = {"month": months, "quarter": quarters, "year": financial_years}
