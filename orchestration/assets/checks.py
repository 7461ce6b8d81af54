"""Checks: what was judged, told to Dagster as one check for an asset and a subject, and what of it was odd.

Keys of rows, never a figure.
"""

import json
from collections.abc import Iterable, Sequence

import dagster as dg

from expectations.rules import Rule
from iapt.run_warnings import RunWarning
from iapt.validation import FILES_SHOWN, RuleOutcome, key_text, worst_first
from orchestration.check_events import PARAGRAPH


def group_by_subject(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """What rules are about, subject by subject, and what each says."""
    described: dict[str, list[str]] = {}
    for rule in rules:
        described.setdefault(rule.subject, []).append(rule.description)
    return described


def check_spec(asset: dg.AssetKey, subject: str, described: Sequence[str]) -> dg.AssetCheckSpec:
    """A check on an asset: one for a subject, not for a rule, since Dagster writes four events for every check."""
    return dg.AssetCheckSpec(subject, asset=asset, description="\n\n".join(described), blocking=True)


def check_result(
    asset: dg.AssetKey, subject: str, outcomes: Sequence[RuleOutcome], *, files_only: bool = False
) -> dg.AssetCheckResult:
    """What a check says: each rule's result and the keys of a few rows. A check of nothing has not passed.

    With `files_only` its warnings name files and no rows.
    """
    blocks = not outcomes or any(outcome.is_blocking for outcome in outcomes)
    rules = {outcome.rule for outcome in outcomes}
    broken: dict[str, list[RuleOutcome]] = {}
    for outcome in outcomes:
        if outcome.result != "passed":
            broken.setdefault(outcome.rule, []).append(outcome)
    return dg.AssetCheckResult(
        check_name=subject,
        asset_key=asset,
        passed=bool(outcomes) and not broken,
        severity=dg.AssetCheckSeverity.ERROR if blocks or not broken else dg.AssetCheckSeverity.WARN,
        description=PARAGRAPH.join(map(str, rule_warnings(asset.to_user_string(), outcomes, files_only=files_only)))
        or None,
        metadata={
            "rules": len(rules),
            "kept": len(rules) - len(broken),
            **{rule: dg.MetadataValue.md(_described(found)) for rule, found in broken.items()},
        },
    )


def rule_warnings(about: str, outcomes: Iterable[RuleOutcome], *, files_only: bool = False) -> list[RunWarning]:
    """Return a warning for each rule of severity `warning` that is broken, with the files and rows that break it."""
    broken: dict[str, list[RuleOutcome]] = {}
    for outcome in outcomes:
        if outcome.result == "failed" and not outcome.is_blocking:
            broken.setdefault(outcome.rule, []).append(outcome)
    return [
        RunWarning.of(
            rule,
            about,
            f"expected that {_claim(of_rule[0].description)}; not so in",
            [_file_and_rows(outcome, files_only) for outcome in worst_first(of_rule)],
            of_rule[0].remedy,
        )
        for rule, of_rule in broken.items()
    ]


def _claim(description: str) -> str:
    """What a rule says, as part of a sentence and without its source."""
    claim = description.partition(" Source: ")[0].rstrip(".")
    return claim[:1].lower() + claim[1:] if claim[1:2].islower() or claim[:2] == "A " else claim


def _file_and_rows(outcome: RuleOutcome, files_only: bool) -> str:
    if files_only:
        return outcome.file.partition(" (")[0]
    rows = outcome.violations or 0
    such_as = f", such as {key_text(outcome.examples[0])}" if outcome.examples else ""
    return f"{outcome.file} in {rows:,} {'row' if rows == 1 else 'rows'}{such_as}"


def _described(broken: Sequence[RuleOutcome]) -> str:
    """What came of one rule on the files that do not keep it."""
    lines = [broken[0].description]
    for outcome in worst_first(broken)[:FILES_SHOWN]:
        lines.append(f"**{outcome.result.replace('_', ' ')}** in `{outcome.file}`")
        if outcome.violations is not None:
            lines.append(f"Violating rows: {outcome.violations:,}")
        if outcome.message:
            lines.append(outcome.message)
        if outcome.examples:
            examples = json.dumps([dict(example) for example in outcome.examples], ensure_ascii=False)
            lines.append(f"Examples (keys only): `{examples}`")
    if len(broken) > FILES_SHOWN:
        lines.append(f"And in {len(broken) - FILES_SHOWN} more.")
    return "\n\n".join(lines)
