"""The recipe of a release: which drops, under which code, catalogue and profile. The same recipe, the same release."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from orchestration.drops.reader import DropSummary
from orchestration.drops.store import KeptDrop

# What decides the content of a release. The reader's own version is in each summary's digest.
RECIPE_PATTERNS = (
    "catalogue/**/*.yml",
    "catalogue/*.csv",
    "dbt_project/dbt_project.yml",
    "dbt_project/macros/**/*",
    "dbt_project/models/**/*",
    "dbt_project/seeds/**/*",
    "dbt_project/tests/**/*",
    "expectations/**/*.py",
    "orchestration/drops/catalogue.py",
    "orchestration/drops/landing.py",
    "orchestration/drops/reissues.py",
    "orchestration/release/*.py",
    "orchestration/release/templates/*",
    "orchestration/report/**/*.py",
    "orchestration/report/assets/*",
    "orchestration/report/templates/*",
)


def digest_of_files(root: Path, patterns: Sequence[str]) -> str:
    """A digest of the names and bytes of every file under `root` that a pattern names."""
    whole = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()}):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def recipe_digest(root: Path, usable: Sequence[tuple[KeptDrop, DropSummary]], profile: str) -> str:
    """A digest of the code, the catalogue, the drops and the disclosure profile that a release is made from."""
    drops = [(drop.sha256, drop.batch, drop.sequence, summary.digest) for drop, summary in usable]
    whole = {"files": digest_of_files(root, RECIPE_PATTERNS), "drops": sorted(drops), "profile": profile}
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()
