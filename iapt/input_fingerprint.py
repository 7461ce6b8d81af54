"""The fingerprint of what a release is made from: drops, code, catalogue and profile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.observation_store import DropSummary

# What decides the content of a release. The reader's own version is in each summary's digest.
FINGERPRINT_PATTERNS = (
    "catalogue/**/*.yml",
    "catalogue/*.csv",
    "dbt_project/dbt_project.yml",
    "dbt_project/macros/**/*",
    "dbt_project/models/**/*",
    "dbt_project/seeds/**/*",
    "dbt_project/tests/**/*",
    "expectations/**/*.py",
    "expectations/**/*.sql",
    "iapt/*.py",
    "iapt/contract.json",
    "iapt/catalogue/*.py",
    "iapt/disclosure/**/*",
    "iapt/ingest/completeness.py",
    "iapt/ingest/due_publications.py",
    "iapt/ingest/landing.py",
    "iapt/ingest/reissues.py",
    "iapt/release/*.py",
    "iapt/release/templates/*",
    "iapt/report/**/*.py",
    "iapt/report/static/*",
    "iapt/report/templates/*",
)


def digest_files(root: Path, patterns: Sequence[str]) -> str:
    """Return a digest of the names and bytes of every file under `root` that a pattern names.

    Raises ValueError where a pattern names no file: what it stood for has moved, and would no longer count.
    """
    named = {pattern: [path for path in root.glob(pattern) if path.is_file()] for pattern in patterns}
    if stale := [pattern for pattern, paths in named.items() if not paths]:
        raise ValueError(f"{root}: expected files at {', '.join(stale)}; found none. Name where they have moved to.")
    digest = hashlib.sha256()
    for path in sorted({path for paths in named.values() for path in paths if "__pycache__" not in path.parts}):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def compute_input_fingerprint(
    root: Path, usable: Sequence[tuple[ArchivedDrop, DropSummary]], profile: str, of_home: Sequence[str]
) -> str:
    """Return a digest of the code, the catalogue, the drops and the disclosure profile that a release is made from.

    `of_home` is what a home has beside them, such as publications it found: `completeness.list_home_inputs`.
    """
    drops = [
        (drop.sha256, drop.batch, drop.sequence, drop.publication, drop.status, drop.revision, summary.digest)
        for drop, summary in usable
    ]
    inputs = {
        "files": digest_files(root, FINGERPRINT_PATTERNS),
        "drops": sorted(drops),
        "profile": profile,
        "of the home": sorted(of_home),
    }
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
