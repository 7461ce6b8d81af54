"""The rules of the tables that follow from the extracts: they say in another form what an extract says, and no more.

Each is worked out again here from the extracts it stands beside, apart from the models that made it.
"""

from collections.abc import Iterator

from expectations.rules import Rule, with_subject
from expectations.suites.common_rules import expect_no_rows_where, sql_keys, structure_rules
from expectations.suites.extracts import MARKERS, POLICY, org_type_is_that_of_dim_organisation
from expectations.suites.whole_and_part_rules import current_parts
from iapt.contract import CURRENT_BOUNDARIES, EXTRACT_GRAINS, KEYS, POPULATION, TABLES, TOPICS, VALUE_STATUSES
from iapt.sql import sql_list

SUBJECT = "figures_of_the_extracts"
AREAS = "int_current_areas"
#: A figure of exactly the area of today's organisation: carried from one organisation, or added up from several.
CARRIED = ("same", "recoded")
ADDED_UP = ("merged", "summed")
#: Why an organisation of today has no figure.
WITHOUT_FIGURE = ("parts_missing", "boundary_moved", "area_not_known")
#: A figure under the code and name that it was published under.
UNDER_ITS_OWN_CODE = ("former", "not_known")
COMPARABILITIES = TABLES["extract_monthly_current_boundaries"].get_values("comparability")
STANDARD_STATUSES = TABLES["mart_recovery_rate"].get_values("standard_status")
RECORDS = ("valid", "default", "invalid", "missing", "denominator")
FOLLOWS = "Source: a table that follows from the extracts says nothing that they do not say."
#: As much of a figure as must be the same: NULL equals NULL, and a negative zero is not a zero.
_SAME = "cast({left} as varchar) is not distinct from cast({right} as varchar)"


def _same(left: str, right: str) -> str:
    return _SAME.format(left=left, right=right)


def current_boundaries_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of an extract's figures on current boundaries."""
    extract = CURRENT_BOUNDARIES[table]
    markers = " ".join(f"when '{status}' then {marker}" for status, marker in MARKERS.items())
    cell = ", ".join(("period", "level_as_published", "variable_type", "variable_a", "variable_b", "measure"))
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "words_are_known",
            table,
            f"comparability is null or comparability not in ({sql_list(COMPARABILITIES)}) "
            f"or value_status is null or value_status not in ({sql_list(MARKERS)}) "
            f"or value_marker is distinct from case value_status {markers} end",
            f"comparability is one of {', '.join(COMPARABILITIES)}; statuses and markers are those of the extracts. "
            "Source: the data contract of the release.",
        ),
        *with_subject(
            SUBJECT,
            (
                Rule(
                    name="figures_are_the_extracts_or_their_sums",
                    table=table,
                    description=(
                        "A figure is the extract's own of the one organisation it names, or the sum of the counts of "
                        "all that it names, with their bounds added up and their hidden parts counted; or it is empty, "
                        f"and always so where comparability is one of {', '.join(WITHOUT_FIGURE)}. "
                        f"{FOLLOWS}"
                    ),
                    query=f"""
                        with rows as (select *, string_split(codes_as_published, '; ') as codes from {{batch}}),
                        parts as (
                            select
                                {sql_keys(table)}, len(codes) as named, is_derived, comparability,
                                value, value_status, lower_bound, upper_bound, suppressed_parts,
                                {cell.replace("measure", "statistic")}, unnest(codes) as code_as_published
                            from rows
                        ),
                        sums as (
                            select
                                {sql_keys(table, "parts")}, any_value(parts.named) as named,
                                any_value(parts.statistic) as statistic, any_value(parts.is_derived) as is_derived,
                                any_value(parts.comparability) as comparability,
                                any_value(parts.value) as value, any_value(parts.value_status) as value_status,
                                any_value(parts.lower_bound) as lower_bound,
                                any_value(parts.upper_bound) as upper_bound,
                                any_value(parts.suppressed_parts) as suppressed_parts,
                                count(extract.measure) as found,
                                bool_or(extract.value_status = 'not_published') as is_unknown,
                                bool_or(extract.value_status = 'published') as is_shown,
                                any_value(extract.is_derived) as part_is_derived,
                                any_value(extract.suppressed_parts) as parts_of_the_part,
                                sum(extract.value) as extract_value,
                                sum(extract.lower_bound) as extract_lower,
                                sum(extract.upper_bound) as extract_upper,
                                sum(coalesce(
                                    extract.suppressed_parts, if(extract.value_status = 'suppressed', 1, 0)
                                )) as hidden
                            from parts left join {extract} as extract
                                on extract.period = parts.period
                                and extract.org_level = parts.level_as_published
                                and extract.org_code = parts.code_as_published
                                and extract.partner_code is null
                                and extract.measure = parts.measure
                                and extract.variable_type = parts.variable_type
                                and extract.variable_a is not distinct from parts.variable_a
                                and extract.variable_b is not distinct from parts.variable_b
                            group by {sql_keys(table, "parts")}
                        )
                        select {sql_keys(table)} from sums
                        where found > named or found = 0
                           or (value_status = 'not_published' and coalesce(
                                value, lower_bound, upper_bound, suppressed_parts) is not null)
                           or (comparability in ({sql_list(WITHOUT_FIGURE)}) and value_status <> 'not_published')
                           or (named > 1 and comparability not in ({sql_list((*ADDED_UP, *WITHOUT_FIGURE))}))
                           or (value_status <> 'not_published' and (
                                found < named or is_unknown
                                or value_status is distinct from if(is_shown, 'published', 'suppressed')
                                or not ({_same("value", "extract_value")})
                                or not ({_same("lower_bound", "extract_lower")})
                                or not ({_same("upper_bound", "extract_upper")})
                                or if(
                                    comparability in ({sql_list(ADDED_UP)}),
                                    statistic <> 'count' or is_derived is distinct from true
                                        or suppressed_parts is distinct from hidden,
                                    is_derived is distinct from part_is_derived
                                        or suppressed_parts is distinct from parts_of_the_part)))
                    """,
                ),
            ),
        ),
        *with_subject(
            AREAS,
            (
                _figures_are_of_todays_area(table),
                _rates_are_of_one_organisation(table),
                _no_other_area_under_todays_name(table),
                current_parts(table, (*CARRIED, *ADDED_UP)),
            ),
        ),
    )


