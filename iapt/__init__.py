"""The pipeline's plain Python: get drops, read them, audit, release and report. Never imports Dagster."""
