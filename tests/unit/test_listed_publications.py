"""The publications that a home knows of: the reviewed list, and what discovery found beside it."""

from pathlib import Path

import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.ingest.listed_publications import FoundPublicationsError, load_publications
from iapt.workspace import CATALOGUE, Workspace

REVIEWED = Catalogue(CATALOGUE)
FOUND = """
- series: monthly
  period: "2026-07"
  revision: 1
  status: definitive
  page: {series: talking_therapies_monthly, slug: performance-july-2026}
  file: "https://files.digital.nhs.uk/00/000000/month_jul_2026.csv"
  format: csv
"""


def write_found(home: Path, text: str) -> Workspace:
    workspace = Workspace(home)
    workspace.found_publications.write_text(text, "utf-8")
    return workspace


def test_a_home_without_findings_has_the_reviewed_list(tmp_path: Path) -> None:
    publications, discovered = load_publications(Workspace(tmp_path), REVIEWED)
    assert publications is REVIEWED.publications
    assert discovered == frozenset()
    assert load_publications(write_found(tmp_path, ""), REVIEWED)[1] == frozenset()


def test_what_discovery_found_is_listed_and_told_from_what_was_reviewed(tmp_path: Path) -> None:
    publications, discovered = load_publications(write_found(tmp_path, FOUND), REVIEWED)
    assert discovered == {"monthly/2026-07/1"}
    assert len(publications.rows) == len(REVIEWED.publications.rows) + 1


def test_a_found_file_of_a_page_without_one_is_discovered_and_one_reviewed_since_is_not(tmp_path: Path) -> None:
    completes = FOUND.replace("2026-07", "2026-06")
    (page,) = REVIEWED.publications.issues_of("monthly", "2026-06")
    assert page.file is None
    assert load_publications(write_found(tmp_path, completes), REVIEWED)[1] == {page.id}
    reviewed = REVIEWED.publications.issues_of("monthly", "2026-05")[0]
    repeated = FOUND.replace("2026-07", "2026-05").replace(
        "https://files.digital.nhs.uk/00/000000/month_jul_2026.csv", str(reviewed.file)
    )
    assert load_publications(write_found(tmp_path, repeated), REVIEWED)[1] == frozenset()


@pytest.mark.parametrize(
    "text",
    ["- series: weekly", "[", "text", FOUND.replace("files.digital.nhs.uk", "example.org"), FOUND + FOUND[1:]],
)
def test_findings_that_are_no_publications_are_an_error_with_the_file_and_a_remedy(tmp_path: Path, text: str) -> None:
    with pytest.raises(FoundPublicationsError, match=r"(?s)found_publications\.yml: expected .* `iapt discover`"):
        load_publications(write_found(tmp_path, text), REVIEWED)