def _figures_are_of_todays_area(table: str) -> Rule:
    """Return the rule that what a figure names is the whole area of today's organisation and no more.

    The sets of locations are worked out from the released lists, apart from the model that made the figures.
    """
    return Rule(
        name="values_are_of_the_current_area",
        table=table,
        description=(
            "The CCGs or sub-ICB locations of the organisations that a figure names, by whom they belonged to on the "
            "last day of its period, are all that became the locations of today's organisation, and no others; and no "
            "boundary has moved between, but within an area whose ONS code is the same. "
            "Source: the released lists of organisations, dim_organisation and dim_organisation_history."
        ),
        query=f"""
            with rows as (
                select distinct period_end, org_level, org_code, level_as_published, codes_as_published, comparability
                from {{batch}}
                where comparability in ({sql_list((*CARRIED, *ADDED_UP))}) and org_level <> 'england'
                    and value_status <> 'not_published'
            ),
            days as (select distinct period_end from rows),
            spells as (
                select days.period_end as day, history.*
                from days join dim_organisation_history as history
                    on days.period_end >= history.valid_from
                    and (history.valid_to is null or days.period_end <= history.valid_to)
            ),
            locations as (
                select
                    spells.day, spells.org_level, spells.org_code, spells.parent_level as body_level,
                    spells.parent_code as body_code, bodies.parent_code as region_code, listed.current_code,
                    coalesce(listed.boundary_moved_on > spells.day, false) as has_moved
                from spells join dim_organisation as listed
                    on spells.org_level = listed.org_level and spells.org_code = listed.org_code
                left join spells as bodies
                    on spells.day = bodies.day and spells.parent_level = bodies.org_level
                    and spells.parent_code = bodies.org_code
                where spells.org_level in ('ccg', 'sub_icb')
            ),
            unmoved_bodies as (
                select days.period_end as day, today.org_code
                from days cross join dim_organisation as today join dim_organisation as former
                    on former.ons_code = today.ons_code and former.org_level in ('stp', 'icb')
                    and days.period_end >= former.valid_from
                    and (former.valid_to is null or days.period_end <= former.valid_to)
                where today.org_level = 'icb' and today.valid_to is null
            ),
            today as (
                select org_code, current_parent_code, current_region_code from dim_organisation
                where org_level = 'sub_icb' and org_type = 'sub_icb' and valid_to is null
            ),
            wanted as (
                select rows.period_end, rows.org_level, rows.org_code, today.org_code as location
                from (select distinct period_end, org_level, org_code from rows) as rows join today
                    on rows.org_code = case rows.org_level
                        when 'sub_icb' then today.org_code
                        when 'icb' then today.current_parent_code
                        else today.current_region_code end
            ),
            named as (select *, unnest(string_split(codes_as_published, '; ')) as code from rows),
            had as (
                select
                    named.period_end, named.org_level, named.org_code, named.codes_as_published,
                    locations.org_level as location_level, locations.org_code as location_code,
                    locations.current_code, locations.has_moved
                from named join locations
                    on locations.day = named.period_end
                    and case named.level_as_published
                        when 'region' then locations.region_code = named.code
                        when locations.org_level then locations.org_code = named.code
                        else locations.body_level = named.level_as_published and locations.body_code = named.code end
            ),
            too_large as (
                select had.period_end, had.org_level, had.org_code, had.codes_as_published
                from had left join wanted
                    on wanted.period_end = had.period_end and wanted.org_level = had.org_level
                    and wanted.org_code = had.org_code and wanted.location = had.current_code
                left join today on today.org_code = had.current_code
                left join unmoved_bodies
                    on unmoved_bodies.day = had.period_end and unmoved_bodies.org_code = today.current_parent_code
                where (wanted.location is null and (had.org_level <> 'region' or today.current_region_code is not null))
                    or (had.has_moved and (had.org_level = 'sub_icb' or unmoved_bodies.org_code is null))
            ),
            too_small as (
                select rows.period_end, rows.org_level, rows.org_code, rows.codes_as_published
                from rows join wanted
                    on wanted.period_end = rows.period_end and wanted.org_level = rows.org_level
                    and wanted.org_code = rows.org_code
                left join locations on locations.day = rows.period_end and locations.current_code = wanted.location
                left join had
                    on had.period_end = rows.period_end and had.org_level = rows.org_level
                    and had.org_code = rows.org_code and had.codes_as_published = rows.codes_as_published
                    and had.location_level = locations.org_level and had.location_code = locations.org_code
                where had.org_code is null
            ),
            moved as (
                select named.period_end, named.org_level, named.org_code, named.codes_as_published
                from named join dim_organisation as listed
                    on named.level_as_published = listed.org_level and named.code = listed.org_code
                where named.comparability in ({sql_list((*CARRIED, "merged"))})
                    and listed.boundary_moved_on > named.period_end
            ),
            wrong as (from too_large union from too_small union from moved)
            select {sql_keys(table)} from {{batch}}
            semi join wrong using (period_end, org_level, org_code, codes_as_published)
            where comparability in ({sql_list((*CARRIED, *ADDED_UP))})
        """,
    )


