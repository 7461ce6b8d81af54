"""Dates as the publisher's pages write them: `16 January 2025`, `13 Aug 2026`, `16 Sept 2025`, or only a month."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_DATE = re.compile(r"(?:\b([0-9]{1,2})\s+)?\b([A-Za-z]{3,9})\.?\s+(20[0-9]{2})\b")


@dataclass(frozen=True)
class PageDate:
    """A day, or a month of which the day is not known yet."""

    year: int
    month: int
    day: int | None = None

    def __str__(self) -> str:
        """Return it as `2026-08-13` or `2026-10`."""
        return f"{self.year}-{self.month:02d}" + (f"-{self.day:02d}" if self.day else "")


def find_date(text: str) -> PageDate | None:
    """Return the first date in a text; None where there is none, or where no calendar has it."""
    for day, name, year in _DATE.findall(text):
        month = _MONTHS.get(name.lower())
        if month is None:
            continue
        if not day:
            return PageDate(int(year), month)
        try:
            dt.date(int(year), month, int(day))
        except ValueError:
            return None
        return PageDate(int(year), month, int(day))
    return None
