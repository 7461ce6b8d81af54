"""WHAT may leave: the rules a staged release must keep, run by Great Expectations inside DuckDB."""
