"""The rules of the publications: their states, and that every released figure is of one in use."""

from typing import Final

from expectations.rules import Rule, load_query
from expectations.suites.common_rules import CONTRACT, expect_no_rows_where, structure_rules
from iapt.contract import CONTRACTS, SERIES_GRAINS, TABLES
from iapt.sql import sql_list

STATES: Final = TABLES["publications"].get_values("state")
LISTED: Final = TABLES["publications"].get_values("listed")
STATUSES: Final = TABLES["publications"].get_values("status")
#: The states of a drop that is archived; of a later issue's predecessor a drop may be archived or not.
ARCHIVED: Final = ("present", "held")


def publications_rules() -> tuple[Rule, ...]:
    """Return the rules of the publications."""
    table = "publications"
    return (
        *structure_rules(table),
        expect_no_rows_where(
            "vocabulary_is_known",
            table,
            f"state not in ({sql_list(STATES)}) or listed not in ({sql_list(LISTED)}) "
            f"or status not in ({sql_list(STATUSES)}) or period_grain not in ({sql_list(set(SERIES_GRAINS.values()))}) "
            "or revision < 1",
            f"state is one of {', '.join(STATES)}, listed one of {', '.join(LISTED)}, status one of "
            f"{', '.join(STATUSES)}, and revisions begin with 1. {CONTRACT}",
        ),
        expect_no_rows_where(
            "drops_stand_where_one_is_archived",
            table,
            f"(state in ({sql_list(ARCHIVED)}) and drop_sha256 is null) "
            f"or (state not in ({sql_list((*ARCHIVED, 'superseded'))}) and drop_sha256 is not null) "
            "or (drop_sha256 is null) <> (bytes is null) or (drop_sha256 is null) <> (archived_on is null)",
            "What is present or held names its drop, with its size and day; what is missing, late, expected, not "
            f"pulled or was never published names none. {CONTRACT}",
        ),
        expect_no_rows_where(
            "states_follow_the_calendar",
            table,
            "(state in ('late', 'expected') and (expected_on is null or listed <> 'not_listed')) "
            "or (state = 'late' and expected_on >= as_of) or archived_on > as_of "
            "or as_of <> (select max(as_of) from {batch})",
            "What is expected or late has its day and is not listed, what is late is past it, and all states are of "
            "one day, after which no drop was archived. Source: the publisher's calendar.",
        ),
        expect_no_rows_where(
            "what_is_superseded_names_its_successor",
            table,
            "(state = 'superseded') <> (superseded_by is not null)",
            f"What is superseded names what supersedes it, and nothing else does. {CONTRACT}",
        ),
        Rule(
            name="gaps_are_those_of_the_calendar",
            table=table,
            description=(
                "A publication that was never published is of a period that dim_period says was not. "
                "Source: the known gaps of the catalogue."
            ),
            query=load_query("release/gaps_are_those_of_the_calendar", table),
        ),
    )


def drop_rules(table: str) -> tuple[Rule, ...]:
    """Return the rule that a figure is of a publication in use, for a table whose rows name their drop."""
    if "drop_sha256" not in CONTRACTS[table] or table == "publications":
        return ()
    return (
        # Of the row that is shown, not of the drop: what stands in the place of its name could be a figure.
        Rule(
            name="figures_are_of_publications_in_use",
            table=table,
            description=(
                "The drop that a row names is of a publication that is present or superseded, but in a release of "
                "unpublished figures, which has no publications. Source: a figure can be traced to what was published."
            ),
            query=load_query("release/figures_are_of_publications_in_use", table),
        ),
    )
