"""Checks: what was judged, told to Dagster as one check for an asset and a subject, and what of it was odd.

Keys of rows, never a figure.
"""

import json
from collections.abc import Collection, Iterable, Sequence

import dagster as dg

from expectations.rules import Rule
from expectations.verdict import FILES_SHOWN, RuleOutcome, worst_first

#: What dagster-dbt calls the number of rows that a test returned.
ROWS_OF_A_DBT_TEST = "dagster_dbt/failed_row_count"


def subjects_of(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """What rules are about, subject by subject, and what each says."""
    described: dict[str, list[str]] = {}
    for rule in rules:
        described.setdefault(rule.subject, []).append(rule.description)
    return described


def check_spec(asset: dg.AssetKey, subject: str, described: Sequence[str]) -> dg.AssetCheckSpec:
    """A check on an asset: one for a subject, not for a rule, since Dagster writes four events for every check."""
    return dg.AssetCheckSpec(subject, asset=asset, description="\n\n".join(described), blocking=True)


def check_result(asset: dg.AssetKey, subject: str, outcomes: Sequence[RuleOutcome]) -> dg.AssetCheckResult:
    """What a check says: each rule's result and the keys of a few rows. A check of nothing has not passed."""
    blocks = not outcomes or any(outcome.blocks for outcome in outcomes)
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
        metadata={
            "rules": len(rules),
            "kept": len(rules) - len(broken),
            **{rule: dg.MetadataValue.md(_described(found)) for rule, found in broken.items()},
        },
    )


def warnings_of(events: Iterable[dg.DagsterEvent], told_apart: Collection[str] = ()) -> list[str]:
    """What was odd in a run and stopped nothing: each rule or dbt test once, and the asset it is about.

    `told_apart` are checks whose warnings somebody else tells.
    """
    warnings: list[str] = []
    for event in events:
        if event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        check = event.asset_check_evaluation_data
        if check.passed or check.severity != dg.AssetCheckSeverity.WARN or check.check_name in told_apart:
            continue
        rules = [name for name, told in check.metadata.items() if isinstance(told, dg.MarkdownMetadataValue)]
        rows = check.metadata.get(ROWS_OF_A_DBT_TEST)
        found = f"; rows found: {rows.value:,}" if isinstance(rows, dg.IntMetadataValue) else ""
        about = check.asset_key.to_user_string()
        warnings += [f"{name} ({about}{found})" for name in rules or [check.check_name]]
    return list(dict.fromkeys(warnings))


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
