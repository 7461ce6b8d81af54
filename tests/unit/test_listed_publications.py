"""The publications that a home knows of: the reviewed list, and what discovery found beside it."""

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
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
    (page,) = REVIEWED.publications.list_issues("monthly", "2026-06")
    assert page.file is None
    assert load_publications(write_found(tmp_path, completes), REVIEWED)[1] == {page.id}
    reviewed = REVIEWED.publications.list_issues("monthly", "2026-05")[0]
    repeated = FOUND.replace("2026-07", "2026-05").replace(
        "https://files.digital.nhs.uk/00/000000/month_jul_2026.csv", str(reviewed.file)
    )
    assert load_publications(write_found(tmp_path, repeated), REVIEWED)[1] == frozenset()


@pytest.mark.parametrize("text", ["- series: weekly", "[", "text"])
def test_findings_that_are_no_publications_are_an_error_with_the_file_and_a_remedy(tmp_path: Path, text: str) -> None:
    with pytest.raises(FoundPublicationsError, match=r"(?s)found_publications\.yml: expected .* `iapt discover`"):
        load_publications(write_found(tmp_path, text), REVIEWED)


LATER = FOUND.replace("revision: 1", "revision: 2").replace("month_jul_2026", "month_jul_2026_v2")
SUPERSEDING = LATER + '  supersedes: "https://files.digital.nhs.uk/00/000000/month_jul_2026.csv"\n'


@pytest.mark.parametrize(
    ("contradicting", "reason"),
    [
        (FOUND.replace("2026-07", "2026-08").replace("files.digital.nhs.uk", "a.org"), "expected https and a host of"),
        (FOUND, "expected each publication once"),
        (SUPERSEDING.replace("00/000000", "11/111111"), "expected `supersedes` to be"),
        (FOUND.replace("2026-07", "2026-08").replace("talking_therapies_monthly", "gone"), "expected a series page"),
    ],
)
def test_a_finding_that_is_contradicted_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, contradicting: str, reason: str
) -> None:
    workspace = write_found(tmp_path, FOUND + contradicting)
    publications, discovered = load_publications(workspace, REVIEWED)
    assert discovered == {"monthly/2026-07/1"}
    assert len(publications.rows) == len(REVIEWED.publications.rows) + 1
    (record,) = caplog.records
    assert reason in record.message
    assert "found_publications.yml" in record.message


def test_a_later_issue_that_was_found_first_is_listed_with_the_one_it_supersedes(tmp_path: Path) -> None:
    _, discovered = load_publications(write_found(tmp_path, SUPERSEDING + FOUND), REVIEWED)
    assert discovered == {"monthly/2026-07/1", "monthly/2026-07/2"}


def test_a_reviewed_list_that_has_another_file_goes_before_what_was_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A home found both issues; since then the first was reviewed under another address."""
    catalogue = Catalogue(CATALOGUE)
    (other,) = TypeAdapter(list[Publication]).validate_python(yaml.safe_load(FOUND.replace("00/000000", "22/222222")))
    catalogue.publications = REVIEWED.publications.with_rows([other], REVIEWED.publisher)
    publications, discovered = load_publications(write_found(tmp_path, FOUND + SUPERSEDING), catalogue)
    assert discovered == frozenset()
    assert publications.find("monthly/2026-07/1") == other
    assert "monthly/2026-07/2 is left out" in caplog.text
