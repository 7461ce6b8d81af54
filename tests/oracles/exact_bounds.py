"""The exact bounds of every count behind a few published figures: by trying everything, and by integer programming.

The facts are written out here a second time, as linear constraints on whole numbers. Both oracles take the same ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import highspy
import numpy as np

from iapt.catalogue.relations import Relations
from iapt.contract import Grain
from iapt.disclosure.model import Rounding
from tests.factories.audit_sources import FORMULAS, RELATIONS, Bounds, Cell, Figure, Population, counts_behind, is_exact

#: Above every count there is, and small enough for a solver that works with floating-point numbers.
NO_LIMIT = 10**9


@dataclass(frozen=True)
class Constraint:
    """What whole multiples of some counts add up to lies between two limits."""

    factors: Mapping[Cell, int]
    least: int
    most: int


@dataclass
class Facts:
    """What is known of some counts: the first bounds of each, and what they have to do with one another."""

    bounds: Bounds
    constraints: list[Constraint] = field(default_factory=list)


def build_facts(figures: Sequence[Figure], grain: Grain, rounding: Rounding, relations: Relations = RELATIONS) -> Facts:
    """The facts that published figures give, with every declared relation of a grain."""
    bounds: Bounds = {}
    for figure in figures:
        if figure.statistic != "count":
            continue
        shown = None if figure.value is None else int(figure.value)
        if is_exact(figure.population, rounding):
            assert shown is not None
            bounds[figure.cell] = (shown, shown)
        else:
            bounds[figure.cell] = counts_behind(shown, rounding)
    facts = Facts(bounds)
    for figure in figures:
        if figure.statistic == "percentage" and figure.value is not None:
            facts.constraints.extend(() if is_exact(figure.population, rounding) else _rate(figure, bounds))
    facts.constraints.extend(_sums(bounds, grain, relations))
    facts.constraints.extend(_inequalities(bounds, grain, relations))
    return facts


def _rate(figure: Figure, bounds: Bounds) -> Iterable[Constraint]:
    """A percentage of n over d: n is about so much of d, either way at a tie, never more than d, and d is not 0."""
    assert figure.value is not None
    formula = FORMULAS[figure.measure]
    numerator = [(figure.population, measure) for measure in formula.numerators]
    denominator: dict[Cell, int] = {(figure.population, formula.base): 1}
    if formula.excluded:
        denominator[figure.population, formula.excluded] = -1
    if any(cell not in bounds for cell in (*numerator, *denominator)):
        return
    tenths = round(figure.value * 10)
    around = 1 if tenths % 10 else 10  # a whole percentage was rounded to whole ones
    for limit, side in ((2 * tenths - around, 1), (2 * tenths + around, -1)):
        factors: dict[Cell, int] = defaultdict(int)
        for cell in numerator:
            factors[cell] += side * 2000
        for cell, sign in denominator.items():
            factors[cell] -= side * sign * limit
        yield Constraint(dict(factors), 0, NO_LIMIT)
    not_more: dict[Cell, int] = defaultdict(int, denominator)
    for cell in numerator:
        not_more[cell] -= 1
    yield Constraint(dict(not_more), 0, NO_LIMIT)
    yield Constraint(denominator, 1, NO_LIMIT)


def _sums(bounds: Bounds, grain: Grain, relations: Relations) -> Iterable[Constraint]:
    """Members add up to their total, or never exceed it. For whole tables: every member must be among the figures."""
    members: dict[tuple[str, Cell, bool], list[Cell]] = defaultdict(list)
    for population, measure in bounds:
        for level in relations.levels:
            if grain in level.grains and level.additive != "no" and population.org_level == level.members:
                code = "E92000001" if level.by == "england" else getattr(population, level.by)
                total = population._replace(org_level=level.parent, org_code=code, partner_code=None, parent_code=None)
                relation = f"{level.members} of {level.parent}"
                members[relation, (total, measure), level.additive == "yes"].append((population, measure))
        for category in relations.categories:
            if grain not in category.grains or category.additive == "no":
                continue
            if population.variable_type == category.variable_type:
                total = population._replace(variable_type="Total", variable_a=None, variable_b=None)
                relation = category.variable_type
                members[relation, (total, measure), category.additive == "yes"].append((population, measure))
    known = {(_name(population), measure): (population, measure) for population, measure in bounds}
    for (_, (population, measure), is_whole), parts in members.items():
        whole = known.get((_name(population), measure))
        if whole is not None:
            yield Constraint({whole: 1} | dict.fromkeys(parts, -1), 0, 0 if is_whole else NO_LIMIT)


def _name(population: Population) -> Population:
    return population._replace(parent_code=None)


def _inequalities(bounds: Bounds, grain: Grain, relations: Relations) -> Iterable[Constraint]:
    for population in dict.fromkeys(population for population, _ in bounds):
        for inequality in relations.inequalities:
            whole = (population, inequality.whole)
            parts = [(population, part) for part in inequality.parts if (population, part) in bounds]
            if grain in inequality.grains and whole in bounds and parts:
                yield Constraint({whole: 1} | dict.fromkeys(parts, -1), 0, NO_LIMIT)


def bounds_by_trial(facts: Facts) -> Bounds:
    """The least and greatest value of every count over all assignments that the facts allow: each is tried."""
    cells = list(facts.bounds)
    assert prod(most - least + 1 for least, most in facts.bounds.values()) <= 3_000_000, "too many to try"
    ranges = [np.arange(least, most + 1) for least, most in facts.bounds.values()]
    values = [axis.ravel() for axis in np.meshgrid(*ranges, indexing="ij")]
    possible = np.ones(len(values[0]), dtype=bool)
    place = {cell: number for number, cell in enumerate(cells)}
    for constraint in facts.constraints:
        total = sum(factor * values[place[cell]] for cell, factor in constraint.factors.items())
        possible &= (constraint.least <= total) & (total <= constraint.most)
    assert possible.any(), "no assignment satisfies the facts"
    return {
        cell: (int(of_cell[possible].min()), int(of_cell[possible].max()))
        for cell, of_cell in zip(cells, values, strict=True)
    }


def bounds_by_solver(facts: Facts, wanted: Iterable[Cell]) -> Bounds:
    """The least and greatest value of some counts, each from two integer programmes."""
    cells = list(facts.bounds)
    place = {cell: number for number, cell in enumerate(cells)}
    least, most = (np.array(side, dtype=float) for side in zip(*facts.bounds.values(), strict=True))
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.addVars(len(cells), least, most)
    every = np.arange(len(cells), dtype=np.int32)
    solver.changeColsIntegrality(len(cells), every, np.array([highspy.HighsVarType.kInteger] * len(cells)))
    for constraint in facts.constraints:
        columns = np.array([place[cell] for cell in constraint.factors], dtype=np.int32)
        factors = np.array(list(constraint.factors.values()), dtype=float)
        top = highspy.kHighsInf if constraint.most >= NO_LIMIT else constraint.most
        solver.addRow(constraint.least, top, len(columns), columns, factors)
    found: Bounds = {}
    for cell in wanted:
        ends = []
        for side in (1.0, -1.0):
            solver.changeColCost(place[cell], side)
            solver.run()
            assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
            ends.append(round(side * solver.getObjectiveValue()))
        solver.changeColCost(place[cell], 0.0)
        found[cell] = (ends[0], ends[1])
    return found
