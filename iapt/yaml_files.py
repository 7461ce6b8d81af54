"""YAML files: read by libyaml where PyYAML has it, which takes an eighth of the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

#: Both read the same YAML; a layout of a drop is read again in every run.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; nothing in it can be of another type than YAML's own.

    Raises yaml.YAMLError where it is no YAML, and OSError where it cannot be read.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
