"""A copy of the publisher's files in a folder: found by name, whichever way the name was written."""

from pathlib import Path

import pytest

from iapt.sources.mirror import MirroredSite
from iapt.sources.publisher_copy import PublisherCopy
from iapt.sources.remote_files import NotThereError, SourceError, TooLargeError
from tests.factories.publisher_server import PublisherServer
from tests.factories.publisher_site import make_site

ADDRESS = "https://files.digital.nhs.uk/D8/772CB7/iapt_month_feb_2023_activity%20v2.csv"


def make_copy(folder: Path, *names: str) -> PublisherCopy:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(f"a,b,c\n{number}".encode())
    return PublisherCopy(str(folder), max_file_bytes=100)


@pytest.mark.parametrize(
    "name",
    [
        "iapt_month_feb_2023_activity v2.csv",
        "iapt_month_feb_2023_activity%20v2.csv",
        "IAPT_month_feb_2023_activity v2.CSV",
        "2023/feb/iapt_month_feb_2023_activity v2.csv",
    ],
)
def test_a_file_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    fetched = make_copy(tmp_path / "copy", name).fetch(ADDRESS, tmp_path / "got.csv")
    assert (tmp_path / "got.csv").read_bytes() == b"a,b,c\n0"
    assert (fetched.is_modified, fetched.http_status) == (True, None)


def test_of_two_files_of_a_name_the_one_at_the_path_of_the_address_is_taken(tmp_path: Path) -> None:
    name = "iapt_month_feb_2023_activity v2.csv"
    copy = make_copy(tmp_path / "copy", f"AA/000000/{name}", f"D8/772CB7/{name}")
    copy.fetch(ADDRESS, tmp_path / "got.csv")
    assert (tmp_path / "got.csv").read_bytes() == b"a,b,c\n1"
    with pytest.raises(SourceError, match="several"):
        make_copy(tmp_path / "other", f"AA/000000/{name}", f"BB/000000/{name}").fetch(ADDRESS, tmp_path / "got.csv")


def test_a_version_that_is_known_is_not_read_again(tmp_path: Path) -> None:
    copy = make_copy(tmp_path / "copy", "iapt_month_feb_2023_activity v2.csv")
    first = copy.fetch(ADDRESS, tmp_path / "got.csv")
    assert not copy.fetch(ADDRESS, tmp_path / "again.csv", first.validators).is_modified
    assert not (tmp_path / "again.csv").exists()


def test_what_is_not_there_or_too_large_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotThereError, match="Get it from the publisher's page"):
        make_copy(tmp_path / "copy", "other.csv").fetch(ADDRESS, tmp_path / "got.csv")
    copy = make_copy(tmp_path / "large", "iapt_month_feb_2023_activity v2.csv")
    copy._store.max_file_bytes = 3
    with pytest.raises(TooLargeError):
        copy.fetch(ADDRESS, tmp_path / "got.csv")


def test_a_mirror_is_asked_for_the_same_path_and_its_answer_is_the_publishers(tmp_path: Path) -> None:
    with PublisherServer() as server:
        server.add_file("/D8/772CB7/iapt_month_feb_2023_activity v2.csv", b"a,b,c\n1,2,3\n")
        server.add_page("/data-and-information/page", "<html><h1>A page</h1></html>")
        server.add_redirect("/data-and-information/old", "/data-and-information/page")
        mirror = MirroredSite(make_site(server), server.origin)
        fetched = mirror.fetch(ADDRESS, tmp_path / "got.csv")
        assert (tmp_path / "got.csv").read_bytes() == b"a,b,c\n1,2,3\n"
        assert fetched.address == ADDRESS
        page = mirror.read_page("https://digital.nhs.uk/data-and-information/old")
        assert page.address == "https://digital.nhs.uk/data-and-information/page"
        assert "A page" in page.text
