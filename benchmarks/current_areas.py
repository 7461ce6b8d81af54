"""Figures on current boundaries beside the sums of their parts, and what changed of them between two releases.

    python benchmarks/current_areas.py RELEASE [EARLIER]

RELEASE is a release folder. The first table counts, for every period and level, the counts of ICBs and regions of today
all of whose parts of today have a figure in the same table, and those whose bounds do not meet the bounds of the sum of
these. With an EARLIER release folder, the second table counts the rows of extract_*_current_boundaries by what they
were and are: how they are related to today's area, and whether value, status or bounds differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

TABLES = (
    "extract_annual_current_boundaries",
    "extract_quarterly_current_boundaries",
    "extract_monthly_current_boundaries",
)
OF_TODAYS_AREA = "('same', 'recoded', 'merged', 'summed')"

BESIDE_PARTS = """
with today as (
    select org_level, org_code, if(org_level = 'icb', 'region', 'icb') as whole_level, current_parent_code as whole_code
    from read_parquet('{release}/dim_organisation.parquet')
    where org_level in ('icb', 'sub_icb') and org_type = org_level and valid_to is null
        and current_parent_code is not null
),
sizes as (select whole_level, whole_code, count(*) as parts from today group by all),
counts as (
    select *, concat_ws('|', measure, variable_type, coalesce(variable_a, ''), coalesce(variable_b, '')) as cell
    from read_parquet('{release}/{table}.parquet')
    where statistic = 'count' and value_status <> 'not_published'
),
sums as (
    select period, cell, whole_level, whole_code, count(*) as found, sum(lower_bound) as lowest,
        sum(upper_bound) as highest
    from counts join today using (org_level, org_code)
    where comparability in {of_todays_area}
    group by all
)
select
    counts.period, counts.org_level, count(distinct counts.org_code) as organisations,
    count(*) filter (found = parts) as compared,
    count(*) filter (found = parts and (lower_bound > highest or upper_bound < lowest)) as outside,
    count(*) filter (found is null or found < parts) as without_all_parts
from counts
join sizes on sizes.whole_level = counts.org_level and sizes.whole_code = counts.org_code
left join sums on sums.period = counts.period and sums.cell = counts.cell
    and sums.whole_level = counts.org_level and sums.whole_code = counts.org_code
where counts.comparability in {of_todays_area}
group by all order by all
"""

CHANGED = """
with keyed as (
    select 'before' as release, * from read_parquet('{earlier}/{table}.parquet')
    union all by name
    select 'after' as release, * from read_parquet('{release}/{table}.parquet')
),
cells as (
    select
        any_value(comparability) filter (release = 'before') as before,
        any_value(comparability) filter (release = 'after') as after,
        count(distinct coalesce(cast(value as varchar), '')) > 1 as has_another_value,
        count(distinct value_status) > 1 as has_another_status,
        count(distinct coalesce(lower_bound || '-' || upper_bound, '')) > 1 as has_other_bounds
    from keyed
    group by period, org_level, org_code, measure, variable_type, coalesce(variable_a, ''), coalesce(variable_b, '')
)
select
    coalesce(before, 'no row') as before, coalesce(after, 'no row') as after, count(*),
    count(*) filter (has_another_value), count(*) filter (has_another_status), count(*) filter (has_other_bounds)
from cells group by 1, 2 order by 1, 2
"""

out = Console(highlight=False, soft_wrap=True)


def print_rows(title: str, columns: list[str], rows: list[tuple[object, ...]]) -> None:
    """Print the rows of a query as a table."""
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    out.print(table)


def main() -> None:
    """Print both tables for each table on current boundaries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("earlier", type=Path, nargs="?")
    chosen = parser.parse_args()
    with duckdb.connect() as connection:
        for table in TABLES:
            names = {"table": table, "release": chosen.release, "of_todays_area": OF_TODAYS_AREA}
            rows = connection.execute(BESIDE_PARTS.format(**names)).fetchall()
            columns = ["period", "level", "organisations", "compared", "outside", "not all parts there"]
            print_rows(f"{table}: counts beside the sum of their parts", columns, rows)
            if chosen.earlier is not None:
                rows = connection.execute(CHANGED.format(earlier=chosen.earlier, **names)).fetchall()
                columns = ["before", "after", "rows", "another value", "another status", "other bounds"]
                print_rows(f"{table}: rows by what they were and are", columns, rows)


if __name__ == "__main__":
    main()
