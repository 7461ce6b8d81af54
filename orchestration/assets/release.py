"""Assets of the release: the staged tables, the gate's checks on them, and the release itself."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from expectations.release_validation import BYTES_RULE, BYTES_RULE_DESCRIPTION, FILES_RULE, FILES_RULE_DESCRIPTION
from expectations.suites import SUITES
from iapt.catalogue.disclosure_policy import Policy
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
from iapt.ingest.reissues import add_status_and_revision, find_wholly_replaced_drops
from iapt.release.metadata import Description
from iapt.release.publish import REPORT_FOLDER, NotPublishableError, publish
from iapt.release.stage import TABLES, stage
from iapt.release.verify import open_auditor
from iapt.report.site import NOT_BUILDABLE, make_report_builder
from iapt.validation import ValidationReport
from iapt.workspace import PROJECT_ROOT, Workspace
from orchestration.assets.checks import group_by_subject, make_check_result, make_check_spec
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
            deps=[source.split(".")],
            group_name="release",
            kinds={"parquet"},
            description="A table of the candidate release, as the gate will judge it.",
        )
        for table, source in TABLES.items()
    ],
    pool="duckdb",
)
def staged_tables(
    context: dg.AssetExecutionContext, pipeline: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Write the candidate release. An earlier validation report is about other bytes, so it is removed."""
    home = pipeline.home
    progress.begin("writing the candidate release")
    pipeline.await_warehouse(progress.say_with(context.log.warning))
    shutil.rmtree(home.validation, ignore_errors=True)
    if not home.built.is_file() or home.built.read_bytes() != home.landed.read_bytes():
        raise dg.Failure(
            "Expected marts of the drops that were landed last; found marts of other drops. Build every dbt model, or "
            "run the refresh."
        )
    # What the warehouse was built from goes with the tables: a later run may land other drops before it stages them.
    shutil.copyfile(home.built, home.staged)
    for table, rows in stage(home.warehouse, home.staging).items():
        yield dg.MaterializeResult(asset_key=_staged_key(table), metadata={"dagster/row_count": rows})


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
    context: dg.AssetCheckExecutionContext, pipeline: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.AssetCheckResult]:
    """Judge the staged bytes, write the report, and report each subject. What could not be judged has not passed."""
    from expectations.release_validation import validate_release

    home = pipeline.home
    progress.begin("checking and auditing the candidate release")
    pipeline.await_warehouse(progress.say_with(context.log.warning))
    report = validate_release(home.staging, home.validation / "data_docs", auditor=open_auditor(home))
    home.validation.mkdir(parents=True, exist_ok=True)
    (home.validation / "report.json").write_text(report.to_json(), encoding="utf-8")
    for spec in _checks():
        about = (spec.asset_key.path[-1], spec.name)
        outcomes = [outcome for outcome in report.outcomes if (outcome.table, outcome.subject) == about]
        yield make_check_result(spec.asset_key, spec.name, outcomes)
    if not report.passed:
        raise dg.Failure(report.describe_failures())


@dg.asset(
    key=["audit", "source_disclosure_risk"],
    deps=[_staged_key(table) for table in EXTRACT_GRAINS],
    group_name="release",
    kinds={"duckdb"},
    pool="duckdb",
    description="What the published figures reveal of what they hide: counts by measure, level and size.",
)
def source_disclosure_risk(
    context: dg.AssetExecutionContext, pipeline: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> dg.MaterializeResult[Any]:
    """Audit every period that changed, and write the summary: aggregates of at least a hundred cells."""
    home = pipeline.home
    if home.is_restricted:
        return dg.MaterializeResult(metadata={"not summarised": "restricted figures are nobody's to count"})
    progress.begin("summarising what the source gives away")
    pipeline.await_warehouse(progress.say_with(context.log.warning))
    audits = open_auditor(home).audit_source(home.staging)
    groups = merge_reportable_groups(
        [group for audit in audits.values() for period in audit.periods for group in period.groups]
    )
    home.validation.mkdir(parents=True, exist_ok=True)
    summary = [group.to_record() for group in groups]
    (home.validation / "source_disclosure_risk.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
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


def read_validation_report(home: Workspace) -> ValidationReport | None:
    """The validation report of what is staged, if there is one."""
    path = home.validation / "report.json"
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
    context: dg.AssetExecutionContext, pipeline: WorkspaceResource, progress: dg.ResourceParam[ProgressReporter]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Publish the staged bytes if the gate passed exactly them, with their report; else the last release stands."""
    home, catalogue = pipeline.home, pipeline.load_catalogue()
    progress.begin("writing the release")
    record = json.loads(home.staged.read_text("utf-8"))
    drops = [
        (pipeline.drops.get(sha256), pipeline.observations.read_summary(sha256, catalogue))
        for sha256 in record["drops"]
    ]
    usable = [(drop, summary) for drop, summary in drops if drop is not None and summary is not None]
    description = Description(
        data_origin=record["origin"],
        recipe=record["recipe"],
        drops=[(add_status_and_revision(drop, summary, catalogue.precedence), summary) for drop, summary in usable],
        policy=Policy.from_manifest(record["disclosure"]),
        refused=record["refused"],
        code_commit=_code_commit(),
        salt=home.salt if home.is_restricted else None,
        replaced=find_wholly_replaced_drops(usable, pipeline.observations, catalogue),
    )
    if len(description.drops) != len(record["drops"]):
        raise dg.Failure("A drop the staged tables were made from is no longer read; run the refresh again.")
    try:
        published = publish(
            home.staging,
            read_validation_report(home),
            home.validation / "data_docs",
            home.releases,
            home.latest,
            description,
            date.today(),
            make_report_builder(home.boundaries, progress.begin),
        )
    except (NotPublishableError, *NOT_BUILDABLE) as error:
        raise dg.Failure(str(error)) from error
    verb = "released" if published.is_new else "unchanged since"
    context.log.info(f"{verb} {published.release_id}")
    home.released_by.write_text(
        json.dumps({"run_id": context.run.run_id, "release_id": published.release_id}), encoding="utf-8"
    )
    yield dg.MaterializeResult(
        asset_key=RELEASE,
        metadata={"release": published.release_id, "is new": published.is_new, "data origin": description.data_origin},
    )
    pages = sum(1 for _ in (published.folder / REPORT_FOLDER).rglob("*.html"))
    yield dg.MaterializeResult(asset_key=REPORT, metadata={"release": published.release_id, "pages": pages})


def _code_commit() -> str | None:
    """The commit of the code, where the project is a git checkout."""
    try:
        found = subprocess.run(
            ["git", "-C", str(PROJECT_ROOT), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


release_assets = [staged_tables, source_disclosure_risk, release]
