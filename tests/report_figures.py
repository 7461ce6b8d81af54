"""Every figure a report's data files hold, and every figure of the release that they should: to compare the two."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from orchestration.home import CATALOGUE
from orchestration.report.outline import load_outline

EXTRACTS = {"monthly": "extract_monthly", "quarterly": "extract_quarterly", "annual": "extract_annual"}
Figure = tuple[str, str, str, str, str, str]


def data_of(script: Path) -> Any:
    """What a data file hands over."""
    found = re.fullmatch(r'iapt\.receive\("[^"]*",(.*)\);\n', script.read_text("utf-8"), re.DOTALL)
    assert found, script
    return json.loads(found[1])


def shown_figures(report: Path, slug: str) -> dict[Figure, int]:
    """Family, code, population, measure, period and text of each cell of one report, those that do not apply apart.

    How often each is there, in no order: of millions of figures it takes longer to sort them than to compare them.
    """
    outline = load_outline(CATALOGUE / "report.yml")
    site = data_of(report / "data" / "site.js")
    periods = [fields[0] for fields in site["reports"][slug]["periods"]]
    shown: Counter[Figure] = Counter()
    for identity, family, _, code, *_ in site["areas"]:
        path = report / "data" / slug / f"{identity}.js"
        for key, series in data_of(path)["series"].items() if path.is_file() else ():
            for measure, cells in zip(outline.measure_order, series, strict=True):
                shown.update(
                    (family, code, key, measure, periods[at], cell.split("~")[0])
                    for at, cell in enumerate(cells.split(","))
                    if cell not in ("", "z")
                )
    return dict(shown)


def released_figures(release: Path, slug: str) -> dict[Figure, int]:
    """The same of the released extract, as far as the outline shows it."""
    outline = load_outline(CATALOGUE / "report.yml")
    with duckdb.connect(str(release / "iapt.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            f"""
            select level[2], org_code, population_type || '/' || population, measure, period,
                   case value_status when 'suppressed' then 'c' when 'not_published' then 'x'
                        else case when statistic in ('mean', 'median') then printf('%.1f', value)
                                  else cast(cast(value as bigint) as varchar) end end
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
        ).fetchall()
    return dict(Counter(rows))
