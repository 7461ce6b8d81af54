"""Dagster's definitions, and the `iapt` command that runs them."""