def _rates_are_of_one_organisation(table: str) -> Rule:
    return expect_no_rows_where(
        "rates_are_of_one_organisation",
        table,
        f"value_status <> 'not_published' and statistic <> 'count' "
        f"and comparability not in ({sql_list((*CARRIED, *UNDER_ITS_OWN_CODE))})",
        "A percentage, a mean or a median is of one organisation, whose area is today's, or under its own name: none "
        "can be had from those of parts. Source: the principle that a rate is never rebuilt.",
    )


def _no_other_area_under_todays_name(table: str) -> Rule:
    return Rule(
        name="no_other_area_under_a_current_name",
        table=table,
        description=(
            f"A figure that is {' or '.join(UNDER_ITS_OWN_CODE)} stands at the level and under the code it was "
            "published with, and that is no place in force today; one that is the same is the organisation's own. "
            "Source: a figure under an organisation's name is about that organisation's area."
        ),
        query=f"""
            with places as (
                select org_level, org_code from dim_organisation
                where valid_to is null and org_type = org_level and org_level <> 'england'
            )
            select {sql_keys(table)} from {{batch}}
            left join places using (org_level, org_code)
            where (
                comparability in ({sql_list((*UNDER_ITS_OWN_CODE, "same"))})
                and (org_level <> level_as_published or org_code <> codes_as_published)
            ) or (
                comparability in ({sql_list(UNDER_ITS_OWN_CODE)}) and places.org_code is not null
            )
        """,
    )


