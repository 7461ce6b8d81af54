"""The disclosure audit: what published figures, taken together, already reveal, and whether a release adds to it.

`facts` turns figures into integer cells and constraints; `sums` and `stars` each tighten bounds by one kind of
constraint; `propagation` alternates them until nothing changes; `grades` says what the bounds reveal, in aggregates;
`amplification` and `absolute` are the two gates; `explanation` tells the chain of facts behind one cell.
Everything runs inside DuckDB, in integers. Findings about single cells stay in the connection they were made in.
"""
