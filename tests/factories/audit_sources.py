"""Small made sources for the tests of the disclosure audit: true counts, and what is published of them.

Every organisation and every figure is invented. The rule that publishes is written out here a second time: the audit
has to undo it, so it must not be the audit's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import duckdb
import numpy as np
import pandas as pd

from iapt.catalogue.relations import CategorySum, Inequality, LevelSum, Relations
from iapt.contract import POPULATION, Grain
from iapt.disclosure.additivity_constraints import build_sums, measure_relations
from iapt.disclosure.model import PUBLISHERS_ROUNDING, Rounding, load_cells, load_formulas, load_values
from iapt.disclosure.percentage_constraints import build_terms
from iapt.disclosure.propagation import MAX_SWEEPS, Propagation, propagate
from tests.factories.seeds import read_seed

PERIODS: Mapping[Grain, str] = {"month": "2025-06", "quarter": "2025-26 Q1", "year": "2024-25"}

FINISHED = "count_finished_course_treatment"
NOT_AT_CASENESS = "count_not_at_caseness"
RECOVERY = "count_recovery"
RELIABLE_RECOVERY = "count_reliable_recovery"
IMPROVEMENT = "count_reliable_improvement"
DETERIORATION = "count_reliable_deterioration"
NO_CHANGE = "count_no_reliable_change"
WITHIN_6_WEEKS = "count_accessing_services_6_weeks_finished_course_treatment"
ENDED = "count_ended_referrals"
ENDED_BEFORE = "count_ended_before_treatment"
ENDED_ONCE = "count_ended_treated_once"
COUNTS = (
    *(FINISHED, NOT_AT_CASENESS, RECOVERY, RELIABLE_RECOVERY, IMPROVEMENT, DETERIORATION, NO_CHANGE),
    *(WITHIN_6_WEEKS, ENDED, ENDED_BEFORE, ENDED_ONCE),
)
#: One row's constraint group: a base, the count excluded from it, and four numerators. Every other count is left out.
ONE_GROUP = (FINISHED, NOT_AT_CASENESS, RECOVERY, RELIABLE_RECOVERY, IMPROVEMENT)


_GRAINS: tuple[Grain, ...] = ("month", "quarter", "year")


def _level(members: str, parent: str, by: Literal["england", "parent_code", "org_code", "partner_code"]) -> LevelSum:
    return LevelSum(parent=parent, members=members, by=by, grains=_GRAINS, additive="yes", evidence="made so")


#: Everything that adds up in a made source. The catalogue declares less, and changes with the evidence.
RELATIONS = Relations(
    levels=(
        *(_level(members, "england", "england") for members in ("region", "icb", "sub_icb", "provider")),
        _level("sub_icb", "icb", "parent_code"),
        _level("sub_icb_provider", "sub_icb", "org_code"),
        _level("sub_icb_provider", "provider", "partner_code"),
    ),
    categories=tuple(
        CategorySum(variable_type=variable, grains=_GRAINS, additive="yes", evidence="made so")
        for variable in ("Age Group", "Gender")
    ),
    inequalities=tuple(
        Inequality(parts=parts, whole=whole, grains=("month", "year"), evidence="made so")
        for parts, whole in (
            ((RELIABLE_RECOVERY,), RECOVERY),
            ((RELIABLE_RECOVERY,), IMPROVEMENT),
            ((IMPROVEMENT, DETERIORATION, NO_CHANGE), FINISHED),
        )
    ),
)


class Population(NamedTuple):
    """Whom a figure is about, and the parent that its rows name."""

    period: str
    org_level: str
    org_code: str
    partner_code: str | None = None
    variable_type: str = "Total"
    variable_a: str | None = None
    variable_b: str | None = None
    parent_code: str | None = None

    @property
    def is_england(self) -> bool:
        return self.org_level == "england"


Cell = tuple[Population, str]
Counts = dict[Cell, int]
Bounds = dict[Cell, tuple[int, int]]


class Formula(NamedTuple):
    """A percentage: the counts that its numerator adds up, and those its denominator adds and takes away."""

    numerators: tuple[str, ...]
    base: str
    excluded: str | None


def _read_formulas() -> dict[str, Formula]:
    parts: dict[str, dict[tuple[str, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in read_seed("measure_formulas"):
        parts[row["measure"]][row["part"], int(row["sign"])].append(row["component"])
    return {
        measure: Formula(
            tuple(sorted(terms["numerator", 1])),
            terms["denominator", 1][0],
            next(iter(terms["denominator", -1]), None),
        )
        for measure, terms in parts.items()
    }


FORMULAS: Mapping[str, Formula] = _read_formulas()


# -- the forward rule -------------------------------------------------------------------------------------------------


def shown_count(count: int, rounding: Rounding) -> int | None:
    """A count as published: None where it is hidden, else to the nearest of the base, half up."""
    if count < rounding.threshold:
        return None
    return (count + rounding.base // 2) // rounding.base * rounding.base


def counts_behind(shown: int | None, rounding: Rounding) -> tuple[int, int]:
    """The least and the greatest count that are published as this one; a count the rule cannot give is exact."""
    behind = [
        count
        for count in range((rounding.threshold if shown is None else shown) + rounding.base + 1)
        if shown_count(count, rounding) == shown
    ]
    if not behind:
        assert shown is not None, "nothing is hidden under this rule"
        return shown, shown
    return behind[0], behind[-1]


def whole_percentage(numerator: int, denominator: int) -> int:
    """A percentage without decimals, half up."""
    return (200 * numerator + denominator) // (2 * denominator)


def percentage_in_tenths(numerator: int, denominator: int) -> float:
    """A percentage with one decimal, half up."""
    return ((2000 * numerator + denominator) // (2 * denominator)) / 10


@dataclass(frozen=True)
class Figure:
    """One published figure."""

    population: Population
    measure: str
    value: float | None
    value_status: str = "published"
    lower_bound: int | None = None
    upper_bound: int | None = None

    @property
    def cell(self) -> Cell:
        return self.population, self.measure

    @property
    def statistic(self) -> str:
        return self.measure.split("_", 1)[0]


def is_exact(population: Population, rounding: Rounding) -> bool:
    """Whether the figures of a population are shown as they are, to a tenth of a per cent."""
    return population.is_england and rounding.england_is_exact


def count_figure(population: Population, measure: str, count: int, rounding: Rounding) -> Figure:
    """A true count as it is published."""
    shown = count if is_exact(population, rounding) else shown_count(count, rounding)
    return shown_figure(population, measure, shown)


def shown_figure(population: Population, measure: str, shown: float | None) -> Figure:
    """A figure that shows a number, or hides it."""
    return Figure(population, measure, shown, "suppressed" if shown is None else "published")


def rate_parts(rate: str, population: Population, counts: Mapping[Cell, int]) -> tuple[int, int] | None:
    """The true numerator and denominator of a percentage, where all their counts are known."""
    formula = FORMULAS[rate]
    excluded = () if formula.excluded is None else (formula.excluded,)
    if any((population, measure) not in counts for measure in (*formula.numerators, formula.base, *excluded)):
        return None
    numerator = sum(counts[population, measure] for measure in formula.numerators)
    denominator = counts[population, formula.base] - sum(counts[population, measure] for measure in excluded)
    return numerator, denominator


def publish(counts: Counts, rounding: Rounding = PUBLISHERS_ROUNDING) -> list[Figure]:
    """Every count and every percentage that can be made of them, by the publisher's rule with these numbers."""
    figures = [count_figure(population, measure, count, rounding) for (population, measure), count in counts.items()]
    for population in dict.fromkeys(population for population, _ in counts):
        for rate in FORMULAS:
            parts = rate_parts(rate, population, counts)
            if parts is None:
                continue
            numerator, denominator = parts
            if numerator < rounding.threshold and not is_exact(population, rounding):
                figures.append(shown_figure(population, rate, None))
            elif denominator > 0:
                made = percentage_in_tenths if is_exact(population, rounding) else whole_percentage
                figures.append(shown_figure(population, rate, made(numerator, denominator)))
    return figures


