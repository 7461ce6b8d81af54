"""Links that lead somewhere, ids once, one h1, headings in order, a language and a title of its own for every page."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.page_objects import BrowserSession, Site

pytestmark = pytest.mark.browser

#: The only addresses outside of the site: a licence and the publisher, as links that a reader may follow.
OUTSIDE = ("https://www.nationalarchives.gov.uk/doc/open-government-licence/", "https://digital.nhs.uk/")


class Structure(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.headings: list[int] = []
        self.language = self.title = ""
        self._in_title = False
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given or tag == "link":
            self.loads.append(given.get("src") or given["href"])
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.headings.append(int(tag[1]))
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.refers += given.get(name, "").split()
        self.language = given["lang"] if tag == "html" else self.language
        self._depth += tag == "svg"
        self._in_title = tag == "title" and not self._depth
        assert not {name for name in given if name.startswith("on")}, f"a handler in {tag}"
        assert "style" not in given, f"a style in {tag}, which the policy of the server refuses"

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "svg"
        self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data


@pytest.fixture(scope="module", params=["site", "bare_site"])
def pages(request: pytest.FixtureRequest) -> tuple[Site, dict[Path, Structure]]:
    site: Site = request.getfixturevalue(request.param)
    return site, {
        (site.folder / path).resolve(): Structure((site.folder / path).read_text("utf-8")) for path in site.pages
    }


def test_every_link_leads_to_a_page_and_a_place_that_are_there(pages: tuple[Site, dict[Path, Structure]]) -> None:
    site, structures = pages
    followed = 0
    for page, structure in structures.items():
        for href in structure.links:
            parts = urlsplit(href)
            if parts.scheme == "data":
                continue
            if parts.scheme:
                assert href.startswith(OUTSIDE), (page.name, href)
                continue
            assert not href.startswith("/"), (page.name, href, "an absolute path does not work from a disk")
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target in structures, (page.name, href)
            if parts.fragment:
                assert parts.fragment in structures[target].ids, (page.name, href)
            followed += 1
        for address in structure.loads:
            assert not urlsplit(address).scheme, (page.name, address)
            assert (page.parent / address).is_file(), (page.name, address)
    assert followed > 1_000
    assert site.folder in next(iter(structures)).parents


def test_every_page_is_linked_from_another(pages: tuple[Site, dict[Path, Structure]]) -> None:
    _, structures = pages
    linked = {
        (page.parent / unquote(urlsplit(href).path)).resolve()
        for page, structure in structures.items()
        for href in structure.links
        if not urlsplit(href).scheme and urlsplit(href).path
    }
    assert set(structures) <= linked


def test_ids_are_unique_and_references_to_them_hold(pages: tuple[Site, dict[Path, Structure]]) -> None:
    for page, structure in pages[1].items():
        assert not [one for one, count in Counter(structure.ids).items() if count > 1], page.name
        assert set(structure.refers) <= set(structure.ids), page.name


def test_headings_are_one_h1_and_no_level_is_skipped(pages: tuple[Site, dict[Path, Structure]]) -> None:
    for page, structure in pages[1].items():
        levels = structure.headings
        assert levels.count(1) == 1, page.name
        seen = 0
        for level in levels:
            assert level <= seen + 1, (page.name, levels)
            seen = level


def test_every_page_has_its_language_and_a_title_of_its_own(pages: tuple[Site, dict[Path, Structure]]) -> None:
    structures = pages[1]
    assert {structure.language for structure in structures.values()} == {"en-GB"}
    titles = Counter(structure.title for structure in structures.values())
    assert not {title: count for title, count in titles.items() if count > 1 or not title.strip()}


# The same of a page that its scripts have drawn.
LIVE = """
() => {
  const names = ["aria-labelledby", "for", "aria-describedby"];
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const refers = [...document.querySelectorAll(names.map((name) => `[${name}]`).join())]
    .flatMap((one) => names.flatMap((name) => (one.getAttribute(name) || "").split(" ").filter(Boolean)));
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")]
    .filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]));
  return {
    doubled: ids.filter((id, at) => ids.indexOf(id) !== at), dangling: refers.filter((id) => !ids.includes(id)), levels,
    links: [...document.querySelectorAll("#view a[href]:not([download])")]
      .map((one) => new URL(one.getAttribute("href"), location).href),
  };
}
"""


@pytest.mark.parametrize(
    "path",
    [
        "annual/outcomes.html?org=icb-QF7&by=ethnic_group",
        "monthly/activity.html?org=provider-RGD",
        "recovery-rate/icb-annual.html?area=england",
        "map/annual.html?measure=count_referrals_received",
    ],
)
def test_what_scripts_draw_keeps_to_the_same_rules(path: str, session: BrowserSession, site: Site) -> None:
    report_page = session.open(path)
    if path.startswith("recovery"):
        report_page.page.click("details.compare summary")
    found = report_page.page.evaluate(LIVE)
    assert found["doubled"] == []
    assert found["dangling"] == []
    assert found["levels"].count(1) == 1
    assert all(after <= before + 1 for before, after in zip([0, *found["levels"]], found["levels"], strict=False))
    for link in found["links"]:
        assert Path(unquote(urlsplit(link).path)).is_file(), link
