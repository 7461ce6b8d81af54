"""Additivity constraints: cells that add up to another cell, or never exceed it.

A sum is complete when every member that any value of its period shows is there: members and total then bound each other
from both sides. A sum that lacks a member, or that is declared an upper bound only, says that its members never exceed
the total. Additivity is evidence, not faith: each declared relation is measured again on the values at hand, and one
that they contradict for a measure is not used for it.
"""

from __future__ import annotations

from functools import partial

import duckdb

from iapt.catalogue.relations import Relations
from iapt.contract import ENGLAND, POPULATION, Grain
from iapt.disclosure.working_tables import create_tables, run_step
from iapt.sql import quote_literal, sql_list

_NULL = "cast(null as varchar)"


def build_sums(connection: duckdb.DuckDBPyConnection, grain: Grain, relations: Relations) -> None:
    """Build the sums of every relation declared for a grain, from the loaded cells and their places.

    A relation's members are counted within its scope: those of one parent, or the categories of one period.
    """
    relate_populations = partial(run_step, connection, "relate_populations")
    create_tables(connection, "related_place")
    for level in relations.levels:
        if grain in level.grains and level.additive != "no":
            code = quote_literal(ENGLAND) if level.by == "england" else level.by
            relate_populations(
                relation=quote_literal(f"{level.members} within {level.parent}"),
                condition=f"org_level = {quote_literal(level.members)} and {code} is not null",
                scope=f"period, {code}",
                member="org_code, partner_code",
                total_population=_list_population(
                    org_level=quote_literal(level.parent), org_code=code, partner_code=_NULL
                ),
                can_be_complete=level.additive == "yes",
            )
    for category in relations.categories:
        if grain in category.grains and category.additive != "no":
            relate_populations(
                relation=quote_literal(f"{category.variable_type} within Total"),
                condition=f"variable_type = {quote_literal(category.variable_type)}",
                scope="period",
                member="variable_a, variable_b",
                total_population=_list_population(variable_type="'Total'", variable_a=_NULL, variable_b=_NULL),
                can_be_complete=category.additive == "yes",
            )
    inequalities = [
        {
            "relation": quote_literal(f"{' + '.join(inequality.parts)} within {inequality.whole}"),
            "whole": quote_literal(inequality.whole),
            "parts": sql_list(inequality.parts),
        }
        for inequality in relations.inequalities
        if grain in inequality.grains
    ]
    run_step(connection, "build_sums", creates=("sum_total", "sum_member"), inequalities=inequalities)


def _list_population(**replaced: str) -> str:
    """SQL of the columns of another population: that of a row, but for some columns."""
    return ", ".join(replaced.get(column, column) for column in POPULATION)


def measure_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Count how many sums of each period, relation and measure the initial bounds contradict.

    The sums of a period, relation and measure that some of them contradict are left out.
    """
    run_step(connection, "measure_relations", creates=("relation_evidence", "changed_cell"))


def bound_sums(connection: duckdb.DuckDBPyConnection) -> None:
    """Make candidate bounds of the sums, after taking over what has changed of their cells."""
    run_step(connection, "add_up_changes")
    create_tables(connection, "changed_cell")
    run_step(connection, "bound_sums", creates=("sum_bound", "candidate_bound"))
