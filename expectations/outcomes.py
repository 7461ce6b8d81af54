"""Outcomes: what came of a rule that the engine has run, as a validation report has it."""

import duckdb

from expectations.engine import Finding, read_violations
from expectations.rules import Rule
from iapt.validation import Example, Result, RuleOutcome, describe_check_error, make_examples


def make_outcome_of_finding(finding: Finding) -> RuleOutcome:
    """Return what came of a rule that was run on a table of the marts or of a release."""
    if finding.result == "error":
        return make_outcome(finding.rule, "error", message=describe_check_error(finding.error))
    return make_outcome(
        finding.rule,
        finding.result,
        violations=finding.violations.count,
        examples=make_examples(finding.violations.examples),
    )


def run_rule(rule: Rule, connection: duckdb.DuckDBPyConnection) -> RuleOutcome:
    """Return the outcome of one rule, run by DuckDB alone: of what has to be known before the engine is run."""
    [(count, examples)] = connection.execute(rule.summary_query.format(batch=rule.table)).fetchall()
    violations = read_violations(count, examples)
    return make_outcome_of_finding(Finding(rule, "failed" if violations.count else "passed", violations))


def make_outcome(
    rule: Rule,
    result: Result,
    *,
    violations: int | None = None,
    examples: tuple[Example, ...] = (),
    message: str = "",
) -> RuleOutcome:
    """Return the outcome of a rule, with the description of the rule."""
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
