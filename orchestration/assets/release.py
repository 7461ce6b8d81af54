"""Assets of the release: the staged tables, the gate's checks on them, and the release itself."""

import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from expectations.release_validation import (
    BYTES_RULE,
    BYTES_RULE_DESCRIPTION,
    FILES_RULE,
    FILES_RULE_DESCRIPTION,
    ReleaseMemory,
)
from expectations.suites import SUITES
from iapt.catalogue.disclosure_policy import Policy
from iapt.checked_periods import PeriodMemory, digest
from iapt.contract import CONTRACTS, EXTRACT_GRAINS
from iapt.disclosure.auditor import (
    AUDIT_SUBJECT,
    NO_RESIDUAL_DISCLOSURE_DESCRIPTION,
    ROWS_MATCH_WAREHOUSE_DESCRIPTION,
    STRUCTURE_SUBJECT,
    WAREHOUSE_TABLES,
)
from iapt.disclosure.disclosure_risk import RISK_CLASSES, merge_reportable_groups
from iapt.disclosure.source_reconciliation import RECONCILIATION_RULES
from iapt.files import write_atomically, write_json_atomically
from iapt.ingest.reissues import add_status_and_revision, find_wholly_replaced_drops
from iapt.release.metadata import Description
from iapt.release.parts import TABLES_IN_PARTS, StagedParts
from iapt.release.publish import REPORT_FOLDER, NotPublishableError, ReleaseCandidate, publish
from iapt.release.stage import TABLES, StagingError, stage
from iapt.release.verified_parts import digest_parts
from iapt.release.workspace_audit import open_auditor
from iapt.report.site import NOT_BUILDABLE, make_report_builder
from iapt.validation import ValidationReport
from iapt.workspace import PROJECT_ROOT, Workspace
from iapt.workspace_state import BuildInputs, LastRelease
from orchestration.assets.checks import group_by_subject, make_check_result, make_check_spec
from orchestration.assets.value_checks import CHECKED_ASSETS
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource

RELEASE = dg.AssetKey("release")
REPORT = dg.AssetKey("report")
FOLDER_RULES = {FILES_RULE: FILES_RULE_DESCRIPTION, BYTES_RULE: BYTES_RULE_DESCRIPTION}


def _staged_key(table: str) -> dg.AssetKey:
    return dg.AssetKey(["staged", table])


