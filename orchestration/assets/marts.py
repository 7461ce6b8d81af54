"""The dbt models as assets, with their tests as checks."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from filelock import FileLock
from packaging.version import Version

from expectations import engine
from iapt.duckdb_connections import make_duckdb_config
from iapt.input_fingerprint import digest_files
from iapt.workspace import DBT_PROJECT, Workspace
from iapt.workspace_state import BuildInputs, BuiltPeriods, RefreshPlan, finish_build
from orchestration import dbt_command, warm_dbt
from orchestration.assets.kept_tables import KeptTables
from orchestration.check_events import is_warning
from orchestration.dbt_failures import describe_failed_tests, make_test_warnings, read_statuses
from orchestration.progress import ProgressReporter
from orchestration.resources import WorkspaceResource

dbt_command.ignore_surroundings()
project = DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
#: The YAML of the released tables. What their tests ask of structure, keys and vocabularies the gate asks of the staged
#: files, which are what is released: in a refresh it is asked once, there.
RELEASED_YAML = (
    "models/extracts/extracts.yml",
    "models/extracts/current_boundaries.yml",
    "models/marts/dim_*.yml",
    "models/marts/mart_data_quality.yml",
    "models/marts/publications.yml",
    "models/topics/dim_note.yml",
    "models/topics/mart_rolling_totals.yml",
    "models/topics/topic_marts.yml",
)
#: Tests that `make test` runs and no refresh does, and that Dagster does not show as checks: those, dbt's unit tests,
#: and the tests of the reviewed seeds, which are about the code. A singular test that compares a model with a seed is
#: about the drops, so only generic ones are excluded.
TESTS_OF_CODE = " ".join(
    ("resource_type:unit_test", *(f"test_type:generic,path:{path}" for path in ("seeds", *RELEASED_YAML)))
)
#: Where all observations together have fewer bytes than this, the threads of a query cost more than they save.
SMALL_BYTES = 8 * 2**20
#: In the environment of dbt: the name of the build that it makes; empty where the pipeline has not planned one.
BUILD_VARIABLE = "IAPT_BUILD"
_PARSED_FROM = ("dbt_project.yml", "profiles.yml", "macros/**/*", "models/**/*", "seeds/**/*", "tests/**/*")


class PinnedDbtCliResource(DbtCliResource):
    """dbt as the lock file pins it, run by Python itself and by no program of its own that could be asked."""

    @cached_property
    def _cli_version(self) -> Version:
        """What the lock file says; `dbt --version` would say the same."""
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        """No handle to the warehouse in this process: only row counts and columns, not asked for, would need one."""
        return None


def make_dbt_resource() -> DbtCliResource:
    """Return dbt of this environment, wherever PATH leads, on the project as it was parsed."""
    return PinnedDbtCliResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=sys.executable,
        global_config_flags=["-m", dbt_command.MODULE],
    )


def prepare_manifest() -> Path:
    """Return the path of the dbt manifest, parsed again where the dbt project has changed since it was written."""
    manifest = project.manifest_path
    stamp = manifest.with_name("manifest.digest")
    digest = f"{digest_files(DBT_PROJECT, _PARSED_FROM)} {version('dbt-core')} {version('dbt-duckdb')}"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(manifest.with_name("manifest.lock")):
        files = (manifest, dbt_command.PARSED_PROJECT, stamp)
        if not (all(path.is_file() for path in files) and stamp.read_text() == digest):
            _point_dbt_at(Workspace.from_environment())
            make_dbt_resource().cli(["--quiet", "parse"], target_path=manifest.parent, raise_on_error=True).wait()
            stamp.write_text(digest)
    return manifest


def _point_dbt_at(workspace: Workspace) -> None:
    """Name the warehouse to dbt, with the threads and the memory for it, and keep it from sending anything."""
    # Absolute: dbt parses again where the path is spelt another way.
    os.environ["IAPT_WAREHOUSE"] = str(workspace.warehouse.absolute())
    is_small = sum(path.stat().st_size for path in workspace.observations.glob("*.parquet")) < SMALL_BYTES
    # dbt builds two models at a time, so one thread for each query leaves no core idle.
    os.environ["IAPT_DUCKDB_THREADS"] = "1" if is_small else str(os.cpu_count() or 1)
    settings = make_duckdb_config(workspace.spill.absolute())
    os.environ["IAPT_DUCKDB_MEMORY"] = settings["memory_limit"]
    os.environ["IAPT_DUCKDB_SPILL"] = settings["temp_directory"]
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ[warm_dbt.CALLER_VARIABLE] = str(os.getpid())  # dbt ends when this process does


class LayerDbtTranslator(DagsterDbtTranslator):
    """Assets are named for their schema and table, and grouped by the layer of the dbt project they belong to."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<schema>/<name>`: what a person would type in SQL."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return str(dbt_resource_props["schema"])

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """The check of a test that a refresh runs; None for a test of the seeds or of a released table.

        `@dbt_assets(exclude=...)` would have dbt select from the whole manifest wherever the assets are loaded.
        """
        if is_test_of_code(manifest["nodes"][unique_id]):
            return None
        return super().get_asset_check_spec(asset_spec, manifest, unique_id, project)


