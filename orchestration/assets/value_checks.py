"""The checks on values before anything is staged: what the drops hold, and what the marts made of them."""

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
from iapt.checked_periods import PeriodMemory, digest
from iapt.validation import RuleOutcome, describe_by_rule
from iapt.workspace import DBT_PROJECT, Workspace
from iapt.workspace_state import BuildInputs
from orchestration.assets.checks import group_by_subject, make_check_result, make_check_spec
from orchestration.check_events import is_warning
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource

OBSERVATIONS = dg.AssetKey(["landing", "observations"])
#: The assets that are checked here. The staged tables depend on each, so that a check that fails holds the staging up;
#: dbt builds on the observations and tests them itself, so it does not wait for these checks of them.
CHECKED_ASSETS = (OBSERVATIONS, *(dg.AssetKey([SCHEMA, table]) for table in MART_SUITES))


def _make_check_specs() -> list[dg.AssetCheckSpec]:
    rules = {
        OBSERVATIONS: [rule for rules_of_table in DROP_SUITES.values() for rule in rules_of_table],
        **{dg.AssetKey([SCHEMA, table]): list(rules_of_table) for table, rules_of_table in MART_SUITES.items()},
    }
    return [
        make_check_spec(asset, subject, descriptions)
        for asset, rules_of_asset in rules.items()
        for subject, descriptions in group_by_subject(rules_of_asset).items()
    ]


@dg.multi_asset_check(name="value_checks", specs=_make_check_specs(), can_subset=False, pool="duckdb")
def value_checks(
    context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.AssetCheckResult]:
    """Validate the drops that were not validated before, and the marts; nothing is staged where a blocking rule fails.

    Both in one step after dbt: what runs the rules takes seconds to import, and dbt works meanwhile.
    """
    home = workspace.paths
    _remove_folders_of_earlier_versions(home)
    progress.begin("checking the figures of the drops and the marts")
    workspace.wait_for_warehouse(progress.say_with(context.log.warning))
    drops = validate_drops(
        _list_landed_drops(workspace), DropValidationCache(home.drop_validations), DBT_PROJECT / "seeds"
    )
    new = len(drops.validated_now)
    context.log.info(f"{new} drops validated now, {len(drops.validations) - new} before")
    drop_outcomes = _select_applicable(home, drops.report.outcomes)
    marts = validate_marts(home.warehouse, memory=_open_memory(home), spill=home.spill)
    context.log.info(f"{marts.validated_now} periods of the marts validated now, {marts.validated_before} before")
    mart_outcomes = _select_applicable(home, marts.outcomes)
    write_page(home.figures_page, "What the figures were checked for", {"Drops": drop_outcomes, "Marts": mart_outcomes})
    _log_warnings(context, home, [*drop_outcomes, *mart_outcomes])
    for spec in _make_check_specs():
        result = make_check_result(
            spec.asset_key,
            spec.name,
            [
                outcome
                for outcome in (drop_outcomes if spec.asset_key == OBSERVATIONS else mart_outcomes)
                if outcome.subject == spec.name
                and spec.asset_key in (OBSERVATIONS, dg.AssetKey([SCHEMA, outcome.table]))
            ],
            files_only=home.is_restricted,  # of unrounded counts, not even a row is named
        )
        if is_warning(result):
            context.log.warning(str(result.description))
        yield result
    if any(outcome.is_blocking for outcome in (*drop_outcomes, *mart_outcomes)):
        raise dg.Failure(_describe_failure(workspace.drop_store.location, drop_outcomes, mart_outcomes))


def _remove_folders_of_earlier_versions(home: Workspace) -> None:
    """Remove results that earlier versions wrote under other names; their rules are not those of this version."""
    for name in ("verdicts", "drop_verdicts"):
        shutil.rmtree(home.root / name, ignore_errors=True)


def _open_memory(home: Workspace) -> PeriodMemory:
    """Return where it is remembered which periods of the marts passed, and under which policy."""
    return PeriodMemory(home.checked_parts, digest(BuildInputs.load(home.built).disclosure))


def _list_landed_drops(workspace: WorkspaceResource) -> list[DropToValidate]:
    """Return the drops the warehouse was built from, in their order."""
    store = workspace.observation_store
    return [
        DropToValidate(drop.sha256, drop.file, store.observations_path(drop.sha256), summary.digest)
        for drop, summary in workspace.load_drops(BuildInputs.load(workspace.paths.landed).drops)
    ]


def _select_applicable(home: Workspace, outcomes: Sequence[RuleOutcome]) -> list[RuleOutcome]:
    """Return the outcomes without those of rules about rounding in a home of unrounded counts."""
    return [outcome for outcome in outcomes if not home.is_restricted or outcome.rule not in RULES_OF_ROUNDED_FIGURES]


def _log_warnings(context: dg.AssetCheckExecutionContext, home: Workspace, outcomes: Sequence[RuleOutcome]) -> None:
    warnings = [outcome for outcome in outcomes if outcome.result == "failed" and not outcome.is_blocking]
    if warnings and not home.is_restricted:
        context.log.warning(f"Odd figures, kept as published, in full:\n\n{describe_by_rule(warnings)}")


def _describe_failure(archive: str, drop_outcomes: Sequence[RuleOutcome], mart_outcomes: Sequence[RuleOutcome]) -> str:
    """Return why nothing is staged, and what to do about it. `archive` is where the drops are archived."""
    blocking = [outcome for outcome in (*drop_outcomes, *mart_outcomes) if outcome.is_blocking]
    rules = len({outcome.rule for outcome in blocking})
    paragraphs = [
        f"{rules} {'rule' if rules == 1 else 'rules'} about figures did not pass, so nothing is released.",
        describe_by_rule(blocking),
    ]
    if any(outcome.is_blocking and outcome.result == "failed" for outcome in drop_outcomes):
        paragraphs.append(
            "If a drop is at fault, take it out of the drop folder, and its folder, whose name begins with what stands "
            f"in brackets, out of {archive}; then refresh, with the publisher's corrected file if there is one. "
            "If the publisher has changed its rule, review the rule in expectations/suites: extracts rest on it too."
        )
    return "\n\n".join(paragraphs)
