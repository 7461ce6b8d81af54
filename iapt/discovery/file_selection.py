"""Selection of files: which file of a page is the main one of a publication, or why none can be named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import get_args
from urllib.parse import unquote, urlsplit

from iapt.catalogue.discovery_rules import DiscoveryRules
from iapt.catalogue.publications import FileFormat
from iapt.discovery.named_publications import parse_page_periods
from iapt.discovery.page_text import clean_text
from iapt.discovery.publication_pages import PublishedFile
from iapt.named_periods import NamedPeriod
from iapt.periods import Period

_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
_GRAINS = ("month", "quarter", "year")


@dataclass(frozen=True)
class KnownFile:
    """A file of a page with what its two names say of it: the kind, and the periods.

    A kind is None where the name says none. `format` is by its address; None where that is no file of data.
    """

    file: PublishedFile
    name: str
    format: FileFormat | None
    kind_by_display: str | None
    kind_by_name: str | None
    series: frozenset[str]
    periods_by_display: tuple[NamedPeriod, ...]
    periods_by_name: tuple[NamedPeriod, ...]

    @property
    def is_doubtful(self) -> bool:
        """Whether its two names say two kinds."""
        kinds = {self.kind_by_display, self.kind_by_name} - {None}
        return len(kinds) > 1

    @property
    def is_certain(self) -> bool:
        """Whether it is a file of data that may be fetched, and its names do not contradict each other."""
        return self.format is not None and not (self.is_doubtful or self.file.is_external or self.file.link.refusal)

    def may_be_of(self, period: Period) -> bool:
        """Whether each of its names says that period, or none."""
        return all(
            not named or any(name.may_be(period) for name in named)
            for named in (self.periods_by_display, self.periods_by_name)
        )

    @property
    def periods(self) -> tuple[NamedPeriod, ...]:
        """The periods that either of its names says."""
        return (*self.periods_by_display, *self.periods_by_name)

    def find_obstacle(self, period: Period) -> str:
        """Return why it is not the main file of a period; empty where it may be."""
        if self.file.link.refusal:
            return self.file.link.refusal
        if self.file.is_external:
            return "a link to something else than a file"
        if self.format is None:
            return "no file of data"
        if self.is_doubtful:
            return f"{self.kind_by_display} by the name it is shown under, {self.kind_by_name} by its file name"
        return "" if self.may_be_of(period) else f"named for another period than {period.label}"

    def describe(self, period: Period) -> str:
        """Return both its names, its kind, and why it is not the main file."""
        kind = self.kind_by_display or self.kind_by_name or "of no known kind"
        obstacle = self.find_obstacle(period)
        return f"{self.file.display_name!r} ({self.name or 'no file name'}): {obstacle or kind}"


@dataclass(frozen=True)
class Selection:
    """The main file of a publication; without one, the problem and the candidates that a person chooses from."""

    file: KnownFile | None = None
    problem: str = ""
    candidates: tuple[str, ...] = ()


def describe_files(files: Sequence[PublishedFile], lists: Sequence[str], rules: DiscoveryRules) -> list[KnownFile]:
    """Return the files of a page with what their names say."""
    return [_describe_file(file, lists, rules) for file in files]


def _describe_file(file: PublishedFile, lists: Sequence[str], rules: DiscoveryRules) -> KnownFile:
    path = PurePosixPath(unquote(urlsplit(file.link.address).path))
    name = clean_text(path.name)
    by_display = rules.find_kind_by_display_name(file.display_name, lists)
    by_name = rules.find_kind_by_file_name(name, lists)
    suffix = path.suffix.lower().removeprefix(".")
    kinds = [kind for kind in (by_display, by_name) if kind is not None]
    return KnownFile(
        file=file,
        name=name,
        format=next((known for known in _FORMATS if known == suffix and known in rules.formats), None),
        kind_by_display=by_display.kind if by_display else None,
        kind_by_name=by_name.kind if by_name else None,
        series=frozenset(series for kind in kinds for series in kind.series),
        periods_by_display=_read_periods(file.display_name),
        periods_by_name=_read_periods(path.stem),
    )


def _read_periods(name: str) -> tuple[NamedPeriod, ...]:
    return tuple(named for named in parse_page_periods(name) if named.grain in _GRAINS)


def select_main_file(files: Sequence[KnownFile], series: str, period: Period, rules: DiscoveryRules) -> Selection:
    """Return the one file of a page that holds what a series publishes for a period.

    One that only one of its names says is of the series counts; one whose names say two kinds, that lies on another
    host, or that names another period does not, and is told where nothing else is found.
    """
    named = [known for known in files if series in known.series]
    usable = [known for known in named if not known.find_obstacle(period)]
    if len(usable) > 1:
        usable = _keep_first_format(usable, rules.formats)
    if len(usable) == 1:
        return Selection(file=usable[0])
    told = usable or named or [known for known in files if known.format is not None or known.file.is_external]
    problem = f"{len(usable)} files may be the main one" if usable else "no file may be the main one"
    return Selection(problem=problem, candidates=tuple(known.describe(period) for known in told))


def _keep_first_format(files: Sequence[KnownFile], formats: Sequence[FileFormat]) -> list[KnownFile]:
    """Return one file where all are the same by name but for their formats."""
    stems = {PurePosixPath(known.name).stem.lower() for known in files}
    found = [known.format for known in files]
    if len(stems) > 1:
        return list(files)
    first = next(format_ for format_ in formats if format_ in found)
    return [known for known in files if known.format == first]
