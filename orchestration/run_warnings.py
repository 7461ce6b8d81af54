"""Warnings of a refresh: what each is about, named, and what to do. One text for the console, status, log and Dagster.

To warn of something new, say once what it is, what names one case of it, and what to do:

- a dbt test `dbt_project/tests/warn_*.sql`: an entry in `dbt_project/tests/warnings.yml` (`found`, `each`, `remedy`);
- a rule of Great Expectations with severity `warning`: its `description` and its `remedy`;
- what was left unread or mended in a drop: `notice(what, subject)` of `orchestration.drops.notices` into the summary's
  `notices`; cells that were set aside are told by their reasons, without more.

What names a case is a key (code, id, name, file, period), never a figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

#: How many cases a warning names; the others are counted.
SUBJECTS_SHOWN = 5
#: Longer names of a case are cut: names come out of drops, which are hostile.
SUBJECT_CHARACTERS = 400


@dataclass(frozen=True)
class RunWarning:
    """One warning: its rule or test, the asset it is about, what was found, in which cases, and what to do.

    `subjects` are the first few cases and `total` is how many there are.
    """

    name: str
    about: str
    found: str
    subjects: tuple[str, ...]
    total: int
    remedy: str

    @classmethod
    def of(cls, name: str, about: str, found: str, subjects: Iterable[str], remedy: str) -> Self:
        """Return the warning that names the first few of these subjects."""
        everything = list(dict.fromkeys(printable(subject) for subject in subjects))
        return cls(name, about, found, tuple(everything[:SUBJECTS_SHOWN]), len(everything), remedy)

    def __str__(self) -> str:
        """Return the one text of the warning: a line, whose length is limited."""
        named = f": {name_first(self.subjects, self.total)}" if self.subjects else ""
        return f"{self.name} ({self.about}): {self.found}{named}. {self.remedy}"


def name_first(subjects: Iterable[str], total: int) -> str:
    """Return the first few subjects of `total`, and how many more there are."""
    shown = list(subjects)[:SUBJECTS_SHOWN]
    more = total - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more else "")


def printable(text: str) -> str:
    """Return a text as part of one line: its white space collapsed, nothing a terminal would obey, not too long."""
    line = "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
    return line if len(line) <= SUBJECT_CHARACTERS else line[: SUBJECT_CHARACTERS - 1] + "…"
