"""Remote files: what it means to fetch one, wherever it lies, and the ways in which that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from iapt.run_warnings import make_printable

ReportBytes = Callable[[int, int | None], None]
"""Called with the bytes of a file that have arrived so far, and how many there are, where that is known."""


@dataclass(frozen=True)
class Validators:
    """What a server said of the version of a file that it gave, as it wrote it; empty where it said nothing."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class FetchedFile:
    """What came of fetching a file.

    `address` is where it was found in the end; `is_modified` is False where the known version is still there, and
    nothing was written. `bytes` are those of the file, `bytes_received` those that came over the wire for it this time.
    `http_status` is None for a source that is no web server.
    """

    address: str
    is_modified: bool
    bytes: int
    bytes_received: int
    validators: Validators = Validators()
    http_status: int | None = None
    content_type: str = ""


class Source(Protocol):
    """Where files are fetched from: the publisher's site, an object store, a folder."""

    def fetch(
        self,
        address: str,
        target: Path,
        known: Validators | None = None,
        report: ReportBytes | None = None,
    ) -> FetchedFile:
        """Write the bytes at an address to `target`; nothing where `known` is still the version there.

        A body that was cut off stays beside it as `<target>.part`, and a later call resumes it where the server lets
        it. Raises SourceError.
        """
        ...


class SourceError(Exception):
    """Raised where a file could not be fetched: what was expected, what was found, and what to do about it."""

    def __init__(self, address: str, expected: str, found: str, remedy: str, http_status: int | None = None) -> None:
        """Say all four, and the status where a web server answered with one; what a server sent is made printable."""
        found = make_printable(found)
        super().__init__(f"{make_printable(address)}: expected {expected}; found {found}. {remedy}")
        self.address = address
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.http_status = http_status


class RefusedError(SourceError):
    """Raised where the server refuses (401, 403, or robots.txt): it is not asked again."""


class NotThereError(SourceError):
    """Raised where there is nothing at the address (404, 410, or a page that says so)."""


class NotAFileError(SourceError):
    """Raised where something else than a table or an archive came, such as a web page."""


class UnavailableError(SourceError):
    """Raised where the file could not be had for now, after every retry."""


class UnsafeAddressError(SourceError):
    """Raised where an address, or one it leads to, is not one to ask: its scheme, its host, a private network."""


class TooLargeError(SourceError):
    """Raised where a file is larger than the limit."""