def topic_rules(table: str) -> tuple[Rule, ...]:
    """Return the rules of a wide topic mart."""
    cells = {measure: (measure, f"{measure}_status") for measure in TOPICS[table]}
    bounds = {
        measure: (f"{measure}_lower", f"{measure}_upper") for measure in TOPICS[table] if measure.startswith("count_")
    }
    return (*_wide_rules(table), *with_subject(SUBJECT, _cells_of_the_extracts(table, cells, bounds)))


def recovery_rate_rules() -> tuple[Rule, ...]:
    """Return the rules of the recovery rates beside their standard."""
    table = "mart_recovery_rate"
    counts = ("count_recovery", "count_finished_course_treatment")
    cells = {
        "percentage_recovery": ("recovery_rate", "recovery_rate_status"),
        **{count: (count, f"{count}_status") for count in counts},
    }
    return (
        *_wide_rules(table),
        expect_no_rows_where(
            "standard_is_judged_of_published_rates",
            table,
            f"standard_status not in ({sql_list(STANDARD_STATUSES)}) "
            "or (standard_status is not null and recovery_rate is null) "
            "or gap_to_standard is distinct from recovery_rate - standard",
            "A rate that is not shown meets and misses no standard, and the gap is the rate less the standard. "
            "Source: the data contract of the release.",
        ),
        *with_subject(SUBJECT, _cells_of_the_extracts(table, cells, {})),
    )


def _wide_rules(table: str) -> tuple[Rule, ...]:
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
    )


def _cells_of_the_extracts(
    table: str, cells: dict[str, tuple[str, str]], bounds: dict[str, tuple[str, str]]
) -> Iterator[Rule]:
    """Yield the rule that every cell of a wide mart, a value and a status by measure, is its extract's own."""
    key = sql_keys(table)
    nothing = ("cast(null as bigint)", "cast(null as bigint)")
    unpivoted = " union all ".join(
        f"select {key}, '{measure}' as measure, {value} as value, {status} as value_status, "
        f"{bounds.get(measure, nothing)[0]} as lower_bound, {bounds.get(measure, nothing)[1]} as upper_bound, "
        f"{str(measure in bounds).lower()} as has_bounds from rows"
        for measure, (value, status) in cells.items()
    )
    released = " union all ".join(
        f"select '{grain}' as period_grain, {', '.join(POPULATION)}, measure, value, value_status, lower_bound, "
        f"upper_bound from {extract} where measure in ({sql_list(cells)})"
        for extract, grain in EXTRACT_GRAINS.items()
    )
    same_cell = " and ".join(
        f"cells.{column} is not distinct from released.{column}"
        if column in ("partner_code", "variable_a", "variable_b")
        else f"cells.{column} = released.{column}"
        for column in (*KEYS[table], "measure")
    )
    yield Rule(
        name="cells_are_the_extracts",
        table=table,
        description=(
            "Every cell has the value, the status and the bounds that it has in the extract; one that does not apply, "
            f"or was in no drop, has none. {FOLLOWS}"
        ),
        query=f"""
            with rows as (select * from {{batch}}),
            cells as ({unpivoted}),
            released as ({released})
            select distinct {sql_keys(table, "cells")}
            from cells left join released on {same_cell}
            where if(
                coalesce(cells.value_status, 'not_applicable') = 'not_applicable',
                released.measure is not null
                    or coalesce(cells.value, cells.lower_bound, cells.upper_bound) is not null,
                released.measure is null
                    or cells.value_status is distinct from released.value_status
                    or not ({_same("cells.value", "released.value")})
                    or (cells.has_bounds and (
                        cells.lower_bound is distinct from released.lower_bound
                        or cells.upper_bound is distinct from released.upper_bound))
            )
        """,
    )
    yield expect_no_rows_where(
        "status_is_known",
        table,
        " or ".join(f"{status} not in ({sql_list(VALUE_STATUSES)})" for _, status in cells.values()),
        f"A status is one of {', '.join(VALUE_STATUSES)}, or absent where no drop has the cell. "
        "Source: the data contract of the release.",
    )


