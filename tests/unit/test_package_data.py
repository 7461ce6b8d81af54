"""The package holds every file that its code reads, wherever it is installed."""

import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import PurePosixPath

from iapt.workspace import PROJECT_ROOT


def test_every_kind_of_file_beside_the_code_is_package_data() -> None:
    settings = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["*"]
    folders = ["iapt", "expectations", "orchestration"]
    listed = subprocess.run(["git", "ls-files", *folders], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    files = [PurePosixPath(name) for name in listed.stdout.splitlines() if not name.endswith(".py")]
    missing = {file.name for file in files if not any(fnmatch(file.name, pattern) for pattern in patterns)}
    assert missing <= {".sqlfluff"}, "settings of the linter alone are not needed to run"
