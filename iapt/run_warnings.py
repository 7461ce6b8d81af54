"""Warnings of a refresh: what each is about, its cases by name, and what to do. One text for every place that shows it.

To warn of something new, say once what it is, what names one case of it, and what to do:

- a dbt test `dbt_project/tests/warn_*.sql`: an entry in `dbt_project/tests/warnings.yml` (`found`, `each`, `remedy`);
- a rule of Great Expectations with severity `warning`: its `description` and its `remedy`;
- what was left unread or mended in a drop: `format_notice(what, subject)` of `iapt.ingest.notices` into the summary's
  `notices`; cells that were quarantined are counted by their reasons.

What names a case is a key (code, id, name, file, period), never a figure.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

#: How many cases a warning names; the others are counted.
SUBJECTS_SHOWN = 5
#: Longer names of a case are shortened: names come out of drops, which are hostile.
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
        names = list(dict.fromkeys(make_printable(subject) for subject in subjects))
        return cls(name, about, found, tuple(names[:SUBJECTS_SHOWN]), len(names), remedy)

    def __str__(self) -> str:
        """Return the one text of the warning: a line, whose length is limited."""
        cases = f": {list_first(self.subjects, self.total)}" if self.subjects else ""
        return f"{self.name} ({self.about}): {self.found}{cases}. {self.remedy}"


def list_first(subjects: Iterable[str], total: int) -> str:
    """Return the first few subjects of `total`, and how many more there are."""
    shown = list(subjects)[:SUBJECTS_SHOWN]
    more = total - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more else "")


def make_printable(text: str) -> str:
    """Return a text as part of one line: its white space collapsed, nothing a terminal would obey, not too long."""
    return shorten(_to_one_line(text), SUBJECT_CHARACTERS)


def shorten(text: str, characters: int) -> str:
    """Return a text of so many characters at most: its beginning and its end, where files of one series differ."""
    if len(text) <= characters:
        return text
    beginning = characters // 2
    end = max(characters - beginning - 1, 0)
    return f"{text[:beginning]}…{text[len(text) - end :]}"[:characters]


def fill_template(template: str, values: Mapping[str, Any]) -> str:
    """Return what names a case: a template with values in it; one without a value leaves nothing behind.

    Where the whole is too long its longest values are shortened, each in its middle, and all else stands: the name of
    the second of two files, and what became of it, are as needed as those of the first.
    """
    texts = {name: "" if value is None else _to_one_line(str(value)) for name, value in values.items()}
    places = [name for _, name, _, _ in string.Formatter().parse(template) if name]
    fixed = len(template.format_map(dict.fromkeys(texts, "")))
    longest = _compute_longest_value([texts[place] for place in places], fixed)
    return template.format_map({name: shorten(text, longest) for name, text in texts.items()})


def _compute_longest_value(texts: Sequence[str], fixed: int) -> int:
    """How long each of some texts can be so that all fit beside so many other characters; the short ones leave room."""
    remaining = SUBJECT_CHARACTERS - fixed
    lengths = sorted(map(len, texts))
    for place, length in enumerate(lengths):
        share = max(remaining // (len(lengths) - place), 1)
        if length > share:
            return share
        remaining -= length
    return SUBJECT_CHARACTERS


def _to_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
