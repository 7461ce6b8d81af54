"""dbt's own command line, on the project as it was parsed once.

dbt parses the project again for every other warehouse. What it parses does not depend on the warehouse, so it is parsed
once (`orchestration.assets.marts.prepare_manifest`) and handed to dbt here: see docs/decisions.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, Final

from iapt.workspace import DBT_PROJECT

MODULE: Final = "orchestration.dbt_command"
#: What dbt kept of parsing the project.
PARSED_PROJECT: Final = DBT_PROJECT / "target" / "partial_parse.msgpack"


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


def main(arguments: list[str]) -> None:
    """Run dbt with these arguments, and end this process with its exit status."""
    from dbt.cli.main import cli

    cli(arguments, obj={} if "parse" in arguments else {"manifest": _read_parsed_project()}, prog_name="dbt")


def _read_parsed_project() -> Any:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    manifest = Manifest.from_msgpack(PARSED_PROJECT.read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()
    return manifest


if __name__ == "__main__":
    main(sys.argv[1:])
