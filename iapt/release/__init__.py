"""Releases: stage, gate, publish and describe what leaves. Never imports Dagster."""
