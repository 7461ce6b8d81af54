"""The refusal of a drop: one error that says where, what was expected, what was found and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass
class DropRefused(Exception):
    """Raised when a drop cannot be read in full; nothing of it is used, its bytes are kept.

    `place` is a member, sheet, row and column inside the file; `file` is the publisher's file name.
    """

    file: str
    place: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        """One paragraph for a person."""
        return f"{self.file}, {self.place}: expected {self.expected}; found {self.found}. {self.remedy}"

    def as_record(self) -> dict[str, str]:
        """The refusal as plain data, to be kept beside the drop."""
        return asdict(self)


def show_value(value: object) -> str:
    """A value as an error may show it: of one line, short, and in letters that can be written down."""
    if isinstance(value, (list, tuple)) and len(value) > 5:
        return f"a list of {len(value):,}"
    if isinstance(value, Mapping):
        return f"an object of {len(value):,} keys"
    if isinstance(value, str) and len(value) > 80:
        return f"a text of {len(value):,} characters"
    shown = str(ascii(value))
    return shown if len(shown) <= 200 else f"{shown[:80]}..."
