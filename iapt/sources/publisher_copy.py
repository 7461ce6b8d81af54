"""A copy of the publisher's files in a folder or an object store: each is found there by its name."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from iapt.sources.object_stores import StoredFile, StoreSource, list_files
from iapt.sources.remote_files import (
    FetchedFile,
    NotThereError,
    RefusedError,
    ReportBytes,
    SourceError,
    Validators,
)


class PublisherCopy:
    """A source that has the publisher's files under their own names, or under the whole paths of their addresses."""

    def __init__(self, folder: str, max_file_bytes: int) -> None:
        """Take the files from a folder: a path, or an address of a store. It is listed when it is first asked."""
        self.folder = folder
        self._store = StoreSource(max_file_bytes)

    @cached_property
    def _files(self) -> dict[str, list[StoredFile]]:
        files: dict[str, list[StoredFile]] = defaultdict(list)
        for stored in list_files(self.folder):
            files[unquote(stored.name.rsplit("/", 1)[-1]).casefold()].append(stored)
        return files

    def list_files(self) -> int:
        """List the copy, and return how many names it has. Raises SourceError."""
        return len(self._files)

    def fetch(
        self, address: str, target: Path, known: Validators | None = None, report: ReportBytes | None = None
    ) -> FetchedFile:
        """Write the copy of the file at an address of the publisher's to `target`, as `Source.fetch` says.

        Raises NotThereError where there is no file of its name, SourceError where there are several and none at the
        path that the address has.
        """
        path = unquote(urlsplit(address).path).lstrip("/")
        name = path.rsplit("/", 1)[-1]
        found = self._files.get(name.casefold(), [])
        if len(found) > 1:
            found = [stored for stored in found if unquote(stored.name).endswith(path)]
            if len(found) != 1:
                raise SourceError(
                    address,
                    f"one file named {name} below {self.folder}",
                    "several",
                    f"Keep the one, or put each into the folders of its address, as in {path}.",
                )
        if not found:
            raise NotThereError(
                address,
                f"a file named {name} below {self.folder}",
                "none",
                "Get it from the publisher's page and put it there under its own name.",
            )
        try:
            return self._store.fetch(str(found[0].address), target, known, report)
        except RefusedError as error:  # by the store, not by the publisher
            raise SourceError(error.address, error.expected, error.found, error.remedy) from error
