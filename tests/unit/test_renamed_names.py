"""Names that were changed once, in one release, are gone everywhere: `tests/cases/renamed_names.yml` lists them."""

from __future__ import annotations

import re
import subprocess

import yaml

from iapt.workspace import PROJECT_ROOT

RENAMES = "tests/cases/renamed_names.yml"
#: What may name what is gone: the list itself, and what tells users of the change.
MAY_NAME_THEM = {RENAMES, "CHANGELOG.md"}
#: Ordinary words among the old names, which nobody can forbid.
ORDINARY_WORDS = {"narrowed"}


def read_renames() -> dict[str, str]:
    sections: dict[str, dict[str, str]] = yaml.safe_load((PROJECT_ROOT / RENAMES).read_text("utf-8"))
    renames = {old: new for names in sections.values() for old, new in names.items()}
    assert len(renames) == sum(map(len, sections.values())), "a name is listed twice"
    return renames


def test_no_old_name_is_left_in_a_tracked_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, check=True).stdout
    renames = read_renames()
    left = []
    for name in sorted(set(listed.decode().strip("\0").split("\0")) - MAY_NAME_THEM):
        path = PROJECT_ROOT / name
        if path.is_file():
            words = set(re.findall(r"\w+", f"{name} {path.read_bytes().decode('utf-8', 'ignore')}"))
            left += [
                f"{name}: {old}, which is called {renames[old]} now"
                for old in sorted(words & renames.keys() - ORDINARY_WORDS)
            ]
    assert left == []


def test_no_new_name_is_an_old_one() -> None:
    renames = read_renames()
    assert renames.keys().isdisjoint(renames.values())
