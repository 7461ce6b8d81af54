"""The periods that the name of a file or of a ZIP member says."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from iapt.periods import Period, parse_period_name

_MONTHS = {
    **{name.lower(): number for number, name in enumerate(calendar.month_name) if name},
    **{name.lower(): number for number, name in enumerate(calendar.month_abbr) if name},
    "sept": 9,
}
#: Words before which a month may stand without its year, and a year in two digits.
_WORDS_BEFORE_MONTH = frozenset({"month", "monthly"})
#: Words that are months and nothing else, so that they name one wherever they stand.
_UNAMBIGUOUS_MONTHS = frozenset(name.lower() for name in calendar.month_name if name) - {"march", "may"}
_WORDS_BEFORE_YEAR = frozenset({"ann", "annual", "year", "yr", "fy"})
_WORDS_BETWEEN = frozenset({"to", "and"})
_QUARTER_WORDS = frozenset({"q", "quarter", "qtr"})
#: At the end of a name these say nothing of a period; one may stand before another, as in `.csv.gz`.
_FILE_SUFFIXES = frozenset({".csv", ".xlsx", ".xls", ".zip", ".rar", ".gz"})
_TOKENS = re.compile(r"[a-z]+|[0-9]+")
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MONTH_WORD = "|".join(sorted(_MONTHS, key=len, reverse=True))
#: Any date after a word that says what happened then.
_EVENT = (
    r"(?:published|publication|released|downloaded|accessed|issued|as[-_. ]+at)[-_. ]*(?:on[-_. ]*)?"
    r"(?:20[0-9]{2}[-_. ]?[01][0-9][-_. ]?[0-3][0-9]|[0-3][0-9][-_. ]?[01][0-9][-_. ]?20[0-9]{2}"
    rf"|(?:[0-3]?[0-9][-_. ]+)?(?:(?:{_MONTH_WORD})[-_. ]*)?(?:20[0-9]{{2}}|[0-9]{{2}})?)(?![a-z0-9])"
)
_EVENT_DAY = re.compile(_EVENT)
#: Days, such as the one of publication, and revisions: no period stands in them.
_NO_PERIOD = re.compile(
    r"(?<![0-9])20[0-9]{2}[-_. ](?:0[1-9]|1[0-2])[-_. ](?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
    r"|(?<![0-9])(?:0[1-9]|[12][0-9]|3[01])[-_. ](?:0[1-9]|1[0-2])[-_. ]20[0-9]{2}(?![0-9])"
    r"|(?<![0-9])20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
    # A day that is told in words.
    rf"|(?<![0-9])[0-3]?[0-9](?:st|nd|rd|th)?[-_. ]+(?:{_MONTH_WORD})[-_. ]+20[0-9]{{2}}(?![0-9])"
    rf"|{_EVENT}"
    r"|(?<![a-z])v[0-9]{1,2}(?![0-9])"
)
#: A day in numbers, the year first or last. One that follows such a word is gone before it is looked for.
_DAY = re.compile(
    r"(?<![0-9])(?:(?P<year>20[0-4][0-9])[-_. ]?(?P<month>0[1-9]|1[0-2])[-_. ]?(?P<day>0[1-9]|[12][0-9]|3[01])"
    r"|(?P<last_day>0[1-9]|[12][0-9]|3[01])[-_. ](?P<last_month>0[1-9]|1[0-2])[-_. ](?P<last_year>20[0-4][0-9]))"
    r"(?![0-9])"
)


@dataclass(frozen=True)
class NamedPeriod:
    """A period that a name may mean: any one of `meanings`, `2011-12` being a month and a financial year.

    `grain` is `month`, `quarter`, `year`, or `calendar_year` where there is but a year. Without any meaning, the name
    gives the `number` of the month or quarter and no year.
    """

    grain: str
    words: str
    meanings: tuple[tuple[dt.date, dt.date], ...] = ()
    number: int | None = None

    def may_be(self, period: Period) -> bool:
        """Whether the period that rows are of lies in one that is meant, or around it."""
        if not self.meanings:
            return _compute_number_in_year(period, self.grain) == self.number
        return any(start <= period.end and period.start <= end for start, end in self.meanings)


def _compute_number_in_year(period: Period, grain: str) -> int:
    return period.start.month if grain == "month" else (period.start.month - 4) % 12 // 3 + 1


def _month_bounds(year: int, month: int) -> tuple[dt.date, dt.date]:
    return dt.date(year, month, 1), dt.date(year, month, calendar.monthrange(year, month)[1])


def _period_bounds(grain: str, first_year: int, quarter: int | None = None) -> tuple[dt.date, dt.date]:
    period = parse_period_name(grain, first_year, quarter)
    return period.start, period.end


def _meanings_of_year(year: int) -> tuple[tuple[dt.date, dt.date], ...]:
    """Return the calendar year, and the financial year of which `2021` may be short for 2020-21."""
    calendar_year = (dt.date(year, 1, 1), dt.date(year, 12, 31))
    first, next_year = divmod(year, 100)
    return (calendar_year, _period_bounds("year", 2000 + first)) if next_year == first + 1 else (calendar_year,)


def _quarter_words(first_year: int, quarter: int) -> str:
    return parse_period_name("quarter", first_year, quarter).label


def _parse_year(token: str | None) -> int | None:
    """Return a year of four digits that the dataset can have; None for any other token."""
    return int(token) if token is not None and re.fullmatch(r"20[0-4][0-9]", token) else None


def _parse_short_year(token: str | None) -> int | None:
    """Return a year of two digits; None for any other token."""
    return 2000 + int(token) if token is not None and re.fullmatch(r"[1-4][0-9]", token) else None


def _read_day(found: re.Match[str]) -> int:
    return int(found["day"] or found["last_day"])


def _is_last_of_month(found: re.Match[str]) -> bool:
    year, month = int(found["year"] or found["last_year"]), int(found["month"] or found["last_month"])
    return _read_day(found) == calendar.monthrange(year, month)[1]


def remove_file_suffixes(name: str) -> str:
    """Return the last part of a path without the endings that tell what kind of file it is, such as `.csv.gz`."""
    path = PurePosixPath(name)
    while path.suffix.lower() in _FILE_SUFFIXES:
        path = path.with_suffix("")
    return path.name


class _NameParser:
    """Parses the words and digits of a name from left to right. Each `_parse_...` returns how many tokens it took."""

    def __init__(self, name: str) -> None:
        self.text = _CAMEL_CASE.sub(" ", remove_file_suffixes(name.replace("%20", " "))).lower()
        self.tokens = _TOKENS.findall(_NO_PERIOD.sub(" ", self.text))
        self.position = 0
        self.periods: list[NamedPeriod] = []
        #: Months without a year of their own that the next one gives it to: the first of `jan-mar-2023`.
        self.waiting: list[int] = []

    def _token(self, ahead: int) -> str | None:
        place = self.position + ahead
        return self.tokens[place] if 0 <= place < len(self.tokens) else None

    def _financial_year_at(self, ahead: int) -> tuple[int, int] | None:
        """Return the first year of the financial year that stands there, and how many tokens it takes."""
        first, following = self._token(ahead), self._token(ahead + 1)
        year = _parse_year(first)
        if year is not None and following in (f"{(year + 1) % 100:02d}", str(year + 1)):
            return year, 2
        if first is not None and (joined := re.fullmatch(r"(20[0-4][0-9])([0-9]{2})", first)):
            year = int(joined[1])
            if int(joined[2]) == (year + 1) % 100:
                return year, 1
        return None

    def _short_financial_year_at(self, ahead: int) -> tuple[int, int] | None:
        """Return the same of a year in two digits each, as in `q1_26_27`."""
        first, following = self._token(ahead), self._token(ahead + 1)
        year = _parse_short_year(first)
        if year is not None and following == f"{(year + 1) % 100:02d}":
            return year, 2
        # `2021` is a year; `2627` cannot be one.
        if (
            first is not None
            and _parse_year(first) is None
            and (joined := re.fullmatch(r"([1-4][0-9])([1-5][0-9])", first))
        ):
            return (2000 + int(joined[1]), 1) if int(joined[2]) == int(joined[1]) + 1 else None
        return None

    def parse(self) -> list[NamedPeriod]:
        """Return every period that is named, in order."""
        while self.position < len(self.tokens):
            self.position += (
                self._parse_month()
                or self._parse_quarter()
                or self._parse_year_before_quarter()
                or self._parse_month_of_financial_year()
                or self._parse_numbered_month()
                or self._parse_year()
                or 1
            )
        if not self.periods:
            self._parse_days()
        return self.periods

    def _parse_days(self) -> None:
        """Add the months of the days that a name gives, where it has nothing else to go by.

        A single day is that of a month only where it is its last one; any other may be the day of publication.
        """
        text = _EVENT_DAY.sub(" ", self.text)
        days = [
            dt.date(int(found["year"] or found["last_year"]), int(found["month"] or found["last_month"]), 1)
            for found in _DAY.finditer(text)
            if _is_last_of_month(found) or (_read_day(found) == 1 and len(_DAY.findall(text)) == 2)
        ]
        if len(days) == len(_DAY.findall(text)):
            for day in dict.fromkeys(days):
                self._add("month", f"{day.year}-{day.month:02d}", _month_bounds(day.year, day.month))

    def _parse_month_of_financial_year(self) -> int:
        """Parse a month counted within a financial year: `M10_2023_24` is the tenth, January 2024."""
        number = self._token(1)
        found = self._financial_year_at(2) or self._short_financial_year_at(2)
        if found is None or number is None or not re.fullmatch(r"0?[1-9]|1[0-2]", number):
            return 0
        first_year, taken = found
        place = (int(number) + 2) % 12 + 1
        counted = _month_bounds(first_year + (place < 4), place)
        if self.tokens[self.position] == "m":
            self._add("month", f"{counted[0].year}-{counted[0].month:02d}", counted)
        elif self.tokens[self.position] in _WORDS_BEFORE_MONTH:  # The month of the year, or of the calendar.
            named = _month_bounds(first_year + (int(number) < 4), int(number))
            self._add("month", f"month {number} of {first_year}-{(first_year + 1) % 100:02d}", counted, named)
        else:
            return 0
        return 2 + taken

    def _add(self, grain: str, words: str, *meanings: tuple[dt.date, dt.date], number: int | None = None) -> None:
        self.periods.append(NamedPeriod(grain, words, meanings, number))

    def _parse_month(self) -> int:
        word = self.tokens[self.position]
        month = _MONTHS.get(word)
        if month is None:
            return 0
        both = self._financial_year_at(1) or self._short_financial_year_at(1)
        year = _parse_year(self._token(1)) or _parse_short_year(self._token(1))
        if both is not None:
            first_year, taken = both
            meanings = (_month_bounds(first_year, month), _month_bounds(first_year + 1, month))
            self._complete_waiting(month, first_year)
            self._add("month", f"{word} {first_year}", *meanings)
            return 1 + taken
        if year is not None:
            self._complete_waiting(month, year)
            self._add("month", f"{word} {year}", _month_bounds(year, month))
            return 2
        following = self._token(2) if self._token(1) in _WORDS_BETWEEN else self._token(1)
        if following in _MONTHS:
            self.waiting.append(month)
            return 1
        if (before := _parse_year(self._token(-1))) is not None:
            if self.periods and self.periods[-1].grain == "calendar_year":
                self.periods.pop()
            self._add("month", f"{word} {before}", _month_bounds(before, month))
        elif self._token(-1) in _WORDS_BEFORE_MONTH or word in _UNAMBIGUOUS_MONTHS:
            self._add("month", word, number=month)
        return 1

    def _parse_numbered_month(self) -> int:
        """Parse a month by its number before its year, or in two digits each: `06_2025`, `062025`, `06-25`, `25-01`."""
        token, following = self.tokens[self.position], self._token(1)
        if joined := re.fullmatch(r"(0[1-9]|1[0-2])(20[0-4][0-9])", token):
            return self._add_numbered_month(int(joined[2]), int(joined[1]), taken=1)
        if not re.fullmatch(r"[0-9]{1,2}", token) or following is None:
            return 0
        is_month = re.fullmatch(r"0[1-9]|1[0-2]", token) or (
            1 <= int(token) <= 12 and self._token(-1) in _WORDS_BEFORE_MONTH
        )
        if is_month and (year := _parse_year(following)) is not None:
            return self._add_numbered_month(year, int(token), taken=2)
        if self._short_financial_year_at(0) is not None or not re.fullmatch(r"[0-9]{2}", following):
            return 0
        if is_month and (year := _parse_short_year(following)) is not None and int(following) > 12:
            return self._add_numbered_month(year, int(token), taken=2)
        if (
            (year := _parse_short_year(token)) is not None
            and int(token) > 12
            and re.fullmatch(r"0[1-9]|1[0-2]", following)
        ):
            return self._add_numbered_month(year, int(following), taken=2)
        return 0

    def _add_numbered_month(self, year: int, month: int, *, taken: int) -> int:
        self._add("month", f"{year}-{month:02d}", _month_bounds(year, month))
        return taken

    def _complete_waiting(self, month: int, year: int) -> None:
        """Give the months that waited for a year the one they have before a month."""
        for number in self.waiting:
            of_year = year if number <= month else year - 1
            self._add("month", f"{calendar.month_abbr[number].lower()} {of_year}", _month_bounds(of_year, number))
        self.waiting.clear()

    def _parse_quarter(self) -> int:
        number = self._token(1)
        if self.tokens[self.position] not in _QUARTER_WORDS or number not in ("1", "2", "3", "4"):
            return 0
        quarter = int(number)
        gap = 3 if self._token(2) in ("fy", "of") else 2
        if found := self._financial_year_at(gap) or self._short_financial_year_at(gap):
            first_year, taken = found
            self._add_quarter(first_year, quarter)
            return gap + taken
        year = _parse_year(self._token(gap)) or (
            _parse_short_year(self._token(gap)) if self._token(2) == "fy" else None
        )
        if year is not None:
            self._add_quarter_of_calendar_year(year, quarter)
            return gap + 1
        before = self.periods[-1] if self.periods else None
        if before is not None and before.grain == "year" and before.meanings:
            self.periods.pop()
            self._add_quarter(before.meanings[0][0].year, quarter)
        elif before is not None and before.grain == "calendar_year":
            self.periods.pop()
            self._add_quarter_of_calendar_year(int(before.words), quarter)
        else:
            self._add("quarter", f"quarter {quarter}", number=quarter)
        return 2

    def _add_quarter(self, first_year: int, quarter: int) -> None:
        self._add("quarter", _quarter_words(first_year, quarter), _period_bounds("quarter", first_year, quarter))

    def _add_quarter_of_calendar_year(self, year: int, quarter: int) -> None:
        """Add a quarter of either financial year: such a name does not say which one is meant."""
        meanings = (_period_bounds("quarter", year - 1, quarter), _period_bounds("quarter", year, quarter))
        self._add("quarter", f"quarter {quarter} of {year}", *meanings)

    def _parse_year_before_quarter(self) -> int:
        """Parse a financial year in two digits each before its quarter, as in `25-26_q1`."""
        found = self._short_financial_year_at(0)
        if found is None:
            return 0
        first_year, taken = found
        number = self._token(taken + 1)
        if self._token(taken) not in _QUARTER_WORDS or number not in ("1", "2", "3", "4"):
            return 0
        self._add_quarter(first_year, int(number))
        return taken + 2

    def _parse_year(self) -> int:
        token, following = self.tokens[self.position], self._token(1)
        if found := self._financial_year_at(0):
            year, taken = found
            meanings = [_period_bounds("year", year)]
            if taken == 2 and following == "12":  # 2011-12
                meanings.append(_month_bounds(year, 12))
            self._add("year", f"{year}-{(year + 1) % 100:02d}", *meanings)
            return taken
        if (year := _parse_year(token)) is not None:
            if following is not None and re.fullmatch(r"0[1-9]|1[0-2]", following):
                self._add("month", f"{year}-{following}", _month_bounds(year, int(following)))
                return 2
            self._add("calendar_year", token, *_meanings_of_year(year))
            return 1
        if joined := re.fullmatch(r"(20[0-4][0-9])(0[1-9]|1[0-2])", token):
            self._add("month", f"{joined[1]}-{joined[2]}", _month_bounds(int(joined[1]), int(joined[2])))
            return 1
        if self._token(-1) in _WORDS_BEFORE_YEAR and (found := self._short_financial_year_at(0)):
            year, taken = found
            self._add("year", f"{year}-{(year + 1) % 100:02d}", _period_bounds("year", year))
            return taken
        return 0


def parse_periods_in_name(name: str) -> list[NamedPeriod]:
    """Return every period that the name of a file or a ZIP member names, in order; empty where it names none.

    Months by name in any letters or by number, years in two digits or four, quarters, financial years, and ranges of
    months are understood (docs/sources.md#publications); days, such as that of publication, and revisions are passed
    over.
    """
    return _NameParser(name).parse()


def is_named_for_a_series(name: str) -> bool:
    """Whether the name of a file or a ZIP member, its folder left out, says a time series."""
    return "series" in PurePosixPath(name).name.lower()
