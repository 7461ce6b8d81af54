"""Dagster assets and asset checks; each module wires one room, the work itself is in plain Python elsewhere."""