def build_marts() -> dg.AssetsDefinition:
    """Return the assets of every dbt model and seed, with the tests of models as checks; one step, one writer."""

    @dbt_assets(
        manifest=prepare_manifest(),
        project=project,
        name="dbt_marts",
        pool="duckdb",
        dagster_dbt_translator=LayerDbtTranslator(
            settings=DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=True)
        ),
    )
    def dbt_marts(
        context: dg.AssetExecutionContext,
        dbt: DbtCliResource,
        workspace: WorkspaceResource,
        progress: dg.ResourceParam[ProgressReporter],
    ) -> Iterator[Any]:
        """Seed, build and test the marts and extracts."""
        progress.begin("building the marts")
        workspace.wait_for_warehouse(progress.say_with(context.log.warning), for_writing=True)
        _point_dbt_at(workspace.paths)
        # Great Expectations takes seconds to import; dbt works in another process meanwhile.
        Thread(target=engine.warm_up, daemon=True).start()
        # In the home: what dbt says of restricted figures stays with them, and what it parsed for this warehouse is
        # kept for the next refresh of it.
        target = workspace.paths.root.absolute() / "dbt_target"
        build = ["--log-level-file", "info", "build"]
        if is_full := is_full_build(workspace.paths):
            build.append("--full-refresh")
        # Some models alone are a person's choice: the pipeline did not plan it, and trusts none of it.
        os.environ[BUILD_VARIABLE] = "" if context.is_subset else find_landed_build(workspace.paths)
        kept = KeptTables.find(prepare_manifest(), workspace.paths, is_all_made=is_full or context.is_subset)
        os.environ[dbt_command.LEFT_OUT_VARIABLE] = str(kept.write_left_out(target, is_test_of_code))
        build += ["--exclude", f"resource_type:unit_test tag:{dbt_command.LEFT_OUT_TAG}"]
        if not context.is_subset:
            build += ["--indirect-selection", "empty"]  # a test of several models is left out by its own name alone
        warnings: list[dg.AssetCheckResult] = []
        built, tables = 0, len(context.selected_asset_keys)
        try:
            events = dbt.cli(build, context=context, target_path=target).stream()
            for event in kept.add_events(events, context.assets_def, LayerDbtTranslator()):
                if isinstance(event, dg.AssetCheckResult) and is_warning(event):
                    warnings.append(event)  # yielded when dbt has closed the warehouse, and its rows can be queried
                    continue
                if isinstance(event, dg.Output):
                    built += 1
                    progress.report(f"building the marts: {event.output_name.replace('__', '.')}", built, tables)
                yield event
            yield from _describe_warnings(context, warnings, target, workspace.paths)
        except DagsterDbtCliRuntimeError as error:
            yield from _describe_warnings_if_possible(context, warnings, target, workspace.paths)
            if failures := describe_failed_tests(target, workspace.paths.warehouse):
                raise dg.Failure(failures) from error
            raise
        if not context.is_subset:
            kept.finish(workspace.paths, read_statuses(target), is_test_of_code)
            BuildInputs.load(workspace.paths.landed).write(workspace.paths.built)
            finish_build(workspace.paths)

    return dbt_marts


def is_test_of_code(node: Mapping[str, Any]) -> bool:
    """Whether a node is a test that no refresh runs: one of the seeds, or a generic one of a released table."""
    path = PurePosixPath(node["original_file_path"])
    return node["resource_type"] == "test" and any(path.match(pattern) for pattern in ("seeds/*", *RELEASED_YAML))


def find_landed_build(workspace: Workspace) -> str:
    """Return the name of the build that landed last; empty where an earlier version landed it."""
    return "".join(BuiltPeriods.load(workspace.landed_periods).builds[-1:])


def is_full_build(workspace: Workspace) -> bool:
    """Whether every period of the warehouse is to be made again, rather than those that were landed as affected.

    So it is where the plan says so, and where what all figures rest on was landed and not built since.
    """
    built = BuiltPeriods.load_if_present(workspace.built_periods) or BuiltPeriods()
    landed = BuiltPeriods.load(workspace.landed_periods)
    return RefreshPlan.load(workspace.refresh_plan).is_full or landed.foundation != built.foundation


def _describe_warnings(
    context: dg.AssetExecutionContext, checks: Sequence[dg.AssetCheckResult], target: Path, home: Workspace
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of tests that warn, each with its warning."""
    if not checks:
        return
    assets = {
        str(check.metadata["unique_id"].value): check.asset_key.to_user_string()
        for check in checks
        if check.asset_key is not None
    }
    warnings = make_test_warnings(target, home.warehouse, assets)
    for check in checks:
        warning = warnings[str(check.metadata["unique_id"].value)]
        context.log.warning(str(warning))
        yield check._replace(description=str(warning))


def _describe_warnings_if_possible(
    context: dg.AssetExecutionContext, checks: Sequence[dg.AssetCheckResult], target: Path, home: Workspace
) -> Iterator[dg.AssetCheckResult]:
    """Yield the same after dbt has failed; as dbt gave them where it left no results, or no rows to query."""
    try:
        described = list(_describe_warnings(context, checks, target, home))
    except (OSError, LookupError, ValueError, duckdb.Error) as error:
        context.log.warning(f"the rows that the warnings are about could not be queried: {error}")
        described = list(checks)
    yield from described


if __name__ == "__main__":
    # Part of the set-up: the first refresh then finds the dbt project parsed.
    prepare_manifest()
