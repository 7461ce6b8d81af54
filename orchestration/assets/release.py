"""Assets of the release: the staged tables, the gate's checks on them, and the release itself."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date

import dagster as dg

from expectations.contracts import CONTRACTS
from expectations.gate import BYTES_RULE, BYTES_RULE_DESCRIPTION, FILES_RULE, FILES_RULE_DESCRIPTION
from expectations.suites import SUITES
from expectations.verdict import RuleOutcome, Verdict
from orchestration.home import PROJECT_ROOT, Home
from orchestration.release.describe import Description
from orchestration.release.publish import NotPublishable, publish
from orchestration.release.stage import TABLES, stage
from orchestration.resources import PipelineHome

RELEASE = dg.AssetKey("release")
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
def staged_tables(pipeline: PipelineHome) -> Iterator[dg.MaterializeResult[None]]:
    """Write the candidate release. Whatever verdict there was is about other bytes, so it goes."""
    home = pipeline.home
    shutil.rmtree(home.verdicts, ignore_errors=True)
    # What the warehouse was built from goes with the tables: a later run may land other drops before it stages them.
    shutil.copyfile(home.landed, home.staged)
    for table, rows in stage(home.warehouse, home.staging).items():
        yield dg.MaterializeResult(asset_key=_staged_key(table), metadata={"dagster/row_count": rows})


def _subjects() -> dict[tuple[str, str], list[str]]:
    """What each check is about, a staged table and a subject, and what its rules say."""
    described: dict[tuple[str, str], list[str]] = {}
    for table in CONTRACTS:
        described[table, "structure"] = list(FOLDER_RULES.values())
        for rule in SUITES[table]:
            described.setdefault((table, rule.subject), []).append(rule.description)
    return described


def _checks() -> list[dg.AssetCheckSpec]:
    # One check for a subject, not for a rule: a dozen lines to read, and Dagster writes four events for every check.
    return [
        dg.AssetCheckSpec(subject, asset=_staged_key(table), description="\n\n".join(described), blocking=True)
        for (table, subject), described in _subjects().items()
    ]


@dg.multi_asset_check(name="gate", specs=_checks(), can_subset=False)
def gate(context: dg.AssetCheckExecutionContext, pipeline: PipelineHome) -> Iterator[dg.AssetCheckResult]:
    """Judge the staged bytes, write the verdict, and report each subject. What could not be judged has not passed."""
    from expectations.gate import judge

    home = pipeline.home
    verdict = judge(home.staging, home.verdicts / "data_docs")
    home.verdicts.mkdir(parents=True, exist_ok=True)
    (home.verdicts / "verdict.json").write_text(verdict.to_json(), encoding="utf-8")
    if not verdict.passed:
        context.log.error(verdict.describe_failures())
    for spec in _checks():
        yield _check_result(spec.asset_key, spec.name, verdict)


def _check_result(staged: dg.AssetKey, subject: str, verdict: Verdict) -> dg.AssetCheckResult:
    """What a check says: each rule's result and the keys of a few rows, never a figure."""
    outcomes = [
        outcome for outcome in verdict.outcomes if (outcome.table, outcome.subject) == (staged.path[-1], subject)
    ]
    blocks = not outcomes or any(outcome.blocks for outcome in outcomes)
    broken = [outcome for outcome in outcomes if outcome.result != "passed"]
    return dg.AssetCheckResult(
        check_name=subject,
        asset_key=staged,
        passed=bool(outcomes) and not broken,
        severity=dg.AssetCheckSeverity.ERROR if blocks or not broken else dg.AssetCheckSeverity.WARN,
        metadata={
            "rules": len(outcomes),
            "kept": len(outcomes) - len(broken),
            **{outcome.rule: dg.MetadataValue.md(_described(outcome)) for outcome in broken},
        },
    )


def _described(outcome: RuleOutcome) -> str:
    lines = [f"**{outcome.result.replace('_', ' ')}** in `{outcome.file}`: {outcome.description}"]
    if outcome.violations is not None:
        lines.append(f"Violating rows: {outcome.violations:,}")
    if outcome.message:
        lines.append(outcome.message)
    if outcome.examples:
        examples = json.dumps([dict(example) for example in outcome.examples], ensure_ascii=False)
        lines.append(f"Examples (keys only): `{examples}`")
    return "\n\n".join(lines)


def read_verdict(home: Home) -> Verdict | None:
    """The gate's verdict on what is staged, if there is one."""
    path = home.verdicts / "verdict.json"
    return Verdict.from_json(path.read_text("utf-8")) if path.is_file() else None


@dg.asset(
    key=RELEASE,
    deps=[_staged_key(table) for table in TABLES],
    group_name="release",
    kinds={"parquet", "csv", "duckdb"},
    description="The folder that `latest` points to: exactly the bytes the gate passed, and what is made from them.",
)
def release(context: dg.AssetExecutionContext, pipeline: PipelineHome) -> dg.MaterializeResult[None]:
    """Publish the staged bytes if the gate passed exactly them; else fail and leave the last release standing."""
    home, catalogue = pipeline.home, pipeline.load_catalogue()
    record = json.loads(home.staged.read_text("utf-8"))
    drops = [
        (pipeline.drops.get(sha256), pipeline.observations.summary_of(sha256, catalogue)) for sha256 in record["drops"]
    ]
    description = Description(
        data_origin=record["origin"],
        recipe=record["recipe"],
        drops=[(drop, summary) for drop, summary in drops if drop is not None and summary is not None],
        refused=record["refused"],
        code_commit=_code_commit(),
    )
    if len(description.drops) != len(record["drops"]):
        raise dg.Failure("A drop the staged tables were made from is no longer read; run the refresh again.")
    try:
        published = publish(
            home.staging,
            read_verdict(home),
            home.verdicts / "data_docs",
            home.releases,
            home.latest,
            description,
            date.today(),
        )
    except NotPublishable as error:
        raise dg.Failure(str(error)) from error
    verb = "released" if published.is_new else "unchanged since"
    context.log.info(f"{verb} {published.release_id}")
    return dg.MaterializeResult(
        metadata={"release": published.release_id, "is new": published.is_new, "data origin": description.data_origin}
    )


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


release_assets = [staged_tables, release]
