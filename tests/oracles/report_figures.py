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

from iapt.catalogue.report_config import load_report_config
from iapt.workspace import CATALOGUE

EXTRACTS = {"monthly": "extract_monthly", "quarterly": "extract_quarterly", "annual": "extract_annual"}
SERIES = ("identity", "population", "measure", "cells")
LEVELS = ("identity", "first", "org_level", "org_code")


@dataclass(frozen=True)
class FiguresCompared:
    """How many figures a report shows and its release holds, and how many of them are on one side alone."""

    shown: int
    released: int
    on_one_side_alone: int


def read_data_file(script: Path) -> Any:
    """What a data file hands over."""
    found = re.fullmatch(r'iapt\.receive\("[^"]*",(.*)\);\n', script.read_text("utf-8"), re.DOTALL)
    assert found, script
    return json.loads(found[1])


def compare_figures(report: Path, release: Path, slug: str) -> FiguresCompared:
    """Compare the cells of one report, those that do not apply apart, with those of the released extract.

    A figure is its level and code as published, population, measure, period and text; one that stands twice
    counts twice.
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
    """Make the table `shown`: the level, code, population, measure, period and text of each cell of one report.

    A place is shown under the codes and levels it has had; sums over the areas within it are in no extract.
    """
    site = read_data_file(report / "data" / "site.js")
    connection.register("series", pd.DataFrame(_series_of(report, slug, site), columns=list(SERIES)))
    levels = [
        (identity, level["first"], level["level"], level["code"])
        for identity, data in _data_of(report, slug, site)
        for level in data["levels"]
    ]
    connection.register("levels", pd.DataFrame(levels, columns=list(LEVELS)))
    connection.execute(
        """
        create temp table shown as
        with cells as (
            select
                identity, population, measure,
                unnest(string_split(cells, ',')) as cell,
                generate_subscripts(string_split(cells, ','), 1) as number
            from series
        )
        select org_level, org_code, population, measure, $periods[number] as period, split_part(cell, '~', 1) as text
        from cells
        asof join levels on cells.identity = levels.identity and cells.number - 1 >= levels.first
        where cell not in ('', 'z') and org_level <> 'sum'
        """,
        {"periods": [period["period"] for period in site["reports"][slug]["periods"]]},
    )


def _data_of(report: Path, slug: str, site: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each area of the site that has a data file in one report, with what the file holds."""
    for area in site["areas"]:
        path = report / "data" / slug / f"{area['id']}.js"
        if path.is_file():
            yield area["id"], read_data_file(path)


def _series_of(report: Path, slug: str, site: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The cells of each area, population and measure, one for each period, as its data file has them."""
    measures = load_report_config(CATALOGUE / "report.yml").measure_order
    for identity, data in _data_of(report, slug, site):
        for population, series in data["series"].items():
            for measure, cells in zip(measures, series, strict=True):
                if cells:
                    yield identity, population, measure, cells


def _take_released(connection: duckdb.DuckDBPyConnection, slug: str) -> None:
    """Make the table `released`: the same of the released extract, as far as the outline shows it."""
    outline = load_report_config(CATALOGUE / "report.yml")
    connection.execute(
        f"""
        create temp table released as
        select extracts.org_level, extracts.org_code, population_type || '/' || population as population, measure,
               period,
               case value_status when 'suppressed' then 'c' when 'not_published' then 'x'
                    else case when statistic in ('mean', 'median') then printf('%.1f', value)
                              else cast(cast(value as bigint) as varchar) end end as text
        from {EXTRACTS[slug]} as extracts
        inner join dim_population as populations
            on extracts.variable_type = populations.variable_type
            and extracts.variable_a is not distinct from populations.variable_a
            and extracts.variable_b is not distinct from populations.variable_b
        inner join dim_organisation as organisations
            on extracts.org_level = organisations.org_level and extracts.org_code = organisations.org_code
        where extracts.org_type <> 'placeholder' and extracts.org_level in (select unnest($levels))
            and population_type in (select unnest($kinds)) and measure in (select unnest($measures))
        """,
        {
            "levels": list(outline.families_by_level),
            "kinds": ["total", *(variable.population_type for variable in outline.variables)],
            "measures": list(outline.measure_order),
        },
    )
