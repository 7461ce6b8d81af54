"""What discovery finds for a home is listed there, beside the reviewed catalogue, and pulled."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication
from iapt.ingest.listed_publications import FoundPublicationsError, add_found_publications, load_publications
from iapt.workspace import Workspace
from tests.factories.publisher_home import make_known_rows, make_row, write_catalogue

APRIL, MAY = make_row("monthly", "2026-04"), make_row("monthly", "2026-05", status="provisional")
MAY_V2 = "https://files.digital.nhs.uk/00/000001/monthly_2026-05_v2.csv"
MAY_AGAIN = make_row("monthly", "2026-05", revision=2, file=MAY_V2, supersedes=MAY.file)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    rows = [*make_known_rows(dt.date(2020, 12, 31)), make_row("monthly", "2026-03"), without_file("2026-06")]
    return Catalogue(write_catalogue(tmp_path_factory.mktemp("found") / "catalogue", rows))


def without_file(period: str) -> Publication:
    return make_row("monthly", period, file=None, format=None)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_what_is_found_is_listed_with_all_that_is_known_of_it(workspace: Workspace, catalogue: Catalogue) -> None:
    assert add_found_publications(workspace, catalogue, [APRIL]) == [APRIL]
    assert add_found_publications(workspace, catalogue, [MAY]) == [MAY]
    publications, discovered = load_publications(workspace, catalogue)
    assert discovered == {APRIL.id, MAY.id}
    assert publications.find(APRIL.id) == APRIL
    assert publications.find(MAY.id) == MAY
    assert "nobody has reviewed" in workspace.found_publications.read_text("utf-8")


def test_the_same_again_is_nothing_new(workspace: Workspace, catalogue: Catalogue) -> None:
    add_found_publications(workspace, catalogue, [APRIL])
    before = workspace.found_publications.read_bytes()
    assert add_found_publications(workspace, catalogue, [APRIL]) == []
    assert workspace.found_publications.read_bytes() == before


def test_a_later_revision_stands_beside_the_one_it_supersedes(workspace: Workspace, catalogue: Catalogue) -> None:
    add_found_publications(workspace, catalogue, [MAY])
    assert add_found_publications(workspace, catalogue, [MAY_AGAIN]) == [MAY_AGAIN]
    publications, _ = load_publications(workspace, catalogue)
    assert [row.revision for row in publications.list_issues("monthly", "2026-05")] == [2, 1]


def test_a_reviewed_row_without_a_file_is_completed(workspace: Workspace, catalogue: Catalogue) -> None:
    june = make_row("monthly", "2026-06")
    assert add_found_publications(workspace, catalogue, [june]) == [june]
    publications, discovered = load_publications(workspace, catalogue)
    assert publications.find(june.id) == june
    assert june.id in discovered


def test_what_the_reviewed_catalogue_has_by_now_is_left_out(
    workspace: Workspace, catalogue: Catalogue, tmp_path: Path
) -> None:
    add_found_publications(workspace, catalogue, [APRIL, MAY])
    reviewed = Catalogue(write_catalogue(tmp_path / "catalogue", [*catalogue.publications.rows, APRIL]))
    add_found_publications(workspace, reviewed, [MAY_AGAIN])
    _, discovered = load_publications(workspace, reviewed)
    assert discovered == {MAY.id, MAY_AGAIN.id}
    assert "2026-04" not in workspace.found_publications.read_text("utf-8")


def test_a_row_that_contradicts_the_list_is_not_written(workspace: Workspace, catalogue: Catalogue) -> None:
    elsewhere = make_row("monthly", "2026-05", file="https://example.org/may.csv")
    with pytest.raises(ValueError, match="expected https and a host of"):
        add_found_publications(workspace, catalogue, [elsewhere])
    assert not workspace.found_publications.exists()


def test_a_list_that_cannot_be_read_is_not_written_over(workspace: Workspace, catalogue: Catalogue) -> None:
    workspace.root.mkdir()
    workspace.found_publications.write_text("- series: nothing of the kind", "utf-8")
    with pytest.raises(FoundPublicationsError, match="Correct the file"):
        add_found_publications(workspace, catalogue, [MAY])
    assert workspace.found_publications.read_text("utf-8") == "- series: nothing of the kind"
