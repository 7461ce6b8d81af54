"""Sidecars: what a provenance file says of the drops beside it. It is hostile input, like the drops themselves."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from iapt.rejection import show_value

#: What a sidecar may call the origin of its drops. Only the home itself makes drops restricted.
ORIGINS: Final = ("published", "synthetic")
SIDECARS: Final = ("provenance.json", "provenance.csv")
UNKNOWN_LICENCE: Final = "Open Government Licence v3.0"
MAX_SIDECAR_BYTES: Final = 16 << 20  # a record of a drop takes some 300 bytes
MAX_TEXT: Final = 2_000
_CONTROL_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_FIELD_TEXT: Final = f"one line of text of at most {MAX_TEXT:,} characters"
_FIELD_RULES: Final = {
    "data_origin": f"a data_origin of {' or '.join(ORIGINS)}",
    "sha256": "a sha256 of 64 hexadecimal digits",
}


class MalformedSidecarError(Exception):
    """Raised where a sidecar, or one record of it, is malformed: what was expected and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        """Say both in words that finish `expected ...; found ...`."""
        super().__init__(f"expected {expected}; found {found}")
        self.expected = expected
        self.found = found


class SidecarRecord(BaseModel):
    """What a sidecar says of one drop. Keys that are not used here are the publisher's or the owner's own."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    data_origin: Literal["published", "synthetic"] | None = None
    made: str = Field(default="", max_length=MAX_TEXT)
    source: str = Field(default="", max_length=MAX_TEXT)
    licence: str = Field(default=UNKNOWN_LICENCE, max_length=MAX_TEXT)
    sha256: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$")

    @field_validator("made", "source", "licence")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in text):
            raise ValueError("a text of one line")
        return text


@dataclass
class Sidecar:
    """A folder's declared origin, and what its sidecar says of each path, or why it is malformed."""

    origin: str = "published"
    records: dict[str, SidecarRecord | MalformedSidecarError] = field(default_factory=dict)

    def find_record(self, relative_path: str) -> SidecarRecord:
        """Return what is said of a path under the sidecar's folder; nothing where it is not named.

        Raises MalformedSidecarError where that record is malformed.
        """
        record = self.records.get(_normalise(relative_path), SidecarRecord())
        if isinstance(record, MalformedSidecarError):
            raise record
        return record


class _Object(dict[str, object]):
    """A JSON object that remembers which of its keys were written more than once."""

    repeated: frozenset[str] = frozenset()


def read_sidecar(path: Path) -> Sidecar:
    """Read a provenance file, JSON or CSV by its name.

    In place of a record that is malformed stands the reason; the others are read.
    Raises MalformedSidecarError where the file itself is malformed, OSError where it cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(MAX_SIDECAR_BYTES + 1)
    if len(content) > MAX_SIDECAR_BYTES:
        raise MalformedSidecarError(f"a sidecar of at most {MAX_SIDECAR_BYTES:,} bytes", "a longer one")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{content[error.start]:02X} at {error.start + 1}, which is not UTF-8"
        raise MalformedSidecarError("text in UTF-8", found) from error
    return _parse_json(text) if path.suffix == ".json" else _parse_csv(text)


def _normalise(path: str) -> str:
    """Return one spelling of a path, whichever system wrote it."""
    return unicodedata.normalize("NFC", PurePosixPath(path.replace("\\", "/")).as_posix())


def _parse_json(text: str) -> Sidecar:
    try:
        content = json.loads(text, object_pairs_hook=_note_repeats)
    except json.JSONDecodeError as error:
        raise MalformedSidecarError("JSON", f"{error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise MalformedSidecarError("JSON", "objects or lists too deep inside one another") from error
    except ValueError as error:  # a number of more digits than Python converts
        raise MalformedSidecarError("JSON", "a number too long to be read") from error
    if not isinstance(content, _Object):
        raise MalformedSidecarError("a JSON object with the keys data_origin and files", show_value(content))
    if content and not content.keys() & {"data_origin", "files"}:
        keys = ", ".join(show_value(key) for key in list(content)[:3])
        raise MalformedSidecarError("a JSON object with the keys data_origin and files", f"the keys {keys}")
    if content.repeated:
        raise MalformedSidecarError("every key once", f"{show_value(min(content.repeated))} more than once")
    origin = content.get("data_origin", "published")
    if origin not in ORIGINS:
        raise MalformedSidecarError(_FIELD_RULES["data_origin"], show_value(origin))
    files = content.get("files", _Object())
    if not isinstance(files, _Object):
        raise MalformedSidecarError("`files` to be an object of paths", show_value(files))
    sidecar = Sidecar(str(origin))
    for key, record in files.items():
        _add(sidecar, key, record, is_repeated=key in files.repeated)
    return sidecar


def _note_repeats(pairs: list[tuple[str, object]]) -> _Object:
    content = _Object(pairs)
    if len(content) < len(pairs):
        content.repeated = frozenset(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return content


def _parse_csv(text: str) -> Sidecar:
    previous_limit = csv.field_size_limit(MAX_SIDECAR_BYTES)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise MalformedSidecarError("comma-separated values", str(error)) from error
    finally:
        csv.field_size_limit(previous_limit)
    header = rows[0] if rows else []
    if header.count("file") != 1:
        found = f"the columns {show_value(header)}" if header else "no header"
        raise MalformedSidecarError("a column named file", found)
    repeated = {name for name, times in Counter(header).items() if name and times > 1}
    if repeated & {"file", *SidecarRecord.model_fields}:
        raise MalformedSidecarError("every column once", f"{show_value(min(repeated))} more than once")
    place = header.index("file")
    records = [row for row in rows[1:] if len(row) > place and row[place]]
    times = Counter(_normalise(row[place]) for row in records)
    sidecar = Sidecar()
    for row in records:
        record: object = dict(zip(header, row, strict=False))
        if len(row) != len(header):
            record = MalformedSidecarError(f"{len(header)} fields, as in the header", f"{len(row)}")
        _add(sidecar, row[place], record, is_repeated=times[_normalise(row[place])] > 1)
    return sidecar


def _add(sidecar: Sidecar, path: str, record: object, *, is_repeated: bool) -> None:
    """Add one record; where it is malformed, the reason stands in its place."""
    key = _normalise(path)
    if is_repeated or key in sidecar.records:
        record = MalformedSidecarError("one record of the file", "more than one")
    if not isinstance(record, MalformedSidecarError):
        try:
            record = _validate_record(record)
        except MalformedSidecarError as error:
            record = error
    sidecar.records[key] = record


def _validate_record(record: object) -> SidecarRecord:
    if not isinstance(record, Mapping):
        raise MalformedSidecarError("an object of what is known of the file", show_value(record))
    if isinstance(record, _Object) and record.repeated:
        raise MalformedSidecarError("every key once", f"{show_value(min(record.repeated))} more than once")
    try:
        return SidecarRecord.model_validate({key: value for key, value in record.items() if value not in (None, "")})
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        expected = _FIELD_RULES.get(name, f"`{name}` to be {_FIELD_TEXT}")
        raise MalformedSidecarError(expected, show_value(record[name])) from error
