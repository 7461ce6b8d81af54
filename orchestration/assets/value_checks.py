"""The checks on figures before anything is made to leave: what the drops hold, and what the marts made of them."""

import json
import shutil
from collections.abc import Iterator, Sequence

import dagster as dg

from expectations.data_docs import write_page
from expectations.drop_validation import SUITES as DROP_SUITES
from expectations.drop_validation import DropToValidate, DropValidationCache, validate_drops
from expectations.mart_validation import validate_marts
from expectations.suites.marts import SCHEMA
from expectations.suites.marts import SUITES as MART_SUITES
from expectations.suites.value_rules import RULES_OF_ROUNDED_FIGURES
from iapt.validation import RuleOutcome, describe_by_rule
from iapt.workspace import DBT_PROJECT, Workspace
from orchestration.assets.checks import check_result, check_spec, group_by_subject
from orchestration.check_events import is_warning
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource

# dbt tests the observations itself, so Dagster does not hold it up for these checks of them; it holds up the staging.
OBSERVATIONS = dg.AssetKey(["landing", "observations"])


def _mart_key(table: str) -> dg.AssetKey:
    return dg.AssetKey([SCHEMA, table])


def _checks() -> list[dg.AssetCheckSpec]:
    rules = {
        OBSERVATIONS: [rule for of_table in DROP_SUITES.values() for rule in of_table],
        **{_mart_key(table): list(of_table) for table, of_table in MART_SUITES.items()},
    }
    return [
        check_spec(asset, subject, described)
        for asset, of_asset in rules.items()
        for subject, described in group_by_subject(of_asset).items()
    ]


@dg.multi_asset_check(name="value_checks", specs=_checks(), can_subset=False, pool="duckdb")
def value_checks(
    context: dg.AssetCheckExecutionContext, pipeline: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.AssetCheckResult]:
    """Judge the drops that nobody has judged, and the marts; where a figure may not stand, nothing is staged.

    Both in one step after dbt: what runs the rules takes seconds to import, and dbt works meanwhile.
    """
    home = pipeline.home
    _remove_folders_of_earlier_versions(home)
    progress.begin("checking the figures of the drops and the marts")
    pipeline.await_warehouse(progress.say_with(context.log.warning))
    drops = validate_drops(_landed_drops(pipeline), DropValidationCache(home.drop_validations), DBT_PROJECT / "seeds")
    of_marts = list(validate_marts(home.warehouse))
    of_drops = [outcome for validation in drops.validations for outcome in validation.outcomes]
    if home.is_restricted:
        of_drops, of_marts = _but_for_rounding(of_drops), _but_for_rounding(of_marts)
    outcomes = [*of_drops, *of_marts]
    context.log.info(
        f"{len(drops.validated_now)} drops validated now, {len(drops.validations) - len(drops.validated_now)} before"
    )
    write_page(home.figures_page, "What the figures were checked for", {"Drops": of_drops, "Marts": of_marts})
    warnings = [outcome for outcome in outcomes if outcome.result == "failed" and not outcome.is_blocking]
    if warnings and not home.is_restricted:
        context.log.warning(f"Odd figures, kept as published, in full:\n\n{describe_by_rule(warnings)}")
    for spec in _checks():
        of_asset = of_drops if spec.asset_key == OBSERVATIONS else _of_table(of_marts, spec.asset_key.path[-1])
        about = [outcome for outcome in of_asset if outcome.subject == spec.name]
        # Of unrounded counts, not even a place is told.
        result = check_result(spec.asset_key, spec.name, about, files_only=home.is_restricted)
        if is_warning(result):
            context.log.warning(str(result.description))
        yield result
    if blocking := [outcome for outcome in outcomes if outcome.is_blocking]:
        raise dg.Failure(_refusal(home, blocking, of_drops))


def _remove_folders_of_earlier_versions(home: Workspace) -> None:
    """Remove results that earlier versions wrote under other names; their rules are not those of this version."""
    for name in ("verdicts", "drop_verdicts"):
        shutil.rmtree(home.root / name, ignore_errors=True)


def _landed_drops(pipeline: WorkspaceResource) -> list[DropToValidate]:
    """The drops the warehouse was built from, in their order."""
    catalogue = pipeline.load_catalogue()
    landed = []
    for sha256 in json.loads(pipeline.home.landed.read_text("utf-8"))["drops"]:
        drop, summary = pipeline.drops.get(sha256), pipeline.observations.read_summary(sha256, catalogue)
        if drop is None or summary is None:
            raise dg.Failure("A drop the warehouse was built from is no longer read; run the refresh again.")
        landed.append(
            DropToValidate(sha256, drop.file, pipeline.observations.observations_path(sha256), summary.digest)
        )
    return landed


def _but_for_rounding(outcomes: Sequence[RuleOutcome]) -> list[RuleOutcome]:
    return [outcome for outcome in outcomes if outcome.rule not in RULES_OF_ROUNDED_FIGURES]


def _of_table(outcomes: Sequence[RuleOutcome], table: str) -> list[RuleOutcome]:
    return [outcome for outcome in outcomes if outcome.table == table]


def _refusal(home: Workspace, blocking: Sequence[RuleOutcome], of_drops: Sequence[RuleOutcome]) -> str:
    """Why nothing is staged, and what to do about it."""
    text = (
        f"{len({outcome.rule for outcome in blocking})} rules about figures are not kept, so nothing is made to leave."
    )
    remedies = []
    if any(outcome.result == "failed" for outcome in of_drops if outcome.is_blocking):
        remedies.append(
            "If a drop is at fault, take it out of the drop folder, and its folder, whose name begins with what stands "
            f"in brackets, out of {home.drops}; then refresh, with the publisher's corrected file if there is one. "
            "If the publisher has changed its rule, review the rule in expectations/suites: extracts rest on it too."
        )
    return "\n\n".join([text, describe_by_rule(blocking), *remedies])
