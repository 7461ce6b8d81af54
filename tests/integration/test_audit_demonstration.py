"""The audit of the demonstration, from its drops through the marts: the truth is within the bounds of every count."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd
import pytest

from iapt.contract import FACT_GRAINS, POPULATION, Grain
from iapt.disclosure.disclosure_risk import classify_risk
from iapt.disclosure.model import load_formulas
from iapt.disclosure.period_audits import SourceTables, bound_source
from iapt.synthetic import Truth, build_truth
from iapt.synthetic.measures import ANNUAL, LONG_QUARTERLY, MONTHLY, Measure, compute_true_figure, get_counts
from tests.factories.seeds import SEEDS
from tests.integration.conftest import BuiltHome
from tests.unit.test_audit_soundness import wrong_complements

#: A period of each grain that the built home has, with the levels its files are of.
AUDITED: dict[Grain, tuple[str, set[str]]] = {
    "month": ("2025-06", {"england", "region", "sub_icb", "provider", "sub_icb_provider"}),
    "quarter": ("2025-26 Q3", {"england", "region", "icb", "sub_icb", "provider", "sub_icb_provider"}),
    "year": ("2024-25", {"england", "region", "icb", "provider"}),
}
FACTS = {grain: table for table, grain in FACT_GRAINS.items()}


@pytest.fixture(scope="module")
def truth() -> Truth:
    return build_truth()


@pytest.fixture
def warehouse(released_home: BuiltHome) -> Iterator[duckdb.DuckDBPyConnection]:
    path = released_home.home.warehouse
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as {path.stem} (read_only)")
        connection.execute(f"use {path.stem}")
        yield connection


def true_counts(truth: Truth, grain: Grain, period: str) -> pd.DataFrame:
    """The true count behind every published count of a period, named as the marts name it."""
    frame: pd.DataFrame = {"month": truth.monthly, "quarter": truth.quarterly, "year": truth.annual}[grain]
    frame = frame[frame["period"] == period]
    measures = {"month": MONTHLY, "quarter": LONG_QUARTERLY, "year": ANNUAL}[grain]
    shown = [one for one in measures if one.statistic == "count" and (not one.names or one.exists_in(period))]
    counts = get_counts(frame)
    keys = frame[["period", "level", "code", "partner_code", "variable_type", "variable_a", "variable_b"]]
    keys = keys.set_axis(list(POPULATION), axis="columns").replace("", None)
    keys["org_code"] = keys["org_code"].replace("England", "E92000001")
    cells = pd.concat([keys] * len(shown), ignore_index=True)
    cells["measure"] = np.repeat([slug_of(one, grain) for one in shown], len(frame))
    cells["count"] = np.concatenate([compute_true_figure(one, counts)[0] for one in shown])
    return cells


def slug_of(measure: Measure, grain: Grain) -> str:
    """The reviewed name of a demonstration's measure: by its id in the long files, by its column in the annual ones."""
    if grain == "year":
        aliases = pd.read_csv(SEEDS / "measure_aliases.csv", keep_default_na=False)
        named = aliases[(aliases["series"] == "annual") & (aliases["name_as_published"] == measure.key)]
    else:
        reviewed = pd.read_csv(SEEDS / "measures.csv", keep_default_na=False)
        named = reviewed[reviewed["measure_id"] == measure.key]
    (slug,) = named["measure"]
    return str(slug)


@pytest.mark.parametrize("grain", AUDITED)
def test_the_truth_of_the_demonstration_is_within_the_bounds_of_every_published_count(
    grain: Grain, truth: Truth, warehouse: duckdb.DuckDBPyConnection
) -> None:
    period, levels = AUDITED[grain]
    load_formulas(warehouse, "marts.dim_measure")
    tables = SourceTables(f"marts.{FACTS[grain]}", "marts.dim_measure")
    assert bound_source(warehouse, grain, tables, f"period = '{period}'", to_the_end=True)
    warehouse.register("true_count", true_counts(truth, grain, period))
    warehouse.execute(
        f"""
        create temp table truth as
        select hash(population, measure) as cell, population, measure, count
        from (select hash({", ".join(f"cast({column} as varchar)" for column in POPULATION)}) as population,
            measure, count from true_count)
        """
    )
    audited, true, both, outside = warehouse.execute(
        """
        select
            count(cell.cell), count(truth.cell), count(*) filter (cell.cell = truth.cell),
            count(*) filter (truth.count not between cell.lower_bound and cell.upper_bound)
        from cell full join truth using (cell)
        """
    ).fetchone() or (0, 0, 0, 0)
    assert audited == true == both > 500
    assert outside == 0
    shown = warehouse.execute("select distinct org_level from cell join place using (place)").fetchall()
    assert {level for (level,) in shown} == levels
    assert warehouse.execute("select count(*) from inconsistent_cell").fetchone() == (0,)
    contradicted = warehouse.execute(
        "select sum(contradicted), sum(complete_sums) > 0 from relation_evidence"
    ).fetchone()
    assert contradicted == (0, True)
    narrowed, pinned = warehouse.execute(
        """
        select
            count(*) filter (lower_bound > initial_lower or upper_bound < initial_upper),
            count(*) filter (lower_bound = upper_bound)
        from cell where is_suppressed
        """
    ).fetchone() or (0, 0)
    assert narrowed > pinned > 0
    classify_risk(warehouse)
    assert wrong_complements(warehouse) == []
