"""The disclosure audit: what published figures, taken together, already reveal, and whether a release adds to it.

`model` turns published values into integer cells with bounds; `additivity_constraints` and `percentage_constraints`
each tighten bounds by one kind of constraint; `propagation` alternates them until nothing changes; `disclosure_risk`
says what the bounds reveal, in aggregates; `residual_disclosure` and `standalone_disclosure` are the two gates, and
`source_reconciliation` compares every row with its source; `explanation` gives the chain of facts behind one cell.

Everything runs inside DuckDB, in integers, by the steps in sql/ on the tables of `working_tables`. Findings about
single cells stay in the connection they were made in.
"""
