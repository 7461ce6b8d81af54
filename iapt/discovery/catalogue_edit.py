"""Edits of the list of publications: rows as text, each put in its place, all else kept byte for byte."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import Publisher
from iapt.files import write_atomically
from iapt.periods import Period


class CatalogueEditError(Exception):
    """Raised where the list of publications cannot take a row: it would contradict another, or is no list."""


def format_row(publication: Publication) -> str:
    """Return one row in the form that the list has it."""
    page = [f"series: {publication.page.series}"]
    if publication.page.slug is not None:
        page.append(f"slug: {_format_text(publication.page.slug, within_braces=True)}")
    if publication.page.title is not None:
        page.append(f"title: {_quote_text(publication.page.title)}")
    lines = [f"- series: {publication.series}"]
    if publication.first_period is not None:
        lines.append(f'  first_period: "{publication.first_period}"')
    lines += [
        f'  period: "{publication.period}"',
        f"  revision: {publication.revision}",
        f"  status: {publication.status}",
        f"  page: {{{', '.join(page)}}}",
    ]
    if publication.file is not None:
        lines += [f'  file: "{publication.file}"', f"  format: {publication.format}"]
    if publication.members:
        lines += ["  members:", *(f"    - {_format_text(member)}" for member in publication.members)]
    if publication.sha256 is not None:
        lines.append(f'  sha256: "{publication.sha256}"')
    if publication.supersedes is not None:
        lines.append(f'  supersedes: "{publication.supersedes}"')
    if publication.not_pulled is not None:
        lines.append(f"  not_pulled: {_format_text(publication.not_pulled)}")
    return "\n".join(lines) + "\n"


def format_rows(publications: Sequence[Publication]) -> str:
    """Return rows as a list in YAML, in their order."""
    return "".join(format_row(publication) for publication in publications) or "[]\n"


def _format_text(text: str, *, within_braces: bool = False) -> str:
    """Return a text as YAML: plain where it reads back as itself, else in quotes."""
    try:
        document = f"{{key: {text}}}" if within_braces else f"key: {text}"
        is_plain = text.isprintable() and yaml.safe_load(document) == {"key": text}
    except (ValueError, yaml.YAMLError):
        is_plain = False
    return text if is_plain else _quote_text(text)


def _quote_text(text: str) -> str:
    """Return a text in double quotes, in ASCII. YAML writes characters beyond the first 65,536 in a way of its own."""
    return '"' + "".join(f"\\U{ord(c):08x}" if ord(c) > 0xFFFF else json.dumps(c)[1:-1] for c in text) + '"'


@dataclass(frozen=True)
class _Block:
    """The lines of one row, from the first to the one after the last."""

    publication: Publication
    start: int
    end: int


def insert_rows(text: str, publications: Sequence[Publication], publisher: Publisher) -> str:
    """Return the text of the list with further rows: the newest period of a series first.

    A row that completes one without a file takes its place. Raises CatalogueEditError where the list that comes out is
    not a valid one, or holds anything else than the rows before and these.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    blocks, lines = _read_blocks(text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += newline
    edits: list[_Edit] = []
    for publication in publications:
        row = format_row(publication).replace("\n", newline)
        completed = next((b for b in blocks if b.publication.id == publication.id and b.publication.file is None), None)
        if completed is not None:
            edits.append(_Edit(completed.start, completed.end, publication, row))
        else:
            place = _find_place(blocks, publication)
            place = (blocks[-1].end if blocks else len(lines)) if place is None else place
            edits.append(_Edit(place, place, publication, row))
    # From the last line to the first; of several in one place, the newest is put there last, and so stands first.
    for edit in sorted(edits, key=lambda edit: (-edit.start, edit.end == edit.start, edit.order)):
        lines[edit.start : edit.end] = edit.row.splitlines(keepends=True)
    edited = "".join(lines) if publications else text
    _require_exactly(edited, publications, publisher)
    return edited


@dataclass(frozen=True)
class _Edit:
    """A row to put in the place of some lines; of none, where start and end are one line."""

    start: int
    end: int
    publication: Publication
    row: str

    @property
    def order(self) -> tuple[str, Period, int]:
        return self.publication.series, self.publication.bounds[1], self.publication.revision


def _find_place(blocks: Sequence[_Block], publication: Publication) -> int | None:
    """Return the line of the first row of the series that is not newer, else the one after its last; None without."""
    own = [block for block in blocks if block.publication.series == publication.series]
    key = (publication.bounds[1], publication.revision)
    for block in own:
        if (block.publication.bounds[1], block.publication.revision) < key:
            return block.start
    return own[-1].end if own else None


def _read_blocks(text: str) -> tuple[list[_Block], list[str]]:
    """Return the rows of the list with their lines. A row ends before the comments and empty lines after it."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    lines = text.splitlines(keepends=True)
    if root is None:
        return [], lines
    if not isinstance(root, yaml.SequenceNode) or root.flow_style:
        raise CatalogueEditError("expected the list of publications with a row in each `- series:`; found another form")
    publications = TypeAdapter(list[Publication]).validate_python(yaml.safe_load(text) or [])
    starts = [node.start_mark.line for node in root.value]
    blocks = []
    for publication, start, following in zip(publications, starts, [*starts[1:], len(lines)], strict=True):
        end = following
        while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        blocks.append(_Block(publication, start, end))
    return blocks, lines


def _require_exactly(text: str, added: Sequence[Publication], publisher: Publisher) -> None:
    """Raise CatalogueEditError where rows contradict one another, or one that was added is not as given."""
    try:
        rows = TypeAdapter(list[Publication]).validate_python(yaml.safe_load(text) or [])
        listed = Publications(rows, publisher)
    except (ValueError, yaml.YAMLError) as error:
        raise CatalogueEditError(f"the list of publications would not be valid: {error}") from error
    if changed := [publication.id for publication in added if listed.find(publication.id) != publication]:
        raise CatalogueEditError(f"expected the rows as proposed; {', '.join(changed)} would read back as another")


def diff_rows(before: str, after: str, name: str) -> str:
    """Return a unified diff of two texts of the list."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    )
    return "".join(lines)


def write_rows(path: Path, publications: Sequence[Publication], publisher: Publisher) -> None:
    """Write further rows into the list at a path, or nothing at all. Raises CatalogueEditError."""
    before = path.read_bytes().decode("utf-8")
    after = insert_rows(before, publications, publisher)
    if after != before:
        write_atomically(path, after.encode("utf-8"))
