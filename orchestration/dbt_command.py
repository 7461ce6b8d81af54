"""dbt's own command line, on the project as it was parsed once.

dbt parses the project again for every other warehouse. What it parses does not depend on the warehouse, so it is parsed
once (`orchestration.assets.marts.prepare_manifest`) and handed to dbt here: see docs/decisions.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from iapt.workspace import DBT_PROJECT
from orchestration import warm_dbt

MODULE: Final = "orchestration.dbt_command"
#: What dbt kept of parsing the project.
PARSED_PROJECT: Final = DBT_PROJECT / "target" / "partial_parse.msgpack"
#: In the environment: the path of a file that lists nodes by what dbt calls them, which then have the tag.
LEFT_OUT_VARIABLE: Final = "IAPT_DBT_LEFT_OUT"
LEFT_OUT_TAG: Final = "left_out"


def ignore_surroundings() -> None:
    """Remove what others have told dbt, and Dagster of dbt, from the environment of this process.

    dbt takes every option from `DBT_*`: another project, empty tables, warnings that stop the run. What this project
    tells it stands in its own files and commands. `PYTHONWARNINGS=error` would end Python where a library warns of its
    own future.
    """
    if os.environ.pop("PYTHONWARNINGS", ""):
        warnings.resetwarnings()
    for name in [name for name in os.environ if name.startswith(("DBT_", "DAGSTER_DBT_"))]:
        del os.environ[name]


@cache
def _read_parsed_project(modified_ns: int) -> Any:
    """Return the project as it was parsed at that time, in nanoseconds: one that was parsed again is read again."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    manifest = Manifest.from_msgpack(PARSED_PROJECT.read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    return manifest


def prepare_runs() -> None:
    """Import dbt and read the parsed project, where it has been parsed, so that a fork of this process need not."""
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    if PARSED_PROJECT.is_file():
        _read_parsed_project(PARSED_PROJECT.stat().st_mtime_ns)


def run_dbt(arguments: list[str]) -> int:
    """Run dbt's own command with these arguments in this process; return its exit status."""
    from dbt.cli.main import cli

    known: dict[str, Any] = (
        {} if "parse" in arguments else {"manifest": _read_parsed_project(PARSED_PROJECT.stat().st_mtime_ns)}
    )
    if known and (path := os.environ.get(LEFT_OUT_VARIABLE, "")):
        _add_tag(known["manifest"], json.loads(Path(path).read_text("utf-8")))
    try:
        cli(arguments, obj=known, prog_name="dbt")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _add_tag(manifest: Any, names: Iterable[str]) -> None:
    """Give nodes the tag by which a run leaves them out: dbt takes half a second to look up so many of their names."""
    for name in names:
        manifest.nodes[name].tags.append(LEFT_OUT_TAG)


def main(arguments: list[str]) -> int:
    """Run dbt in a fork of the process that has it imported, else in this one; return its exit status.

    With `--serve-at SOCKET` this process becomes the one that is forked.
    """
    if arguments[:1] == [warm_dbt.SERVE_AT]:
        warm_dbt.serve(Path(arguments[1]), prepare_runs, run_dbt)
        return 0
    warm_dbt.end_with_caller()
    status = warm_dbt.run_in_fork(arguments)
    return run_dbt(arguments) if status is None else status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
