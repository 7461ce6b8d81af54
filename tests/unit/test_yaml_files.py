"""YAML files are read alike by libyaml and by Python, and make nothing but plain values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from iapt.workspace import CATALOGUE, DBT_PROJECT
from iapt.yaml_files import read_yaml


def test_every_file_of_the_project_is_read_as_python_reads_it() -> None:
    paths = [path for folder in (CATALOGUE, DBT_PROJECT / "seeds") for path in folder.rglob("*.yml")]
    assert paths
    assert [path for path in paths if read_yaml(path) != yaml.safe_load(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "[1, 2", "a: b: c"])
def test_what_is_no_plain_yaml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text(text, "utf-8")
    with pytest.raises(yaml.YAMLError):
        read_yaml(tmp_path / "file.yml")
