"""Named publications: series, period and status of what a page publishes, by its title and slug."""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from iapt.catalogue.precedence import Precedence
from iapt.catalogue.publisher import Publisher
from iapt.discovery.page_text import clean_text
from iapt.named_periods import NamedPeriod, parse_periods_in_name
from iapt.periods import Period, find_period_starting

Status = Literal["provisional", "definitive"]

#: A quarter whose year stands after another word: `quarter-1-data-2021-22`.
_WORD_AFTER_QUARTER = re.compile(
    r"\b(q|qtr|quarter)[-_ ]*([1-4])[-_ ]+(?:data|statistics|report|for|in|of)[-_ ]+(?=20)"
)
#: A quarter's number. Set apart, it is not taken for the day of a month that follows: `quarter-4-march-2026`.
_QUARTER = re.compile(r"\b(q|qtr|quarter)[-_ ]*([1-4])(?![0-9])")
#: A financial year. Joined, its end is not taken for the day of a month that follows: `2025-26-march-2026`.
_FINANCIAL_YEAR = re.compile(r"(?<![0-9])(20[0-9]{2})[-_ ]+([0-9]{2})(?![0-9])")
_GRAIN_WORDS = {"month": "month", "quarter": "quarter", "year": "financial year"}


@dataclass(frozen=True)
class NamedPublication:
    """One publication that a page is named for."""

    series: str
    period: Period
    status: Status


