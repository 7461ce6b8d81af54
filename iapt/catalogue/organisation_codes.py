"""Codes of organisations: which texts name an organisation of a level, which name none, and which are no code at all.

The reviewed data is `catalogue/organisation_codes.yml`; this module reads it and applies it to one code at a time.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel

CodeLevel = Literal["region", "stp", "icb", "ccg", "sub_icb", "provider"]
#: What a code is called in a message, by its level; a layout does not distinguish the levels of a parent.
LEVEL_NAMES: dict[str, str] = {
    "region": "a region",
    "stp": "an STP",
    "icb": "an ICB",
    "ccg": "a CCG",
    "sub_icb": "a sub-ICB location",
    "provider": "a provider",
    "parent": "a region, an STP or an ICB",
}
PARENT_LEVELS: tuple[CodeLevel, ...] = ("region", "stp", "icb")


class NoOrganisation(StrictModel):
    """A word that stands where a code should and names no organisation; in any spelling, or `exactly` so."""

    word: str = Field(min_length=1)
    exactly: bool = False
    source: str


class KeptPlaceholder(StrictModel):
    """A word that names no organisation but keeps its place in totals, at some levels."""

    code: str = Field(min_length=1)
    levels: list[CodeLevel] = Field(min_length=1)


class CodeShape(StrictModel):
    """What the codes of some levels look like: a text that matches one of the patterns in full, and none `excluded`."""

    levels: list[CodeLevel] = Field(min_length=1)
    patterns: list[str] = Field(min_length=1)
    excluded: list[str] = []
    shortest: int = Field(default=1, ge=1)
    longest: int = Field(default=100, ge=1)
    source: str

    def matches(self, code: str) -> bool:
        """Whether a text has this shape."""
        return (
            self.shortest <= len(code) <= self.longest
            and any(re.fullmatch(pattern, code) for pattern in self.patterns)
            and not any(re.fullmatch(pattern, code) for pattern in self.excluded)
        )


class OrganisationCodes(StrictModel):
    """The reviewed shapes of codes and the words that stand for no organisation."""

    no_organisation: list[NoOrganisation] = Field(min_length=1)
    everyone: list[str] = Field(min_length=1)
    kept: list[KeptPlaceholder]
    shapes: list[CodeShape] = Field(min_length=1)
    invented: str
    rejected_from_odd_codes: int = Field(ge=2)

    @model_validator(mode="after")
    def _every_level_has_one_shape(self) -> Self:
        levels = sorted(level for shape in self.shapes for level in shape.levels)
        expected = sorted(level for level in LEVEL_NAMES if level != "parent")
        if levels != expected:
            raise ValueError(f"expected one shape for each of {', '.join(expected)}; found {', '.join(levels)}")
        unknown = [kept.code for kept in self.kept if reduce_to_word(kept.code) not in self._words]
        if unknown:
            raise ValueError(f"expected every kept word in no_organisation; {', '.join(unknown)} is not there")
        return self

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(reduce_to_word(entry.word) for entry in self.no_organisation if not entry.exactly)

    @cached_property
    def _exact_words(self) -> frozenset[str]:
        return frozenset(entry.word for entry in self.no_organisation if entry.exactly)

    def names_no_organisation(self, text: str) -> bool:
        """Whether a text is blank, marks alone, or one of the words for no organisation."""
        is_blank = not any(character.isalnum() for character in text)
        return is_blank or text in self._exact_words or reduce_to_word(text) in self._words

    @cached_property
    def _words_for_everyone(self) -> frozenset[str]:
        return frozenset(map(reduce_to_word, self.everyone))

    def stands_for_everyone(self, text: str) -> bool:
        """Whether a text is a word for all organisations of a level, or for England, in any spelling."""
        return reduce_to_word(text) in self._words_for_everyone

    def find_kept_placeholder(self, text: str, level: str) -> str | None:
        """Return the reviewed spelling of a placeholder that keeps its place in totals at a level; None for others.

        `level` is a level of one organisation, or `parent`.
        """
        levels = set(PARENT_LEVELS if level == "parent" else (level,))
        word = reduce_to_word(text)
        for placeholder in self.kept:
            if word == reduce_to_word(placeholder.code) and levels.intersection(placeholder.levels):
                return placeholder.code
        return None

    def has_shape_of(self, code: str, level: str) -> bool:
        """Whether a text looks like a code of a level (or `parent`), or of an invented organisation."""
        levels = set(PARENT_LEVELS if level == "parent" else (level,))
        if re.fullmatch(self.invented, code):
            return True
        return any(shape.matches(code) for shape in self.shapes if levels.intersection(shape.levels))


def reduce_to_word(text: str) -> str:
    """Return a text by its letters and digits alone, in lower case: `Invalid code` and `INVALIDCODE ` are one word."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())
