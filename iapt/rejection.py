"""The rejection of a drop: one error that says where, what was expected, what was found and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

_LONGEST_PLACE: Final = 300
_LONGEST_FOUND: Final = 900


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _escape_control_characters(text: str) -> str:
    r"""Return a text without anything that a terminal would obey: a line end becomes `\n`."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in text
    )


@dataclass
class DropRejectedError(Exception):
    """Raised when a drop cannot be read in full; nothing of it is used, its bytes are archived.

    `place` is a member, sheet, row and column inside the file; `file` is the publisher's file name.
    """

    file: str
    place: str
    expected: str
    found: str
    remedy: str

    def __post_init__(self) -> None:
        """Cut what a library or the file itself says at such length that nobody would read it."""
        self.place, self.found = _cut(self.place, _LONGEST_PLACE), _cut(self.found, _LONGEST_FOUND)

    def __str__(self) -> str:
        """Return one paragraph for a person. The names of files, members and sheets may hold anything."""
        found = self.found.rstrip(".")
        return _escape_control_characters(
            f"{self.file}, {self.place}: expected {self.expected}; found {found}. {self.remedy}"
        )

    def to_record(self) -> dict[str, str]:
        """Return the rejection as plain data, to be stored beside the drop."""
        return asdict(self)


def show_value(value: object) -> str:
    """Return a value as an error may show it: of one line, short, and in letters that can be written down."""
    if isinstance(value, (list, tuple)) and len(value) > 5:
        return f"a list of {len(value):,}"
    if isinstance(value, Mapping):
        return f"an object of {len(value):,} keys"
    if isinstance(value, str) and len(value) > 80:
        return f"a text of {len(value):,} characters"
    shown = str(ascii(value))
    return shown if len(shown) <= 200 else f"{shown[:80]}..."