@dataclass(frozen=True)
class Identification:
    """What a page publishes, or why its names do not say it: never both."""

    publications: tuple[NamedPublication, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class _PageName:
    """One name of a page, such as its slug, with the periods in it by grain."""

    source: str
    text: str
    periods: Mapping[str, Sequence[NamedPeriod]]


def identify_publications(
    names: Mapping[str, str], lists: Sequence[str], publisher: Publisher, precedence: Precedence
) -> Identification:
    """Return what a page publishes by its names (such as `title` and `slug`) and the series that its series page lists.

    A name may leave out what another says; where two say different things, or none says a period whole, the problem is
    told. Of each grain, the first series listed is meant.
    """
    read = [_read_name(source, text) for source, text in names.items() if text]
    series_by_grain = {publisher.series[series].grain: series for series in reversed(lists)}
    publications: list[NamedPublication] = []
    for grain in ("month", "quarter", "year"):
        periods, problem = _resolve_periods(read, grain)
        if problem:
            return Identification(problem=problem)
        if periods and grain not in series_by_grain:
            if grain == "year" and publications and _lie_in_years(publications, periods):
                continue  # the financial year of the month or quarter, once more
            labels = ", ".join(period.label for period in periods)
            return Identification(
                problem=f"the page names the {_GRAIN_WORDS[grain]} {labels}, of no series it is listed for"
            )
        for period in periods:
            status, problem = _resolve_status(read, period, len(periods), precedence)
            if problem:
                return Identification(problem=problem)
            publications.append(NamedPublication(series_by_grain[grain], period, status))
    if not publications:
        shown = "; ".join(f"{name.source} {name.text!r}" for name in read)
        return Identification(problem=f"no month, quarter or financial year is named: {shown}")
    problem = _find_mismatch(publications)
    return Identification(problem=problem) if problem else Identification(tuple(publications))


def normalise_name(text: str) -> str:
    """Return a title, slug or display name as the parser of names takes it: no slash, no bracket, no filling word."""
    text = re.sub(r"[/,:;()\[\]'\"]+", " ", clean_text(text).lower())
    text = re.sub(r"(?<=[0-9])\s*-+\s*(?=[0-9])", "-", text)
    text = _FINANCIAL_YEAR.sub(_join_financial_year, text)
    text = _WORD_AFTER_QUARTER.sub(r"\1 \2 ", text)
    return _QUARTER.sub(r"\1 \2;", text)


def _join_financial_year(match: re.Match[str]) -> str:
    return match[1] + match[2] if int(match[2]) == (int(match[1]) + 1) % 100 else match[0]


def parse_page_periods(text: str) -> list[NamedPeriod]:
    """Return the periods in a title, slug or display name, each once."""
    # No suffix of a file: what follows a full stop is a part of the name.
    return list(dict.fromkeys(parse_periods_in_name(normalise_name(text).replace(".", " "))))


def _read_name(source: str, text: str) -> _PageName:
    periods: dict[str, list[NamedPeriod]] = {}
    for named in parse_page_periods(text):
        periods.setdefault(named.grain, []).append(named)
    return _PageName(source, clean_text(text), periods)


def list_exact_periods(named: NamedPeriod) -> list[Period]:
    """Return the periods of its own grain that a name may mean."""
    if named.grain not in _GRAIN_WORDS:
        return []
    periods = (find_period_starting(start, named.grain) for start, _ in named.meanings)
    ends = [end for _, end in named.meanings]
    return [period for period, end in zip(periods, ends, strict=True) if period is not None and period.end == end]


def _resolve_periods(names: Sequence[_PageName], grain: str) -> tuple[list[Period], str]:
    """Return the periods of one grain that all names agree on, or why they do not."""
    speaking = [name for name in names if name.periods.get(grain)]
    exact: dict[Period, None] = {}
    for name in speaking:
        for named in name.periods[grain]:
            if len(periods := list_exact_periods(named)) == 1:
                exact[periods[0]] = None
    if speaking and not exact:
        shown = "; ".join(f"{name.source} {name.text!r}" for name in speaking)
        return [], f"a {_GRAIN_WORDS[grain]} is named without its year, or with two: {shown}"
    for name in speaking:
        every_period = all(any(named.may_be(period) for named in name.periods[grain]) for period in exact)
        every_name = all(any(named.may_be(period) for period in exact) for named in name.periods[grain])
        if not (every_period and every_name):
            shown = "; ".join(f"{other.source} {other.text!r}" for other in speaking)
            return [], f"the names of the page disagree on its {_GRAIN_WORDS[grain]}: {shown}"
    outside = [period.label for period in exact if not period.is_in_calendar]
    if outside:
        return [], f"{', '.join(outside)} lies outside the calendar of these statistics"
    return sorted(exact), ""


def _resolve_status(
    names: Sequence[_PageName], period: Period, periods_of_grain: int, precedence: Precedence
) -> tuple[Status, str]:
    """Return the status of one period by the names that say one, or why they do not agree."""
    shown = {
        name.source: status
        for name in names
        if (status := precedence.find_status(_cut_part_about(name.text, period, periods_of_grain)))
    }
    if len(set(shown.values())) > 1:
        told = ", ".join(f"{status} by {source}" for source, status in shown.items())
        return precedence.default_status, f"the names of the page disagree on the status of {period.label}: {told}"
    return next(iter(shown.values()), precedence.default_status), ""


def _cut_part_about(text: str, period: Period, periods_of_grain: int) -> str:
    """Return the part of a name that speaks of one month, where it names several: from that month to the next.

    A name of one month speaks of it as a whole.
    """
    if period.grain != "month":
        months = "|".join(itertools.chain(calendar.month_name[1:], calendar.month_abbr[1:]))
        found = re.search(r"(?i)\b(?:q|qtr|quarter)[-_ ]*[1-4].*", text)
        return found[0] if found and re.search(rf"(?i)\b(?:{months})\b", text) else text
    if periods_of_grain == 1:
        return text
    starts: list[tuple[int, bool]] = []
    for number in range(1, 13):
        names = f"{calendar.month_name[number]}|{calendar.month_abbr[number]}" + ("|sept" if number == 9 else "")
        for match in re.finditer(rf"(?i)\b(?:{names})\b[-_ ,]*(?:20)?([0-9]{{2}})\b", text):
            is_it = number == period.start.month and int(match[1]) == period.start.year % 100
            starts.append((match.start(), is_it))
    starts.sort()
    for index, (start, is_it) in enumerate(starts):
        if is_it:
            return text[start : starts[index + 1][0] if index + 1 < len(starts) else len(text)]
    return ""


def _lie_in_years(publications: Sequence[NamedPublication], years: Sequence[Period]) -> bool:
    return all(any(year.start <= named.period.start <= year.end for named in publications) for year in years)


def _find_mismatch(publications: Sequence[NamedPublication]) -> str:
    """Return why a month and a quarter of one page cannot belong together; empty where they can.

    A quarter is published with its last month or with one of the three after it (docs/sources.md#publication-pages).
    """
    months = [named.period for named in publications if named.period.grain == "month"]
    for quarter in (named.period for named in publications if named.period.grain == "quarter"):
        gaps = [(month.end.year - quarter.end.year) * 12 + month.end.month - quarter.end.month for month in months]
        if gaps and not any(0 <= gap <= 3 for gap in gaps):
            shown = ", ".join(month.label for month in months)
            return f"the page names {shown} and {quarter.label}, which are not published together"
    return ""
