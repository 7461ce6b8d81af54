"""The publications that a home knows of: those of the reviewed catalogue, and those that discovery found for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml
from pydantic import TypeAdapter

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.files import write_atomically
from iapt.workspace import Workspace
from iapt.yaml_files import read_yaml

_log: Final = logging.getLogger(__name__)
_HEADER: Final = """\
# Publications that were found on the publisher's pages for this home, and that nobody has reviewed. A refresh pulls
# them; what catalogue/publications.yml has by then is left out. Take a row away to have it looked for again.
"""


class FoundPublicationsError(ValueError):
    """Raised where `found_publications.yml` of a home does not hold publications."""


def load_publications(workspace: Workspace, catalogue: Catalogue) -> tuple[Publications, frozenset[str]]:
    """Return the publications of the catalogue and of a home together, and the ids of those that only the home lists.

    What a home found and the catalogue contradicts by now is left out, and logged: what was reviewed is right, and a
    refresh that nobody watches goes on. Raises FoundPublicationsError where the home's list cannot be read.
    """
    reviewed = catalogue.publications
    path = workspace.found_publications
    if not path.is_file():
        return reviewed, frozenset()
    try:
        rows = TypeAdapter(list[Publication]).validate_python(read_yaml(path) or [])
    except (ValueError, yaml.YAMLError) as error:
        raise FoundPublicationsError(
            f"{path}: expected publications as in catalogue/publications.yml; found {error}. Correct the file, or take "
            "it away: `iapt discover` finds them again."
        ) from error
    publications = _add_consistent(reviewed, rows, catalogue, path)
    files_reviewed = {(row.id, row.file) for row in reviewed.rows}
    return publications, frozenset(row.id for row in publications.rows if (row.id, row.file) not in files_reviewed)


def _add_consistent(
    reviewed: Publications, rows: Sequence[Publication], catalogue: Catalogue, path: Path
) -> Publications:
    """Return the reviewed publications and those of some rows that do not contradict them, or one another."""
    kept: list[Publication] = []
    publications = reviewed
    for row in sorted(rows, key=lambda row: row.revision):
        try:
            publications = reviewed.with_rows([*kept, row], catalogue.publisher)
        except ValueError as error:
            _log.warning("%s: %s is left out: %s", path, row.id, error)
        else:
            kept.append(row)
    return publications


def add_found_publications(
    workspace: Workspace, catalogue: Catalogue, rows: Sequence[Publication]
) -> list[Publication]:
    """Add publications that were found to the list of a home; return those that were not listed before.

    A row takes the place of an earlier one of its id; what the reviewed catalogue has by now is left out. Raises
    FoundPublicationsError where the home's list cannot be read, ValueError where the rows contradict what is listed.
    """
    before, discovered = load_publications(workspace, catalogue)
    kept = {row.id: row for row in before.rows if row.id in discovered}
    found = kept | {row.id: row for row in rows}
    together = catalogue.publications.with_rows(list(found.values()), catalogue.publisher)
    reviewed = {(row.id, row.file) for row in catalogue.publications.rows}
    written = [row for row in together.rows if (row.id, row.file) not in reviewed]
    records = [row.model_dump(mode="json", exclude_defaults=True) for row in written]
    workspace.root.mkdir(parents=True, exist_ok=True)
    text = _HEADER + yaml.safe_dump(records, sort_keys=False, allow_unicode=True, width=1000)
    write_atomically(workspace.found_publications, text)
    listed = {(row.id, row.file) for row in before.rows}
    return [row for row in written if (row.id, row.file) not in listed]
