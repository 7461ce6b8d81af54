"""Kinds of pages: what came for an address, so that nothing but a publication is taken for one."""

from __future__ import annotations

import re
from enum import StrEnum

from selectolax.lexbor import LexborHTMLParser

from iapt.discovery.page_text import clean_text, read_first

UPCOMING_MARK = "upcoming, not yet published"


class PageKind(StrEnum):
    """What a page is; the words stand in messages."""

    SERIES = "a series page"
    PUBLICATION = "a publication"
    DATA_SET = "a data set"
    UPCOMING = "the placeholder of a publication that is not out yet"
    NOT_FOUND = "a page that says there is nothing"
    LOGIN = "a page to log in on"
    MAINTENANCE = "a notice of maintenance"
    CHALLENGE = "a test of whether a person asks"
    UNKNOWN = "a page of no known kind"

    @property
    def is_no_answer(self) -> bool:
        """Whether the publisher's server did not give the page, whatever status it sent."""
        return self in (PageKind.LOGIN, PageKind.MAINTENANCE, PageKind.CHALLENGE)


_NOT_FOUND = re.compile(r"page not found|can't seem to find the page|cannot find the page|^404\b|page does not exist")
_CHALLENGE = re.compile(
    r"^just a moment|attention required|checking your browser|verify (?:that )?you are (?:a )?human|^access denied"
    r"|security check|are you a robot|request unsuccessful"
)
_LOGIN = re.compile(r"^(?:sign|log)[ -]?in\b|^please (?:sign|log) in\b|\blogin$")
_MAINTENANCE = re.compile(
    r"\bmaintenance\b|temporarily (?:unavailable|down|closed)|service (?:is )?(?:currently )?unavailable|^be right back"
    r"|technical difficult"
)
_CHALLENGE_PARTS = (
    "#challenge-form, #cf-wrapper, #challenge-error-text, [class*='cf-turnstile'], [class*='g-recaptcha']"
)


def classify_page(tree: LexborHTMLParser) -> PageKind:
    """Return what a page is by what stands in it. What is none of the publisher's pages is looked for first.

    A form that asks for a password or for a person counts only where no mark of the publisher's templates is: a page
    may have one beside its contents.
    """
    headings = (read_first(tree, "title").lower(), read_first(tree, "h1").lower())
    is_marked = tree.css_first("[data-uipath^='ps.']") is not None
    if any(_CHALLENGE.search(heading) for heading in headings):
        return PageKind.CHALLENGE
    if any(_LOGIN.search(heading) for heading in headings):
        return PageKind.LOGIN
    if not is_marked and tree.css_first(_CHALLENGE_PARTS) is not None:
        return PageKind.CHALLENGE
    if not is_marked and tree.css_first("input[type='password' i]") is not None:
        return PageKind.LOGIN
    for pattern, kind in ((_MAINTENANCE, PageKind.MAINTENANCE), (_NOT_FOUND, PageKind.NOT_FOUND)):
        if any(pattern.search(heading) for heading in headings):
            return kind
    if tree.css_first("[itemtype$='schema.org/Series'], [data-uipath^='ps.series.']") is not None:
        return PageKind.SERIES
    if not headings[1]:
        return PageKind.UNKNOWN
    if tree.css_first("[data-uipath^='ps.publication.']") is not None or _is_marked_upcoming(tree):
        return PageKind.UPCOMING if _is_marked_upcoming(tree) else PageKind.PUBLICATION
    if tree.css_first("a.block-link[itemprop='contentUrl']") is not None:  # a publication in the form before 2021
        return PageKind.PUBLICATION
    if tree.css_first("li[itemprop='distribution']") is not None:
        return PageKind.DATA_SET
    return PageKind.UNKNOWN


def _is_marked_upcoming(tree: LexborHTMLParser) -> bool:
    """Whether the page says that it is not published yet, in a place of its own and not within a sentence."""
    if tree.css_first("[data-uipath^='ps.publication.resources-'], a.block-link[itemprop='contentUrl']") is not None:
        return False
    places = tree.css("h1, h2, h3, p, span, dd, div[data-uipath]")
    return any(clean_text(place.text(deep=True)).strip("() .").lower().endswith(UPCOMING_MARK) for place in places)