@dg.multi_asset(
    name="stage",
    specs=[
        dg.AssetSpec(
            _staged_key(table),
            deps=[source.split("."), *CHECKED_ASSETS],
            group_name="release",
            kinds={"parquet"},
            description="A table of the candidate release, as the gate will validate it.",
        )
        for table, source in TABLES.items()
    ],
    pool="duckdb",
)
def staged_tables(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Write the candidate release. An earlier validation report is about other bytes, so it is removed."""
    paths = workspace.paths
    progress.begin("writing the candidate release")
    workspace.wait_for_warehouse(progress.say_with(context.log.warning))
    shutil.rmtree(paths.validation, ignore_errors=True)
    built = BuildInputs.load_if_present(paths.built)
    if built is None or built != BuildInputs.load(paths.landed):
        raise dg.Failure(
            "Expected marts of the drops that were landed last; found marts of other drops. Build every dbt model, or "
            "run the refresh."
        )
    # What the warehouse was built from goes with the tables: a later run may land other drops before it stages them.
    built.write(paths.staged)
    try:
        staged = stage(paths)
    except StagingError as error:
        raise dg.Failure(str(error)) from error
    for table, outcome in staged.items():
        parts = {"parts written": outcome.parts_written, "parts kept": outcome.parts_kept}
        yield dg.MaterializeResult(
            asset_key=_staged_key(table),
            metadata={"dagster/row_count": outcome.rows, **(parts if table in TABLES_IN_PARTS else {})},
        )


def _subjects() -> dict[tuple[str, str], list[str]]:
    """What each check is about, a staged table and a subject, and what its rules say."""
    described: dict[tuple[str, str], list[str]] = {}
    for table in CONTRACTS:
        described[table, "structure"] = list(FOLDER_RULES.values())
        for subject, descriptions in group_by_subject(SUITES[table]).items():
            described.setdefault((table, subject), []).extend(descriptions)
        if table in EXTRACT_GRAINS:
            described[table, AUDIT_SUBJECT] = [
                *(rule.description for rule in RECONCILIATION_RULES),
                NO_RESIDUAL_DISCLOSURE_DESCRIPTION,
            ]
        if table in WAREHOUSE_TABLES:
            described[table, STRUCTURE_SUBJECT].append(ROWS_MATCH_WAREHOUSE_DESCRIPTION)
    return described


def _checks() -> list[dg.AssetCheckSpec]:
    return [
        make_check_spec(_staged_key(table), subject, described) for (table, subject), described in _subjects().items()
    ]


@dg.multi_asset_check(name="gate", specs=_checks(), can_subset=False, pool="duckdb")
def gate(
    context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.AssetCheckResult]:
    """Validate the staged bytes, write the report, and yield a check for each subject; skipped is not passed."""
    from expectations.release_validation import validate_release

    paths = workspace.paths
    progress.begin("checking and auditing the candidate release")
    workspace.wait_for_warehouse(progress.say_with(context.log.warning))
    report = validate_release(
        paths.staging, paths.validation / "data_docs", auditor=open_auditor(paths), memory=_open_memory(paths)
    )
    context.log.info(f"{report.periods_validated} periods validated now, {report.periods_remembered} before")
    paths.validation.mkdir(parents=True, exist_ok=True)
    write_atomically(paths.validation / "report.json", report.to_json())
    for spec in _checks():
        about = (spec.asset_key.path[-1], spec.name)
        outcomes = [outcome for outcome in report.outcomes if (outcome.table, outcome.subject) == about]
        yield make_check_result(spec.asset_key, spec.name, outcomes)
    if not report.passed:
        raise dg.Failure(report.describe_failures())


def _open_memory(workspace: Workspace) -> ReleaseMemory | None:
    """Return what the gate may rest on beside the staged files; nothing where they are not made of parts."""
    parts = StagedParts.load_if_present(workspace.staged_parts)
    if parts is None:
        return None
    periods = PeriodMemory(workspace.checked_parts, digest(BuildInputs.load(workspace.staged).disclosure))
    return ReleaseMemory(parts, workspace.parts, periods, workspace.spill)


@dg.asset(
    key=["audit", "source_disclosure_risk"],
    deps=[_staged_key(table) for table in EXTRACT_GRAINS],
    group_name="release",
    kinds={"duckdb"},
    pool="duckdb",
    description="What the published figures reveal of what they hide: counts by measure, level and size.",
)
def source_disclosure_risk(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> dg.MaterializeResult[Any]:
    """Audit every period that changed, and write the summary: aggregates of at least a hundred cells."""
    paths = workspace.paths
    if paths.is_restricted:
        return dg.MaterializeResult(metadata={"not summarised": "restricted figures are nobody's to count"})
    progress.begin("summarising what the source reveals")
    workspace.wait_for_warehouse(progress.say_with(context.log.warning))
    parts = StagedParts.load_if_present(paths.staged_parts) or StagedParts()
    audits = open_auditor(paths).audit_source(paths.staging, digest_parts(parts, paths.parts))
    periods = [period for audit in audits.values() for period in audit.periods]
    groups = merge_reportable_groups([group for period in periods for group in period.groups])
    paths.validation.mkdir(parents=True, exist_ok=True)
    summary = [group.to_record() for group in groups]
    write_json_atomically(paths.validation / "source_disclosure_risk.json", summary)
    contradicted = sum(len(period.contradictions) for audit in audits.values() for period in audit.periods)
    if contradicted:
        context.log.warning(
            f"{contradicted} declared sums are contradicted by a period's figures and were not used for it"
        )
    return dg.MaterializeResult(
        metadata={
            "hidden or implied cells audited": sum(group.audited for group in groups),
            **{name.replace("_", " "): sum(group.counts[name] for group in groups) for name in RISK_CLASSES},
            "periods audited now": sum(len(audit.audited_now) for audit in audits.values()),
            "periods": sum(len(audit.periods) for audit in audits.values()),
            "declared sums contradicted": contradicted,
        }
    )


def read_validation_report(workspace: Workspace) -> ValidationReport | None:
    """The validation report of what is staged, if there is one."""
    path = workspace.validation / "report.json"
    return ValidationReport.from_json(path.read_text("utf-8")) if path.is_file() else None


@dg.multi_asset(
    name="release",
    specs=[
        dg.AssetSpec(
            RELEASE,
            deps=[_staged_key(table) for table in TABLES],
            group_name="release",
            kinds={"parquet", "csv", "duckdb"},
            description="The folder that `latest` points to: exactly the bytes the gate passed, and what they make.",
        ),
        dg.AssetSpec(
            REPORT,
            deps=[RELEASE],
            group_name="release",
            kinds={"html"},
            description="The static report of the release, inside it: `latest/report/index.html`.",
        ),
    ],
)
def release(
    context: dg.AssetExecutionContext, workspace: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Publish the staged bytes if the gate passed exactly them, with their report; else the last release stands."""
    paths = workspace.paths
    progress.begin("writing the release")
    inputs = BuildInputs.load(paths.staged)
    candidate = ReleaseCandidate(
        tables=paths.staging,
        validation=read_validation_report(paths),
        data_docs=paths.validation / "data_docs",
        description=_describe_release(workspace, inputs),
        report_builder=make_report_builder(paths.boundaries, progress.begin, spill=paths.spill),
    )
    try:
        published = publish(candidate, paths, date.today())
    except (NotPublishableError, *NOT_BUILDABLE) as error:
        raise dg.Failure(str(error)) from error
    verb = "released" if published.is_new else "unchanged since"
    context.log.info(f"{verb} {published.release_id}")
    LastRelease(
        release_id=published.release_id,
        data_origin=inputs.origin,
        input_fingerprint=inputs.input_fingerprint,
        run_id=context.run.run_id,
    ).write(paths.released)
    yield dg.MaterializeResult(
        asset_key=RELEASE,
        metadata={"release": published.release_id, "is new": published.is_new, "data origin": inputs.origin},
    )
    pages = sum(1 for _ in (published.folder / REPORT_FOLDER).rglob("*.html"))
    yield dg.MaterializeResult(asset_key=REPORT, metadata={"release": published.release_id, "pages": pages})


def _describe_release(workspace: WorkspaceResource, inputs: BuildInputs) -> Description:
    """Return what the release says of its making. Raises dg.Failure where a drop it is made from is gone."""
    paths, catalogue = workspace.paths, workspace.load_catalogue()
    drops = workspace.load_drops(inputs.drops)
    return Description(
        data_origin=inputs.origin,
        input_fingerprint=inputs.input_fingerprint,
        drops=[(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in drops],
        policy=Policy.from_manifest(inputs.disclosure),
        rejected=inputs.rejected,
        code_commit=_read_code_commit(),
        salt=paths.salt if paths.is_restricted else None,
        replaced=find_wholly_replaced_drops(drops, workspace.observation_store, catalogue),
    )


def _read_code_commit() -> str | None:
    """Return the commit of the code, where the project is a git checkout."""
    try:
        result = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip() or None


release_assets = [staged_tables, source_disclosure_risk, release]
