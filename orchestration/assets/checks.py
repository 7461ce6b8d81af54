"""Results of rules as Dagster checks, one for an asset and a subject, and the warnings of a run.

They name rules and the keys of rows, never a figure.
"""

import json
from collections.abc import Iterable, Sequence

import dagster as dg

from expectations.rules import Rule
from iapt.run_warnings import RunWarning
from iapt.validation import FILES_SHOWN, RuleOutcome, format_key, worst_first
from orchestration.check_events import PARAGRAPH


def to_markdown_list(lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Return lines as a list for Dagster's UI."""
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines) or "none")


def group_by_subject(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """Return the descriptions of rules by subject."""
    descriptions: dict[str, list[str]] = {}
    for rule in rules:
        descriptions.setdefault(rule.subject, []).append(rule.description)
    return descriptions


def make_check_spec(asset: dg.AssetKey, subject: str, descriptions: Sequence[str]) -> dg.AssetCheckSpec:
    """Return a blocking check: one for a subject, not for a rule, since Dagster writes four events for every check."""
    return dg.AssetCheckSpec(subject, asset=asset, description="\n\n".join(descriptions), blocking=True)


def make_check_result(
    asset: dg.AssetKey, subject: str, outcomes: Sequence[RuleOutcome], *, files_only: bool = False
) -> dg.AssetCheckResult:
    """Return the result of a check, with that of each failed rule and the keys of a few rows.

    A check without outcomes has failed. With `files_only` its warnings name files and no rows.
    """
    failures = _group_by_rule(outcome for outcome in outcomes if outcome.result != "passed")
    is_blocking = not outcomes or any(outcome.is_blocking for outcome in outcomes)
    rules = len({outcome.rule for outcome in outcomes})
    warnings = make_rule_warnings(asset.to_user_string(), outcomes, files_only=files_only)
    return dg.AssetCheckResult(
        check_name=subject,
        asset_key=asset,
        passed=bool(outcomes) and not failures,
        severity=dg.AssetCheckSeverity.ERROR if is_blocking or not failures else dg.AssetCheckSeverity.WARN,
        description=PARAGRAPH.join(map(str, warnings)) or None,
        metadata={
            "rules": rules,
            "passed": rules - len(failures),
            **{rule: dg.MetadataValue.md(_describe_failures(of_rule)) for rule, of_rule in failures.items()},
        },
    )


def make_rule_warnings(asset: str, outcomes: Iterable[RuleOutcome], *, files_only: bool = False) -> list[RunWarning]:
    """Return a warning for each failed rule of severity `warning`, with the files and rows that violate it."""
    warnings = _group_by_rule(outcome for outcome in outcomes if outcome.result == "failed" and not outcome.is_blocking)
    return [
        RunWarning.of(
            rule,
            asset,
            f"expected that {_to_clause(of_rule[0].description)}; not so in",
            [_describe_place(outcome, files_only) for outcome in worst_first(of_rule)],
            of_rule[0].remedy,
        )
        for rule, of_rule in warnings.items()
    ]


def _group_by_rule(outcomes: Iterable[RuleOutcome]) -> dict[str, list[RuleOutcome]]:
    groups: dict[str, list[RuleOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.rule, []).append(outcome)
    return groups


def _to_clause(description: str) -> str:
    """Return the description of a rule as part of a sentence and without its source."""
    clause = description.partition(" Source: ")[0].rstrip(".")
    return clause[:1].lower() + clause[1:] if clause[1:2].islower() or clause[:2] == "A " else clause


def _describe_place(outcome: RuleOutcome, files_only: bool) -> str:
    if files_only:
        return outcome.file.partition(" (")[0]
    rows = outcome.violations or 0
    example = f", such as {format_key(outcome.examples[0])}" if outcome.examples else ""
    return f"{outcome.file} in {rows:,} {'row' if rows == 1 else 'rows'}{example}"


def _describe_failures(outcomes: Sequence[RuleOutcome]) -> str:
    """Return the outcomes of one rule on the files that violate it, as Markdown."""
    lines = [outcomes[0].description]
    for outcome in worst_first(outcomes)[:FILES_SHOWN]:
        lines.append(f"**{outcome.result}** in `{outcome.file}`")
        if outcome.violations is not None:
            lines.append(f"Violating rows: {outcome.violations:,}")
        if outcome.message:
            lines.append(outcome.message)
        if outcome.examples:
            examples = json.dumps([dict(example) for example in outcome.examples], ensure_ascii=False)
            lines.append(f"Examples (keys only): `{examples}`")
    if len(outcomes) > FILES_SHOWN:
        lines.append(f"And in {len(outcomes) - FILES_SHOWN} more.")
    return "\n\n".join(lines)
