"""A copy of the project's folder, whose seeds and catalogue can be changed, and its command run from it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

from iapt.workspace import PROJECT_ROOT

_LEFT_OUT = (".git", ".venv", "data", "__pycache__", "target", ".*_cache", "node_modules")


def make_environment(checkout: Path) -> dict[str, str]:
    """The environment in which Python runs the code of a checkout, with the packages of this one."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": ""}
    environment.pop("IAPT_HOME", None)
    environment.pop("IAPT_WARM_DBT", None)
    return environment


def copy_project(target: Path) -> Path:
    """Copy the project and have its dbt project parsed, as the set-up does."""
    shutil.copytree(PROJECT_ROOT, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    command = [sys.executable, "-m", "orchestration.assets.marts"]
    subprocess.run(command, cwd=target, env=make_environment(target), check=True, capture_output=True)
    return target


def edit_csv_cell(path: Path, row: int, column: str, text: str) -> str:
    """Write another text into a cell of a seed, of the rows below its header; return the one it had.

    Every other line keeps its bytes.
    """
    lines = path.read_text("utf-8").splitlines(keepends=True)
    names = next(csv.reader([lines[0]]))
    cells = next(csv.reader([lines[1 + row]]))
    before, cells[names.index(column)] = cells[names.index(column)], text
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    path.write_text("".join([*lines[: 1 + row], line.getvalue(), *lines[2 + row :]]), "utf-8")
    return before
