"""The publications that a home knows of: those of the reviewed catalogue, and those that discovery found for it."""

from __future__ import annotations

import yaml
from pydantic import TypeAdapter

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.workspace import Workspace


class FoundPublicationsError(ValueError):
    """Raised where `found_publications.yml` of a home does not hold publications."""


def load_publications(workspace: Workspace, catalogue: Catalogue) -> tuple[Publications, frozenset[str]]:
    """Return the publications of the catalogue and of a home together, and the ids of those that only the home lists.

    Raises FoundPublicationsError where the home's list cannot be read, or contradicts the catalogue or the publisher's
    site.
    """
    reviewed = catalogue.publications
    path = workspace.found_publications
    if not path.is_file():
        return reviewed, frozenset()
    try:
        rows = TypeAdapter(list[Publication]).validate_python(yaml.safe_load(path.read_text("utf-8")) or [])
        publications = reviewed.with_rows(rows, catalogue.publisher)
    except (ValueError, yaml.YAMLError) as error:
        raise FoundPublicationsError(
            f"{path}: expected publications as in catalogue/publications.yml; found {error}. Correct the file, or take "
            "it away: `iapt discover` finds them again."
        ) from error
    files_reviewed = {(row.id, row.file) for row in reviewed.rows}
    return publications, frozenset(row.id for row in publications.rows if (row.id, row.file) not in files_reviewed)
