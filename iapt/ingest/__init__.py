"""Drops: the bytes as published. Get them, keep them, read them into observations. Never imports Dagster."""
