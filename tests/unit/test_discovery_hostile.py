"""Pages that were damaged or made to mislead: discovery ends well, and proposes no file that the pages do not offer."""

from __future__ import annotations

import functools
import random
import tempfile
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publications
from iapt.discovery.catalogue_edit import insert_rows
from iapt.discovery.discovery import discover
from iapt.discovery.page_kinds import classify_page
from iapt.discovery.page_text import clean_text, parse_page
from iapt.discovery.saved_pages import SavedPage
from tests.factories.publisher_pages import MONTHLY_SERIES, PublisherPages
from tests.factories.publisher_year import LIST, YEAR, PublisherYear

CATALOGUE = Catalogue(Path(__file__).parents[2] / "catalogue")
#: What is put into pages: ends of elements, links to elsewhere, marks of other pages, bytes that are no text.
FRAGMENTS = (
    "</ul></section>", "<li>", "</div>", "<!--", "-->", "<script>", "<plaintext>", "<table>", "\x00", "\ufffd", "&#0;",
    '<a class="cta__button" itemprop="url" href="https://evil.example/performance-july-2031">Performance July 2031</a>',
    '<h3 itemprop="name"><a class="cta__button" href="/../../x/performance-july-2031">Performance July 2031</a></h3>',
    '<div class="nhsd-m-download-card"><a class="nhsd-a-box-link" href="https://evil.example/month_activity.csv">x</a>',
    '<div data-uipath="ps.publication.resources-attachment"><div class="nhsd-m-download-card"><a href="">',
    '<base href="https://evil.example/">', '<form><input type="password">', "(Upcoming, not yet published)",
    '<ul data-uipath="ps.series.publications-list.previous"><li><ul><li>', "&shy;&nbsp;&#x202e;", "<h1>", "\u2028",
)  # fmt: skip


@functools.cache
def make_pages() -> dict[str, str]:
    """Return the site of a year."""
    with tempfile.TemporaryDirectory() as folder:
        year = PublisherYear.begin(Path(folder) / "catalogue")
    for day in YEAR[:9]:
        year.publish(day, [])
    return dict(year.site.pages)


def damage(html: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(html) + 1), chance.choice((1, 10, 100, 1000))
        other = chance.randrange(len(html) + 1)
        html = chance.choice((
            html[:place] + html[place + length :],
            html[:place] + chance.choice(FRAGMENTS) + html[place:],
            html[:place] + html[other : other + length] + html[place:],
            html[:place] + html[place : place + length].swapcase() + html[place + length :],
        ))  # fmt: skip
    return html


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_pages_never_lead_to_a_file_that_no_page_offers(seed: int) -> None:
    chance = random.Random(seed)
    damaged = {
        address: damage(html, chance) if address == MONTHLY_SERIES or chance.random() < 0.5 else html
        for address, html in make_pages().items()
    }
    read = PublisherPages(damaged)
    result = discover(CATALOGUE, read.read_page, publications=Publications([], CATALOGUE.publisher))
    together = unquote(unescape("".join(damaged.values())))
    for row in result.writable:
        assert row.file
        assert row.file.startswith(("https://files.digital.nhs.uk/", "https://digital.nhs.uk/"))
        name = row.file.rsplit("/", 1)[1]
        assert unquote(name) in together
    assert len(read.requests) == len(set(read.requests)), "no page is asked for twice"
    insert_rows(LIST.split("- series")[0], result.writable, CATALOGUE.publisher)


@given(st.text(max_size=400))
def test_any_text_is_a_page_of_some_kind(text: str) -> None:
    classify_page(parse_page(SavedPage(MONTHLY_SERIES, text)))


@given(st.text())
def test_a_cleaned_text_is_one_line_of_what_can_be_printed(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned.isprintable()
    assert cleaned == clean_text(cleaned)
    assert len(cleaned) <= 1000
