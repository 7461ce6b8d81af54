"""Sums: groups of cells that add up to another cell, or never exceed it: building, measuring and bounding them.

A sum is whole when every member that any figure of its period shows is there: members and total then bound each other
from both sides. A sum that lacks a member, or that is declared an upper bound only, says that its members never exceed
the total. Additivity is evidence, not faith: each declared relation is measured again on the figures at hand, and one
that they contradict for a measure is not used for it.
"""

from __future__ import annotations

import duckdb

from iapt.catalogue.relations import CategorySum, Inequality, LevelSum, Relations
from iapt.contract import ENGLAND, POPULATION, Grain
from iapt.sql import sql_list

_ABSENT = "cast(null as varchar)"
_ENGLAND = f"'{ENGLAND}'"


def build_sums(connection: duckdb.DuckDBPyConnection, grain: Grain, relations: Relations) -> None:
    """Make the tables `total` and `member` of every relation declared for a grain, from `figure` and `cell`.

    A relation's members are counted within its scope: those of one parent, or the categories of one period.
    """
    connection.execute(
        """
        create or replace temp table total (
            sum ubigint, relation varchar, measure varchar, cell ubigint, is_whole boolean
        );
        create or replace temp table member (sum ubigint, cell ubigint)
        """
    )
    for level in relations.levels:
        if grain in level.grains and level.additive != "no":
            _add(connection, f"{level.members} within {level.parent}", _of_level(level), level.additive == "yes")
    for category in relations.categories:
        if grain in category.grains and category.additive != "no":
            _add(
                connection, f"{category.variable_type} within Total", _of_category(category), category.additive == "yes"
            )
    for inequality in relations.inequalities:
        if grain not in inequality.grains:
            continue
        relation = f"{' + '.join(inequality.parts)} within {inequality.whole}"
        _add_inequality(connection, relation, inequality)


def _add(connection: duckdb.DuckDBPyConnection, relation: str, members: str, can_be_whole: bool) -> None:
    connection.execute(
        f"""
        create or replace temp table related as
        select hash(whole, ?) as sum, scope, name, whole, measure, cell from ({members})
        """,
        [relation],
    )
    connection.execute(
        """
        insert into total
        with scopes as (select scope, count(distinct name) as names from related group by scope),
        sums as (
            select sum, any_value(measure) as measure, any_value(whole) as whole, any_value(scope) as scope,
                count(*) as members
            from related group by sum
        )
        select sums.sum, ?, sums.measure, whole, ? and members = names
        from sums join scopes using (scope) semi join cell on whole = cell.cell
        """,
        [relation, can_be_whole],
    )
    connection.execute("insert into member select sum, cell from related semi join total using (sum)")
    connection.execute("drop table related")


def _population(**changed: str) -> str:
    """SQL of another population's name: that of a row, but for some columns."""
    return f"hash({', '.join(changed.get(column, column) for column in POPULATION)})"


def _of_level(level: LevelSum) -> str:
    code = _ENGLAND if level.by == "england" else level.by
    whole = _population(org_level=f"'{level.parent}'", org_code=code, partner_code=_ABSENT)
    return f"""
        select
            hash(period, {code}) as scope, hash(org_code, partner_code) as name,
            hash({whole}, measure) as whole, measure, hash(population, measure) as cell
        from figure where statistic = 'count' and org_level = '{level.members}' and {code} is not null
    """


def _of_category(category: CategorySum) -> str:
    whole = _population(variable_type="'Total'", variable_a=_ABSENT, variable_b=_ABSENT)
    return f"""
        select
            hash(period) as scope, hash(variable_a, variable_b) as name,
            hash({whole}, measure) as whole, measure, hash(population, measure) as cell
        from figure where statistic = 'count' and variable_type in ({sql_list([category.variable_type])})
    """


def _add_inequality(connection: duckdb.DuckDBPyConnection, relation: str, inequality: Inequality) -> None:
    connection.execute(
        f"""
        insert into total
        select hash(cell, ?), ?, measure, cell, false from cell
        where measure = ?
          and population in (select population from cell where measure in ({sql_list(inequality.parts)}))
        """,
        [relation, relation, inequality.whole],
    )
    connection.execute(
        f"""
        insert into member
        select total.sum, parts.cell
        from total
        join cell as wholes on total.cell = wholes.cell
        join cell as parts on wholes.population = parts.population
        where relation = ? and parts.measure in ({sql_list(inequality.parts)})
        """,
        [relation],
    )


def measure_relations(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `evidence`: how many sums of each period, relation and measure the first bounds contradict.

    A period's sums that some of them contradict are left out: an assumption that fails must not bound anything.
    """
    connection.execute(
        """
        create or replace temp table evidence as
        with sums as (
            select member.sum, sum(first_l) as l, sum(first_u) as u
            from member join cell using (cell) group by member.sum
        )
        select
            period, relation, total.measure,
            count(*) as sums,
            count(*) filter (is_whole) as whole_sums,
            count(*) filter (sums.l > cell.first_u or (is_whole and sums.u < cell.first_l)) as contradicted
        from total join sums using (sum) join cell on total.cell = cell.cell
        group by period, relation, total.measure;
        delete from total using evidence, cell
        where total.cell = cell.cell and cell.period = evidence.period
            and total.relation = evidence.relation and total.measure = evidence.measure and evidence.contradicted > 0;
        delete from member where sum not in (select sum from total)
        """
    )


def sum_bounds(connection: duckdb.DuckDBPyConnection, sums: str) -> None:
    """Make the table `proposed` (cell, source, l, u) of the bounds that some sums give: `sums` names their relation.

    Also makes `contradicted_sum`: those that no values within the bounds satisfy.
    """
    connection.execute(
        f"""
        create or replace temp table weighed as
        with members as (
            select member.sum, member.cell, cell.l, cell.u
            from member join cell using (cell) where member.sum in (select sum from {sums})
        ),
        sums as (select sum, sum(l) as members_l, sum(u) as members_u from members group by sum)
        select sums.sum, is_whole, members_l, members_u, total.cell, cell.l as total_l, cell.u as total_u
        from sums join total using (sum) join cell on total.cell = cell.cell;
        create or replace temp table contradicted_sum as
        select sum from weighed where members_l > total_u or (is_whole and members_u < total_l);
        create or replace temp table proposed as
        with possible as (from weighed anti join contradicted_sum using (sum))
        select
            cell, sum as source, cast(members_l as bigint) as l,
            if(is_whole, cast(members_u as bigint), total_u) as u
        from possible
        where members_l > total_l or (is_whole and members_u < total_u)
        union all
        select
            member.cell, sum as source,
            if(is_whole, cast(total_l - (members_u - cell.u) as bigint), cell.l) as l,
            cast(total_u - (members_l - cell.l) as bigint) as u
        from possible join member using (sum) join cell on member.cell = cell.cell
        where
            total_u - (members_l - cell.l) < cell.u
            or (is_whole and total_l - (members_u - cell.u) > cell.l)
        """
    )