# -- the truth --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """How large a made source is: what is there of each kind, and about how many courses one cell of it finishes."""

    icbs: int = 2
    sub_icbs: int = 2
    providers: int = 2
    ages: int = 2
    size: int = 8
    measures: tuple[str, ...] = COUNTS


def make_counts(grain: Grain, seed: int, shape: Shape = Shape(), period: str | None = None) -> Counts:
    """True counts of a period at every level of its grain, with the categories the grain breaks down by.

    What adds up in the declared relations adds up here, and what cannot exceed another count does not.
    """
    period = period or PERIODS[grain]
    random = np.random.default_rng(seed)
    counts: dict[Cell, int] = defaultdict(int)
    genders = ("Female", "Male")
    for icb in range(shape.icbs):
        for sub_icb in range(shape.sub_icbs):
            for provider in range(shape.providers):
                place = _Place(icb, sub_icb, provider)
                for age in range(shape.ages):
                    for gender in genders:
                        unit = _unit(random, shape.size)
                        for population in _populations(grain, period, place, f"age {age}", gender):
                            for measure in shape.measures:
                                counts[population, measure] += unit[measure]
    return dict(counts)


class _Place(NamedTuple):
    icb: int
    sub_icb: int
    provider: int


def _unit(random: np.random.Generator, size: int) -> dict[str, int]:
    """Counts of a few people that belong together; now and then of nobody, or of all."""

    def some_of(whole: int) -> int:
        return int(random.binomial(whole, random.choice([0.0, 0.05, 0.3, 0.5, 0.9, 1.0])))

    finished = int(random.integers(0, size + 1)) * int(random.random() < 0.8)
    improved, worse, same, _ = (int(n) for n in random.multinomial(finished, (0.5, 0.1, 0.3, 0.1)))
    below = some_of(finished)
    recovered = some_of(finished - below)
    before, once = (int(random.integers(0, size + 1)) for _ in range(2))
    return {
        FINISHED: finished,
        NOT_AT_CASENESS: below,
        RECOVERY: recovered,
        RELIABLE_RECOVERY: some_of(min(recovered, improved)),
        IMPROVEMENT: improved,
        DETERIORATION: worse,
        NO_CHANGE: same,
        WITHIN_6_WEEKS: some_of(finished),
        ENDED: before + once + finished,
        ENDED_BEFORE: before,
        ENDED_ONCE: once,
    }


