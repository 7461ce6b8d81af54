"""Which nodes of the dbt project a build leaves as they are: what they rest on is as the last finished build had it.

A seed is loaded again where its file changed, a table made again where something that it is made from changed, and a
test run again where it has not passed on just those rows. Models by period are made again where a period of theirs is
affected, or a dimension changed that their rows carry labels of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any, Final

from iapt.duckdb_connections import open_duckdb
from iapt.input_fingerprint import digest_files
from iapt.workspace import DBT_PROJECT, PROJECT_ROOT, Workspace
from iapt.workspace_state import BuiltPeriods, BuiltTables

#: What all nodes rest on beside their inputs: the project without its seeds, and how unchanged ones are found.
_PROJECT_PATTERNS: Final = (
    *(f"{DBT_PROJECT.name}/{name}" for name in ("dbt_project.yml", "profiles.yml", "seeds/*.yml")),
    *(f"{DBT_PROJECT.name}/{folder}/**/*" for folder in ("macros", "models", "tests")),
    "orchestration/unchanged_nodes.py",
)
#: The landing tables that say what a build makes again: they are of the build, and no figure or label rests on them.
_OF_BUILDS: Final = frozenset({"affected_periods", "current_build", "period_builds"})
#: The landing table that is a view of the files of drops: what those hold is known without reading them.
_OBSERVATIONS: Final = "observations"
#: The dimensions whose labels rows of models by period carry (dbt_project/macros/affected_periods.sql, topics.sql).
_LABELS: Final = frozenset({"dim_organisation", "dim_population"})
_BY_PERIOD: Final = "replace_periods"

Manifest = Mapping[str, Any]


def digest_project() -> str:
    """Return a digest of what every node of the dbt project rests on beside its inputs."""
    return digest_files(PROJECT_ROOT, _PROJECT_PATTERNS)


def digest_inputs(workspace: Workspace, manifest: Manifest) -> dict[str, str]:
    """Return a digest of each seed and each landing table, as they are now, by what dbt calls it."""
    digests = {
        name: hashlib.sha256((DBT_PROJECT / node["original_file_path"]).read_bytes()).hexdigest()
        for name, node in manifest["nodes"].items()
        if node["resource_type"] == "seed"
    }
    landed = BuiltPeriods.load(workspace.landed_periods)
    with open_duckdb(workspace.warehouse, spill=workspace.spill, read_only=True) as connection:
        for name, source in manifest["sources"].items():
            table = source["identifier"]
            if table == _OBSERVATIONS:
                content: object = landed.model_dump(include={"periods"})
            elif table in _OF_BUILDS:
                continue
            else:
                content = sorted(map(repr, connection.execute(f"from {source['schema']}.{table}").fetchall()))
            digests[name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return digests


def find_unchanged_nodes(
    manifest: Manifest, inputs: Mapping[str, str], built: BuiltTables, affected_grains: Collection[str]
) -> set[str]:
    """Return the seeds, models and tests that need not be made or run again, by what dbt calls them.

    `inputs` are digests of the seeds and landing tables now, `affected_grains` the grains of the periods that are made
    again, `built` is what the tables rest on. A view shows what changed without being made again, unless what it reads
    rests on a seed that is loaded again: the types of that may be others.
    """
    if built.project != digest_project():
        return set()
    changed = {name for name, digest in inputs.items() if built.inputs.get(name) != digest}
    reloaded = {name for name in changed if name in manifest["nodes"]}
    unchanged = {name for name, node in manifest["nodes"].items() if node["resource_type"] == "seed"} - changed
    for name, node, parents in _iterate_models_and_tests(manifest):
        has_changed = not changed.isdisjoint(parents)
        if node["resource_type"] == "test":
            is_left = name in built.passed and not has_changed
        elif node["config"]["materialized"] == "view":
            is_left = reloaded.isdisjoint(parents)
        elif node["config"].get("incremental_strategy") == _BY_PERIOD:
            grain = node["config"]["meta"].get("grain")
            is_affected = grain in affected_grains if grain else bool(affected_grains)
            labels = {parent for parent in parents if manifest["nodes"].get(parent, {}).get("name") in _LABELS}
            has_changed = is_affected or not changed.isdisjoint(labels)
            is_left = not has_changed
        else:
            is_left = not has_changed
        if has_changed:
            changed.add(name)
            if not reloaded.isdisjoint(parents):
                reloaded.add(name)
        if is_left:
            unchanged.add(name)
    return unchanged


def _iterate_models_and_tests(manifest: Manifest) -> Iterator[tuple[str, Mapping[str, Any], set[str]]]:
    """Yield each model and test after what it is made from: its name, itself, and the names of that."""
    nodes = {
        name: node for name, node in manifest["nodes"].items() if node["resource_type"] in ("seed", "model", "test")
    }
    parents = {
        name: {
            parent
            for parent in node["depends_on"]["nodes"]
            if manifest["sources"].get(parent, {}).get("identifier") not in _OF_BUILDS
        }
        if node["resource_type"] != "seed"
        else set[str]()
        for name, node in nodes.items()
    }
    for name in TopologicalSorter(parents).static_order():
        if name in nodes and nodes[name]["resource_type"] != "seed":
            yield name, nodes[name], parents[name]
