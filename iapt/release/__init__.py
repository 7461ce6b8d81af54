"""Releases: stage, publish, describe and verify what is released."""
