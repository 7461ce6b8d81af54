"""Period builds: in which build of the warehouse the rows of each period of a model were made last."""

from __future__ import annotations

import duckdb

from iapt.contract import Grain


def read_period_builds(
    connection: duckdb.DuckDBPyConnection, catalogue: str, model: str, grain: Grain
) -> dict[str, str]:
    """Return, by the label of the period, the builds that made the rows of a model in a warehouse that is attached.

    A period that no build says it made is left out: nothing is known of its rows. Raises duckdb.Error where the
    warehouse cannot be read.
    """
    known = connection.execute(
        "select count(*) from duckdb_tables() "
        "where database_name = ? and schema_name = 'landing' and table_name = 'period_builds'",
        [catalogue],
    ).fetchall()
    if known != [(1,)]:
        return {}
    return dict(
        connection.execute(
            f"""
            select periods.period, string_agg(distinct builds.build, ' ' order by builds.build)
            from {catalogue}.landing.period_builds as builds
            inner join {catalogue}.marts.dim_period as periods using (period_grain, period_start)
            where builds.model = ? and builds.period_grain = ?
            group by periods.period
            """,
            [model, grain],
        ).fetchall()
    )
