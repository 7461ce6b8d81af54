"""The refusal of a drop: one error that says where, what was expected, what was found and what to do."""

from __future__ import annotations

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
