"""The tables that a build of the marts keeps: dbt leaves them out, and Dagster is told that they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from iapt.workspace import Workspace
from iapt.workspace_state import BuiltPeriods, BuiltTables, PassedTest, RefreshPlan
from orchestration.unchanged_nodes import Manifest, digest_inputs, digest_project, find_unchanged_nodes


class KeptTables:
    """The seeds, models and tests of the dbt project that a build leaves as they are, by what dbt calls them.

    While the build is at work nothing is written down of the tables, so that one that was not finished leaves nothing
    that a later one keeps.
    """

    def __init__(self, manifest: Manifest, built: BuiltTables | None, inputs: Mapping[str, str], build: str) -> None:
        """Keep nothing yet of the tables that were `built`; `inputs` are what they rest on in the `build` at work."""
        self.manifest, self.inputs, self.build = manifest, inputs, build
        self.nodes: frozenset[str] = frozenset()
        #: The tests that have passed on the tables as they are.
        self.passed = dict(built.passed) if built else {}

    @classmethod
    def find(cls, manifest: Path, workspace: Workspace, *, is_all_made: bool) -> Self:
        """Return what a build keeps; nothing where all is made, or nothing is known of the tables."""
        project: Manifest = json.loads(manifest.read_bytes())
        build = "".join(BuiltPeriods.load(workspace.landed_periods).builds[-1:])
        built = None if is_all_made else BuiltTables.load_if_current(workspace)
        kept = cls(project, built, digest_inputs(workspace, project), build)
        if built is not None:
            grains = {period.grain for period in RefreshPlan.load(workspace.refresh_plan).affected}
            kept.nodes = frozenset(find_unchanged_nodes(project, kept.inputs, built, grains))
        kept.passed = {name: test for name, test in kept.passed.items() if name in kept.nodes}
        workspace.built_tables.unlink(missing_ok=True)
        return kept

    def write_left_out(self, folder: Path, is_left_out: Callable[[Mapping[str, Any]], bool]) -> Path:
        """Write into a folder what dbt leaves out, and what is left out of every build; return the path of the file."""
        others = {name for name, node in self.manifest["nodes"].items() if is_left_out(node)}
        path = folder / "left_out.json"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sorted(self.nodes | others)))
        return path

    def add_events(
        self, events: Iterable[Any], assets: dg.AssetsDefinition, translator: DagsterDbtTranslator
    ) -> Iterator[Any]:
        """Yield the events of a run of dbt and, in order among them, those of what it left out.

        Dagster takes what is not told for skipped, with all that is made from it. The result of a test that was left
        out says in which build it passed on the same rows.
        """
        results = self.passed.copy()
        outputs = {
            name: assets.get_output_name_for_asset_key(translator.get_asset_key(node))
            for name, node in self.manifest["nodes"].items()
            if node["resource_type"] != "test"
        }
        names = {output: name for name, output in outputs.items()}
        waiting = {
            name: set(self.manifest["nodes"][name]["depends_on"].get("nodes", ())) & outputs.keys()
            for name in sorted(self.nodes & outputs.keys())
        }
        told: set[str] = set()

        def tell_kept() -> Iterator[dg.Output[None]]:
            while ready := [name for name, parents in waiting.items() if parents <= told]:
                for name in ready:
                    del waiting[name]
                    told.add(name)
                    yield dg.Output(None, outputs[name], metadata={"made by this run": False})

        yield from tell_kept()
        for event in events:
            yield event
            if isinstance(event, dg.Output):
                told.add(names[event.output_name])
                yield from tell_kept()
            elif isinstance(event, dg.AssetCheckResult) and event.passed and event.asset_key and event.check_name:
                name = str(event.metadata["unique_id"].value)
                self.passed[name] = PassedTest(
                    build=self.build, asset=tuple(event.asset_key.path), check=event.check_name
                )
        for name, test in results.items():
            if test.check:
                metadata = {"unique_id": name, "passed in the build": test.build}
                yield dg.AssetCheckResult(check_name=test.check, asset_key=test.asset, passed=True, metadata=metadata)

    def finish(
        self, workspace: Workspace, statuses: Mapping[str, str], is_left_out: Callable[[Mapping[str, Any]], bool]
    ) -> None:
        """Write down what the tables rest on now, with the tests that passed in this build or in that of their rows.

        `statuses` are dbt's, by node. Raises dg.Failure where dbt has none for a node that it was to make or run.
        """
        expected = {name for name, node in self.manifest["nodes"].items() if not is_left_out(node)} - self.nodes
        if missing := sorted(expected - statuses.keys()):
            raise dg.Failure(f"expected dbt to build or test {missing[0]}; it did not. Run iapt refresh --rebuild.")
        tests = {
            name: self.passed.get(name, PassedTest(build=self.build))
            for name, status in statuses.items()
            if status == "pass" and self.manifest["nodes"][name]["resource_type"] == "test"
        }
        BuiltTables(project=digest_project(), inputs=dict(self.inputs), passed={**self.passed, **tests}).write_for(
            workspace
        )