def windows_rules() -> tuple[Rule, ...]:
    """Return the rules of the sums over months."""
    table = "mart_rolling_totals"
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "an_empty_window_says_why",
            table,
            "(value_status = 'not_published') <> (coalesce(trim(reason), '') <> '') "
            "or (reason is not null and coalesce(value, lower_bound, upper_bound, suppressed_parts) is not null)",
            "A window has a sum, or is empty and says why. Source: a gap is never filled in.",
        ),
        *with_subject(
            SUBJECT,
            (
                Rule(
                    name="sums_are_of_every_month_of_the_extract",
                    table=table,
                    description=(
                        "A window's sum is that of the extract's counts of all its months, one of each, none of them "
                        "never published, no break of the series and no moved boundary after the first; with their "
                        f"bounds added up and their hidden months counted. {FOLLOWS}"
                    ),
                    query=f"""
                        with windows as (select * from {{batch}} where value_status <> 'not_published'),
                        sums as (
                            select
                                {sql_keys(table, "windows")}, any_value(windows.value) as value,
                                any_value(windows.value_status) as value_status,
                                any_value(windows.lower_bound) as lower_bound,
                                any_value(windows.upper_bound) as upper_bound,
                                any_value(windows.suppressed_parts) as suppressed_parts,
                                any_value(windows.total_start) as total_start,
                                any_value(windows.total_end) as total_end,
                                any_value(windows.total_type) as kind,
                                count(extract.measure) as months,
                                bool_or(extract.value_status = 'not_published') as is_unknown,
                                bool_or(extract.value_status = 'published') as is_shown,
                                bool_or(days.breaks_sums and days.period_start > windows.total_start) as is_broken,
                                bool_or(contains(coalesce(listed.boundary_moves, ''), extract.period || '-')
                                    and extract.period_start > windows.total_start) as has_moved,
                                sum(extract.value) as sum_of_values,
                                sum(extract.lower_bound) as lowest, sum(extract.upper_bound) as highest,
                                sum(coalesce(
                                    extract.suppressed_parts, if(extract.value_status = 'suppressed', 1, 0)
                                )) as hidden
                            from windows left join extract_monthly as extract
                                on extract.org_level = windows.org_level and extract.org_code = windows.org_code
                                and extract.measure = windows.measure and extract.partner_code is null
                                and extract.variable_type = 'Total' and extract.statistic = 'count'
                                and extract.period_start between windows.total_start and windows.total_end
                            left join dim_period as days
                                on days.period_grain = 'month' and days.period = extract.period
                            left join dim_organisation as listed
                                on listed.org_level = windows.org_level and listed.org_code = windows.org_code
                            group by {sql_keys(table, "windows")}
                        )
                        select {sql_keys(table)} from sums
                        where months is distinct from datediff('month', total_start, total_end) + 1
                           or (kind = 'rolling_12_months' and months <> 12)
                           or (kind = 'financial_year_to_date' and month(total_start) <> 4)
                           or is_unknown or is_broken or has_moved
                           or value_status is distinct from if(is_shown, 'published', 'suppressed')
                           or not ({_same("value", "sum_of_values")})
                           or lower_bound is distinct from lowest or upper_bound is distinct from highest
                           or suppressed_parts is distinct from hidden
                    """,
                ),
            ),
        ),
    )


def data_quality_rules() -> tuple[Rule, ...]:
    """Return the rules of the data quality figures, which are counts of records and of no extract."""
    table = "mart_data_quality"
    small = " or ".join(
        f"({column}_records is not null and ({column}_status is distinct from 'published' or {column}_records < 0 "
        f"or (not is_submission and {column}_records <> 0 and ({column}_records < {POLICY.suppress_counts_below} "
        f"or {column}_records % {POLICY.round_counts_to} <> 0))))"
        for column in RECORDS
    )
    return (
        *structure_rules(table),
        org_type_is_that_of_dim_organisation(table),
        expect_no_rows_where(
            "records_are_rounded_as_published",
            table,
            small,
            f"A number of records is 0, or a multiple of {POLICY.round_counts_to} and at least "
            f"{POLICY.suppress_counts_below}, as the publisher rounds them; a submission item is 0 or 1. "
            "Source: the publisher's data quality files.",
        ),
    )