def _populations(grain: Grain, period: str, place: _Place, age: str, gender: str) -> Iterator[Population]:
    """Every published population that one unit of people is counted in."""
    icb, sub_icb, provider = f"Q{place.icb}", f"{place.icb}{place.sub_icb}A", f"RZ{place.provider}"
    organisations: list[tuple[str, str, str | None, str | None]] = [
        ("england", "E92000001", None, None),
        ("region", f"Y{place.icb % 2}", None, None),
        ("provider", provider, None, None),
    ]
    if grain != "month":
        organisations.append(("icb", icb, None, None))
    if grain != "year":
        organisations.append(("sub_icb", sub_icb, None, icb))
        organisations.append(("sub_icb_provider", sub_icb, provider, icb))
    categories: list[tuple[str, str | None]] = [("Total", None)]
    if grain != "month":
        categories.append(("Gender", gender))
    if grain == "year":
        categories.append(("Age Group", age))
    for level, code, partner, parent in organisations:
        for variable, category in categories:
            yield Population(period, level, code, partner, variable, category, None, parent)


# -- the tables -------------------------------------------------------------------------------------------------------

_TYPES = {
    **dict.fromkeys((*POPULATION, "parent_code", "measure", "statistic", "value_status"), "varchar"),
    "value": "double",
    "lower_bound": "bigint",
    "upper_bound": "bigint",
}


def write_figures(connection: duckdb.DuckDBPyConnection, table: str, figures: Iterable[Figure]) -> None:
    """Make a table of figures with the columns of a fact, and of an extract, that the audit reads."""
    rows = [
        (
            *(*figure.population, figure.measure, figure.statistic),
            *(figure.value, figure.value_status, figure.lower_bound, figure.upper_bound),
        )
        for figure in figures
    ]
    columns = (*Population._fields, "measure", "statistic", "value", "value_status", "lower_bound", "upper_bound")
    _write(connection, table, pd.DataFrame(rows, columns=list(columns), dtype=object), _TYPES)


def write_measures(connection: duckdb.DuckDBPyConnection, table: str = "dim_measure") -> None:
    """Make the measure dimension: every percentage of the reviewed formulas."""
    rows = [
        (rate, "percentage", " + ".join(formula.numerators), " - ".join(filter(None, formula[1:])))
        for rate, formula in FORMULAS.items()
    ]
    columns = ("measure", "statistic", "numerator", "denominator")
    _write(connection, table, pd.DataFrame(rows, columns=list(columns)), dict.fromkeys(columns, "varchar"))


