"""Discovery rules: how files of a publication page are told apart, as reviewed in `catalogue/discovery.yml`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from iapt.catalogue.publications import FileFormat
from iapt.catalogue.publisher import SeriesName
from iapt.catalogue.strict_model import StrictModel


def _compile(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression; found {pattern!r}: {error}") from error
    return pattern


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_compile)]


class FileKind(StrictModel):
    """A kind of file: what the name it is shown under says, what its file name says, and the series it belongs to.

    Without a series, files of the kind are of no catalogued one. `unless` are words with which a name is of another
    kind all the same. One that is `only_where_listed` is asked only on pages of its series: its words are common.
    """

    kind: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    display: Pattern
    file: Pattern
    unless: Pattern | None = None
    series: list[SeriesName] = []
    only_where_listed: bool = False

    def matches(self, name: str, pattern: str) -> bool:
        """Whether a name is of the kind by one of its patterns, in any letters."""
        if self.unless is not None and re.search(self.unless, name, re.IGNORECASE):
            return False
        return re.search(pattern, name, re.IGNORECASE) is not None


class NotAPublication(StrictModel):
    """A page that a series page lists and that publishes no figures of a period."""

    slug: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class DiscoveryRules(StrictModel):
    """How files and pages are told apart. Of the kinds, the first that matches decides."""

    phrases_of_titles: list[Pattern]
    formats: list[FileFormat] = Field(min_length=1)
    file_kinds: list[FileKind] = Field(min_length=1)
    not_publications: list[NotAPublication] = []

    @model_validator(mode="after")
    def _kinds_stand_once(self) -> Self:
        kinds = [kind.kind for kind in self.file_kinds]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"expected every kind once; found {', '.join(kinds)}")
        return self

    def find_kind_by_display_name(self, name: str, series: Collection[str]) -> FileKind | None:
        """Return the kind of file that the name it is shown under says; None where it says none.

        `series` are those that the page is listed for.
        """
        for phrase in self.phrases_of_titles:
            name = re.sub(phrase, " ", name, flags=re.IGNORECASE)
        return next((kind for kind in self._select_kinds(series) if kind.matches(name, kind.display)), None)

    def find_kind_by_file_name(self, name: str, series: Collection[str]) -> FileKind | None:
        """Return the kind of file that its file name says; None where it says none."""
        return next((kind for kind in self._select_kinds(series) if kind.matches(name, kind.file)), None)

    def _select_kinds(self, series: Collection[str]) -> list[FileKind]:
        return [kind for kind in self.file_kinds if not kind.only_where_listed or set(kind.series) & set(series)]
