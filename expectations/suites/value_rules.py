"""What one published figure must look like, by the kind of its statistic and its level: in a drop, and in the marts.

The rules are the publisher's own, confirmed on all its figures that are at hand: a figure that breaks one was not made
by that rule. What no figure at hand breaks, and what bears on disclosure, is critical; what the publisher has printed
before, or what is odd without revealing anybody, warns.
"""

from collections.abc import Sequence
from typing import Final

from expectations.rules import Rule, with_subject
from expectations.suites.common_rules import expect_no_rows_where
from iapt.contract import ENGLAND, PAIR_LEVELS, VALUE_STATUSES, Layer
from iapt.sql import quote_literal, sql_list

STATUSES: Final = tuple(VALUE_STATUSES)
IS_PAIR: Final = f"coalesce(org_level in ({sql_list(PAIR_LEVELS)}), false)"
#: The level that the first of a row's codes is of: that of the commissioner, in a pair.
LEVEL_OF_ORGANISATION: Final = (
    "case org_level "
    + " ".join(f"when {quote_literal(pair)} then {quote_literal(level)}" for pair, level in PAIR_LEVELS.items())
    + " else org_level end"
)
ONLY_ENGLAND_USES_ITS_CODE: Final = (
    f"(coalesce(org_level, '') = 'england') <> (coalesce(org_code, '') = '{ENGLAND}') "
    f"or coalesce(partner_code, '') = '{ENGLAND}'"
)

BELOW_ENGLAND: Final = "org_level is distinct from 'england'"
#: What to do about an unusual figure that is as published.
LOOK_AT_THE_FILE: Final = (
    "Look at the rows in the publisher's file: where the file has them so, they are released as published, and a note "
    "for readers can be put in catalogue/corrections.yml; where it has not, the drop is read wrongly: mend its layout."
)
#: What to do where a rule of the publisher is not kept by so many rows that the rule may have changed.
REVIEW_THE_RULE: Final = (
    "A few rows: look at them in the publisher's file, and put a note in catalogue/corrections.yml where readers "
    "should know. Many rows of one file: get the file from the publisher itself, or review the rule, which the "
    "publisher may have changed."
)
REVIEW_THE_MEASURE: Final = "Add a row for each such measure to dbt_project/seeds/measures.csv."
PUBLISHER = "Source: the publisher's disclosure rule, which all its figures at hand keep."
#: Rules that do not apply to unrounded figures: the publisher's rounding is yet to be applied to them.
RULES_OF_ROUNDED_FIGURES: Final = frozenset(
    {"counts_below_england_are_at_least_five", "counts_below_england_are_multiples_of_five"}
)
LONGEST_LIKELY_WAIT_IN_DAYS: Final = 1000


def value_rules(table: str, layer: Layer, without_value: Sequence[str] = STATUSES[1:]) -> tuple[Rule, ...]:
    """Return the rules about one figure at a time; `without_value` are the statuses of which none may have a value."""
    return (
        *with_subject("statuses", _statuses(table, layer, without_value)),
        *with_subject("values", _values(table, layer)),
    )


def _statuses(table: str, layer: Layer, without_value: Sequence[str]) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "published_figures_are_numbers",
            table,
            "value_status = 'published' and (value is null or not isfinite(value))",
            "A published figure is a finite number. Source: the contract of an observation.",
            layer=layer,
        ),
        expect_no_rows_where(
            "only_published_figures_have_a_value",
            table,
            f"value_status in ({sql_list(without_value)}) and value is not null",
            "What is suppressed, does not apply or was never published has no value, not even zero. "
            "Source: the contract of an observation.",
            layer=layer,
        ),
        expect_no_rows_where(
            "england_is_never_suppressed",
            table,
            "org_level = 'england' and value_status = 'suppressed'",
            f"England's figures are all shown: an asterisk there is no genuine figure of the publisher. {PUBLISHER}",
            layer=layer,
        ),
    )


def _values(table: str, layer: Layer) -> tuple[Rule, ...]:
    return (
        expect_no_rows_where(
            "counts_are_whole_and_not_negative",
            table,
            "statistic = 'count' and value_status = 'published' and (value < 0 or value <> floor(value))",
            "A count is a whole number, 0 or more. Source: it counts referrals, appointments or people.",
            layer=layer,
        ),
        expect_no_rows_where(
            "counts_below_england_are_at_least_five",
            table,
            f"statistic = 'count' and value_status = 'published' and value < 5 and {BELOW_ENGLAND}",
            "Below England a count of 0 to 4 is withheld, zero included: one that is shown reveals people, or the "
            f"drop is not what the publisher meant to publish. {PUBLISHER}",
            layer=layer,
        ),
        expect_no_rows_where(
            "counts_below_england_are_multiples_of_five",
            table,
            f"statistic = 'count' and value_status = 'published' and value % 5 <> 0 and {BELOW_ENGLAND}",
            f"Below England a count is rounded to the nearest 5. {PUBLISHER}",
            layer=layer,
        ),
        expect_no_rows_where(
            "percentages_lie_between_0_and_100",
            table,
            "statistic = 'percentage' and value_status = 'published' and (value < 0 or value > 100)",
            "A percentage lies between 0 and 100. Source: its numerator is part of its denominator.",
            layer=layer,
        ),
        expect_no_rows_where(
            "percentages_below_england_are_whole",
            table,
            f"statistic = 'percentage' and value_status = 'published' and value <> floor(value) and {BELOW_ENGLAND}",
            "Below England a percentage has no decimals: a finer one, times a shown denominator, reveals suppressed "
            f"counts. {PUBLISHER}",
            layer=layer,
        ),
        expect_no_rows_where(
            "percentages_of_england_have_one_decimal",
            table,
            "statistic = 'percentage' and value_status = 'published' and value <> round(value, 1) "
            "and org_level = 'england'",
            f"A percentage of England has at most one decimal. {PUBLISHER}",
            layer=layer,
        ),
        expect_no_rows_where(
            "means_have_one_decimal",
            table,
            "statistic = 'mean' and value_status = 'published' and value <> round(value, 1)",
            "A mean has at most one decimal. Source: the publisher's precision at every level.",
            severity="warning",
            layer=layer,
            remedy=LOOK_AT_THE_FILE,
        ),
        expect_no_rows_where(
            "medians_are_whole_or_halves",
            table,
            "statistic = 'median' and value_status = 'published' and value * 2 <> floor(value * 2)",
            "A median is a whole number or a half. Source: the publisher's precision at every level; what is "
            "measured is whole.",
            severity="warning",
            layer=layer,
            remedy=LOOK_AT_THE_FILE,
        ),
        expect_no_rows_where(
            "means_and_medians_are_not_negative",
            table,
            "statistic in ('mean', 'median') and value_status = 'published' and value < 0",
            "A mean or a median is not below zero. Source: nothing that is measured is; the publisher has printed "
            "one all the same, so it only warns.",
            severity="warning",
            layer=layer,
            remedy=LOOK_AT_THE_FILE,
        ),
        expect_no_rows_where(
            "extremes_and_sums_are_whole_and_not_negative",
            table,
            "statistic in ('minimum', 'maximum', 'sum') and value_status = 'published' "
            "and (value < 0 or value <> floor(value))",
            "A minimum, a maximum or a sum is a whole number, 0 or more. Source: it is of appointments or minutes.",
            severity="warning",
            layer=layer,
            remedy=LOOK_AT_THE_FILE,
        ),
    )
