"""Robots: the rules of a robots.txt as RFC 9309 reads them, whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.sources.robots import MAX_ROBOTS_BYTES, RobotsRules

PAGE = "https://digital.nhs.uk/data-and-information/page"


@pytest.mark.parametrize(
    ("text", "is_allowed"),
    [
        ("", True),
        ("Sitemap: https://digital.nhs.uk/sitemap-combined.xml", True),
        ("User-agent: *\nDisallow:", True),
        ("User-agent: *\nDisallow: /", False),
        ("\ufeffUser-agent: *\nDisallow: /", False),
        ("user-agent:*\r\ndisallow:/", False),
        ("User-agent: *\nDisallow: /\nAllow: /data-and-information/", True),
        ("User-agent: IAPT-Pipeline\nDisallow: /", False),
        ("User-agent: other\nDisallow: /", True),
        ("User-agent: *\nDisallow: /*/page$", False),
        ("<!doctype html><html><title>Page not found</title>", True),
    ],
)
def test_rules_are_read(text: str, is_allowed: bool) -> None:
    assert RobotsRules.parse(text.encode(), "iapt-pipeline").allows(PAGE) == is_allowed


@pytest.mark.parametrize(("delay", "seconds"), [("5", 5), ("0.5", 0.5), ("0", 0), ("-3", 0), ("soon", 0), ("", 0)])
def test_a_pause_is_read(delay: str, seconds: float) -> None:
    rules = RobotsRules.parse(f"User-agent: *\nCrawl-delay: {delay}\n".encode(), "iapt-pipeline")
    assert rules.crawl_delay_seconds == seconds


@pytest.mark.parametrize("delay", ["nan", "inf", "1e999"])
def test_a_pause_that_is_no_number_of_seconds_is_none_or_endless(delay: str) -> None:
    rules = RobotsRules.parse(f"User-agent: *\nCrawl-delay: {delay}\n".encode(), "iapt-pipeline")
    assert rules.crawl_delay_seconds in {0, float("inf")}


def test_what_cannot_be_read_forbids_everything_for_now_and_what_is_not_there_nothing() -> None:
    assert not RobotsRules.disallow_for_now("iapt-pipeline", "HTTP 503").allows(PAGE)
    assert RobotsRules.allow_all("iapt-pipeline").allows(PAGE)
    assert RobotsRules.allow_all("iapt-pipeline").crawl_delay_seconds == 0


@given(st.binary(max_size=300))
def test_whatever_stands_in_it_is_read_without_an_error(content: bytes) -> None:
    rules = RobotsRules.parse(content, "iapt-pipeline")
    assert rules.allows(PAGE) in {True, False}
    assert rules.crawl_delay_seconds >= 0


def test_only_so_much_of_it_is_read() -> None:
    content = b"User-agent: *\n".ljust(MAX_ROBOTS_BYTES, b"#") + b"\nDisallow: /\n"
    assert RobotsRules.parse(content, "iapt-pipeline").allows(PAGE)