def write_truth(connection: duckdb.DuckDBPyConnection, counts: Mapping[Cell, int]) -> None:
    """Make `truth` (cell, population, measure, count), its cells named as the audit names them."""
    rows = [(*population, measure, count) for (population, measure), count in counts.items()]
    columns = (*Population._fields, "measure", "count")
    types = {column: _TYPES.get(column, "bigint") for column in columns}
    _write(connection, "true_count", pd.DataFrame(rows, columns=list(columns), dtype=object), types)
    connection.execute(
        f"""
        create or replace table truth as
        select hash(population, measure) as cell, *
        from (select hash({", ".join(POPULATION)}) as population, measure, count from true_count)
        """
    )


def _write(connection: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame, types: Mapping[str, str]) -> None:
    connection.register("made_frame", frame)
    columns = ", ".join(f"cast({column} as {types[column]}) as {column}" for column in frame.columns)
    connection.execute(f"create or replace table {table} as select {columns} from made_frame")
    connection.unregister("made_frame")


# -- the audit --------------------------------------------------------------------------------------------------------


@contextmanager
def make_database() -> Generator[duckdb.DuckDBPyConnection]:
    """A connection of one's own in memory, on one core: the tables are too small for more."""
    with duckdb.connect(config={"threads": 1}) as connection:
        write_measures(connection)
        load_formulas(connection, "dim_measure")
        yield connection


def audit_figures(
    connection: duckdb.DuckDBPyConnection,
    figures: Sequence[Figure],
    grain: Grain = "quarter",
    rounding: Rounding = PUBLISHERS_ROUNDING,
    *,
    relations: Relations = RELATIONS,
    max_sweeps: int = MAX_SWEEPS,
) -> Propagation:
    """Audit figures on a connection from `make_database`; the bounds stand in its `cell`."""
    write_figures(connection, "figures", figures)
    load_values(connection, "figures")
    load_cells(connection, rounding)
    build_terms(connection)
    build_sums(connection, grain, relations)
    measure_relations(connection)
    return propagate(connection, max_sweeps)


def read_bounds(connection: duckdb.DuckDBPyConnection) -> Bounds:
    """The bounds of every cell by what it is of."""
    names = ", ".join((*POPULATION, "parent_code", "measure"))
    population = ", ".join(f"published.{column}" for column in POPULATION)
    rows = connection.execute(
        f"""
        select published.*, lower_bound, upper_bound
        from (select {names} from figures where statistic = 'count') as published
        join cell on cell.cell = hash(hash({population}), published.measure)
        """
    ).fetchall()
    return {(Population(*row[:8]), str(row[8])): (int(row[9]), int(row[10])) for row in rows}


def compute_bounds(
    figures: Sequence[Figure],
    grain: Grain = "quarter",
    rounding: Rounding = PUBLISHERS_ROUNDING,
    *,
    relations: Relations = RELATIONS,
    max_sweeps: int = MAX_SWEEPS,
) -> Bounds:
    """The bounds that the audit of figures comes to."""
    with make_database() as connection:
        audit_figures(connection, figures, grain, rounding, relations=relations, max_sweeps=max_sweeps)
        return read_bounds(connection)


def change_figures(
    figures: Iterable[Figure], change: Callable[[Figure], Figure | None], *, where: Callable[[Figure], bool]
) -> list[Figure]:
    """Figures of which some are replaced, or left out where the change gives None. At least one must be."""
    kept, found = [], 0
    for figure in figures:
        made: Figure | None = figure
        if where(figure):
            found += 1
            made = change(figure)
        if made is not None:
            kept.append(made)
    assert found, "nothing was changed"
    return kept


def with_value(figure: Figure, value: float | None) -> Figure:
    """A figure that shows another number."""
    return replace(figure, value=value, value_status="suppressed" if value is None else "published")


# -- what may leave ---------------------------------------------------------------------------------------------------


def make_extract(counts: Counts, figures: Iterable[Figure], rounding: Rounding = PUBLISHERS_ROUNDING) -> list[Figure]:
    """An extract of a source: its figures with their declared bounds, England's hidden and rounded as all others."""
    rows = []
    for figure in figures:
        value = figure.value
        if is_exact(figure.population, rounding):
            parts = rate_parts(figure.measure, figure.population, counts) if figure.statistic == "percentage" else None
            if parts is None:
                value = shown_count(counts[figure.cell], rounding)
            else:
                value = whole_percentage(*parts) if parts[0] >= rounding.threshold else None
        row = with_value(figure, value)
        if figure.statistic == "count":
            least, most = counts_behind(None if value is None else int(value), rounding)
            row = replace(row, lower_bound=least, upper_bound=most)
        rows.append(row)
    return rows
