"""Outcomes: what came of a rule once the engine has run it, with the keys of the rows that break it. No judging."""

from typing import Final

import duckdb

from expectations.engine import Finding
from expectations.rules import Rule
from iapt.validation import EXAMPLES_SHOWN, Example, Result, RuleOutcome, describe_check_error, fetch_examples

NO_ROW_BREAKS_IT: Final = "Great Expectations calls it broken, but no row breaks it"


def make_outcome_of_finding(finding: Finding, connection: duckdb.DuckDBPyConnection) -> RuleOutcome:
    """Return what came of a rule that was run; the rows that break it are looked up in the same tables."""
    if finding.answer == "kept":
        return make_outcome(finding.rule, "passed", violations=0)
    if finding.answer == "error":
        return make_outcome(finding.rule, "error", message=describe_check_error(finding.error))
    return _outcome_of_broken(finding.rule, connection)


def _outcome_of_broken(rule: Rule, connection: duckdb.DuckDBPyConnection) -> RuleOutcome:
    try:
        violations, examples = query_violations(rule, connection)
    except duckdb.Error as error:
        return make_outcome(rule, "error", message=describe_check_error(type(error).__name__))
    if not violations:
        return make_outcome(rule, "error", message=NO_ROW_BREAKS_IT)
    return make_outcome(rule, "failed", violations=violations, examples=examples)


def make_outcome(
    rule: Rule,
    result: Result,
    *,
    violations: int | None = None,
    examples: tuple[Example, ...] = (),
    message: str = "",
) -> RuleOutcome:
    """Return the outcome of a rule, with all that the rule says of itself."""
    return RuleOutcome(
        rule=rule.name,
        table=rule.table,
        file=rule.file,
        description=rule.description,
        result=result,
        violations=violations,
        examples=examples,
        message=message,
        severity=rule.severity,
        subject=rule.subject,
        remedy=rule.remedy,
    )


def query_violations(rule: Rule, connection: duckdb.DuckDBPyConnection) -> tuple[int, tuple[Example, ...]]:
    """Return how many rows break a rule, and the keys of the first few: a rule selects nothing but keys."""
    violating_rows = rule.violations_in(rule.table)
    count = connection.execute(f"select count(*) from ({violating_rows})").fetchall()[0][0]
    first = connection.execute(f"from ({violating_rows}) order by all limit {EXAMPLES_SHOWN}")
    return count, fetch_examples(first)
