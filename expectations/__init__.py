"""What a drop, a mart and a staged release must satisfy: the suites, and their run by Great Expectations in DuckDB."""
