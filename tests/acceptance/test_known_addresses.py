"""The list of publications beside what others know of the publisher's addresses, where that is at hand."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from iapt.catalogue.catalogue import Catalogue
from iapt.workspace import CATALOGUE

PUBLICATIONS = Catalogue(CATALOGUE).publications


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("name", "count"), [("publications.csv", 79), ("publications_more.csv", 26)])
def test_every_known_address_is_listed_with_its_period_and_format(
    reference: Callable[[str], Path], name: str, count: int
) -> None:
    rows = read_rows(reference(name))
    assert len(rows) == count
    for row in rows:
        listed = PUBLICATIONS.find_by_file(row["url"])
        assert listed is not None, row["url"]
        assert listed.format == row["format"]
        first, _, last = row["period"].partition("..")
        assert listed.period.replace(" Q", "-q") == (last or first)
        assert (listed.first_period or "") == (first if last else "")


def test_every_known_page_is_a_series_page_or_that_of_a_publication(reference: Callable[[str], Path]) -> None:
    series_pages = Catalogue(CATALOGUE).publisher.series_pages
    addresses = {page.address for page in series_pages.values()}
    pages = {f"{series_pages[row.page.series].address}/{row.page.slug}" for row in PUBLICATIONS.rows if row.page.slug}
    rows = read_rows(reference("page_addresses.csv"))
    assert len(rows) == 31
    assert [row["page_url"] for row in rows if row["page_url"] not in addresses | pages] == []
