"""Every figure a report's data files hold, beside every figure of the release that they should: to compare the two."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from orchestration.home import CATALOGUE
from orchestration.report.outline import load_outline

EXTRACTS = {"monthly": "extract_monthly", "quarterly": "extract_quarterly", "annual": "extract_annual"}
SERIES = ("family", "code", "population", "measure", "cells")


@dataclass(frozen=True)
class FiguresCompared:
    """How many figures a report shows and its release holds, and how many of them are on one side alone."""

    shown: int
    released: int
    on_one_side_alone: int


def data_of(script: Path) -> Any:
    """What a data file hands over."""
    found = re.fullmatch(r'iapt\.receive\("[^"]*",(.*)\);\n', script.read_text("utf-8"), re.DOTALL)
    assert found, script
    return json.loads(found[1])


def compare_figures(report: Path, release: Path, slug: str) -> FiguresCompared:
    """Compare the cells of one report, those that do not apply apart, with those of the released extract.

    A figure is its family of areas, code, population, measure, period and text; one that stands twice counts twice.
    There are millions: the database compares them, by the sum of their hashes, and one by one where those differ.
    """
    with duckdb.connect(str(release / "iapt.duckdb"), read_only=True) as connection:
        _take_shown(connection, report, slug)
        _take_released(connection, slug)
        (shown, digest_shown), (released, digest_released) = (
            connection.execute(f"select count(*), sum(hash(figure)::hugeint) from {side} as figure").fetchall()[0]
            for side in ("shown", "released")
        )
        if (shown, digest_shown) == (released, digest_released):
            return FiguresCompared(shown, released, on_one_side_alone=0)
        differing = connection.execute(
            """
            select count(*)
            from ((from shown except all from released) union all (from released except all from shown))
            """
        ).fetchall()
    return FiguresCompared(shown, released, differing[0][0])


def _take_shown(connection: duckdb.DuckDBPyConnection, report: Path, slug: str) -> None:
    """Make the table `shown`: the family, code, population, measure, period and text of each cell of one report."""
    site = data_of(report / "data" / "site.js")
    series = pd.DataFrame(_series_of(report, slug, site), columns=list(SERIES))
    connection.register("series", series)
    connection.execute(
        """
        create temp table shown as
        with cells as (
            select
                family, code, population, measure,
                unnest(string_split(cells, ',')) as cell,
                generate_subscripts(string_split(cells, ','), 1) as number
            from series
        )
        select family, code, population, measure, $periods[number] as period, split_part(cell, '~', 1) as text
        from cells
        where cell not in ('', 'z')
        """,
        {"periods": [fields[0] for fields in site["reports"][slug]["periods"]]},
    )


def _series_of(report: Path, slug: str, site: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """The cells of each area, population and measure, one for each period, as its data file has them."""
    measures = load_outline(CATALOGUE / "report.yml").measure_order
    for identity, family, _, code, *_ in site["areas"]:
        path = report / "data" / slug / f"{identity}.js"
        for population, series in data_of(path)["series"].items() if path.is_file() else ():
            for measure, cells in zip(measures, series, strict=True):
                if cells:
                    yield family, code, population, measure, cells


def _take_released(connection: duckdb.DuckDBPyConnection, slug: str) -> None:
    """Make the table `released`: the same of the released extract, as far as the outline shows it."""
    outline = load_outline(CATALOGUE / "report.yml")
    connection.execute(
        f"""
        create temp table released as
        select level[2] as family, org_code as code, population_type || '/' || population as population, measure,
               period,
               case value_status when 'suppressed' then 'c' when 'not_published' then 'x'
                    else case when statistic in ('mean', 'median') then printf('%.1f', value)
                              else cast(cast(value as bigint) as varchar) end end as text
        from {EXTRACTS[slug]} as extracts
        inner join dim_population as populations
            on extracts.variable_type = populations.variable_type
            and extracts.variable_a is not distinct from populations.variable_a
            and extracts.variable_b is not distinct from populations.variable_b
        inner join (select unnest($levels) as level) on org_level = level[1]
        where population_type in (select unnest($kinds)) and measure in (select unnest($measures))
        """,
        {
            "levels": [[level, family.slug] for level, family in outline.family_of.items()],
            "kinds": ["total", *(variable.population_type for variable in outline.variables)],
            "measures": list(outline.measure_order),
        },
    )
