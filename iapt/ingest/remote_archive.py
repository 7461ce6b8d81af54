"""The archive of drops in a store elsewhere, and which archive a home has. Bytes that are read are held in a cache."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from iapt.files import read_json, rename_durably, to_json
from iapt.ingest.archive import PROVENANCE, UNFINISHED, ArchivedDrop, DropArchive
from iapt.sources.object_stores import CONNECTIONS, Store, StoredFile, copy_stored_file
from iapt.sources.remote_files import NotThereError, SourceError, Validators
from iapt.sources.store_addresses import StoreAddress, find_unsafe_part, parse_store_address
from iapt.workspace import Workspace

#: Names where the drops of a home are archived; without it in `drops/` of the home.
ARCHIVE_VARIABLE: Final = "IAPT_ARCHIVE"
#: In the cache: which archive it is of, and the provenance of each drop with the version of it that was read.
LOCATION: Final = "location.txt"
LISTING: Final = "listing.json"
MAX_PROVENANCE_BYTES: Final = 64 << 10  # a provenance takes some 700 bytes
#: What has bytes and no provenance for so long, nobody is writing any more.
ABANDONED_AFTER_SECONDS: Final = 24 * 3600
#: A store that tells times in whole seconds may have changed a file again since; then it is read again.
SETTLED_AFTER_SECONDS: Final = 5
_PROVENANCE: Final = TypeAdapter(ArchivedDrop)


class ArchiveLocationError(OSError):
    """Raised where a home cannot use the archive that the environment names: what was expected and what to do."""


def open_archive(workspace: Workspace) -> DropArchive:
    """Return the archive of a home: where IAPT_ARCHIVE says, else the folder `drops/` in it.

    Raises ArchiveLocationError where a restricted home is to use another than its own folder, where the home's drops
    are in its own folder or in another archive; UnsafeAddressError where the address is malformed.
    """
    location, cache = os.environ.get(ARCHIVE_VARIABLE, "").strip(), workspace.archive_cache
    if location and workspace.is_restricted:
        raise ArchiveLocationError(
            f"{workspace.root}: expected a restricted home that keeps its drops in its own folder; found "
            f"{ARCHIVE_VARIABLE} in the environment. Unset it for this home."
        )
    place = parse_store_address(location) if location else None
    before = _read_location(cache)
    is_remote = place is not None and place.protocol != "file"
    if before and before != (str(place) if is_remote else ""):
        raise ArchiveLocationError(
            f"{workspace.root}: expected {ARCHIVE_VARIABLE} to be {before}, where the drops of this home are archived; "
            f"found {place or 'nothing'}. Set it to that, or take {cache.name}/ out of the home if they have moved."
        )
    if place is None:
        return DropArchive(workspace.drops)
    folder = Path(place.path)
    is_own = not is_remote and folder == workspace.drops.absolute()
    if not is_own and any(workspace.drops.glob(f"[!.]*/{PROVENANCE}")):
        raise ArchiveLocationError(
            f"{workspace.drops}: expected no drops in the home, which are archived in {place}; found some. Copy the "
            f"folders in it to {place} as they are, then take drops/ out of the home."
        )
    if is_remote:
        return _open_remote(place, cache)
    # Other homes may write there too.
    return DropArchive(folder, abandoned_after_seconds=0 if is_own else ABANDONED_AFTER_SECONDS)


@lru_cache(maxsize=8)
def _open_remote(place: StoreAddress, cache: Path) -> RemoteDropArchive:
    """Return the archive of a cache; one for a process, which connects once and lists no more than it must."""
    return RemoteDropArchive(place, cache)


def _read_location(cache: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return (cache / LOCATION).read_text("utf-8").strip()
    return ""


@dataclass(frozen=True)
class _ListedProvenance:
    """A provenance as it was read, and its version in the store; an empty version is read again."""

    drop: ArchivedDrop
    version: Validators


class RemoteDropArchive(DropArchive):
    """Archived drops in a store: `<sha256>/<file>` and `<sha256>/provenance.json`, as in a folder of drops.

    A drop is there when its provenance is, which is written last, after its bytes were read back. What is known of the
    drops is that of the last time they were iterated over.
    """

    def __init__(self, place: StoreAddress, cache: Path, get_time: Callable[[], float] = time.time) -> None:
        """Use the folder at an address, and a local folder for the bytes that are read; both are made when needed."""
        super().__init__(cache, abandoned_after_seconds=ABANDONED_AFTER_SECONDS)
        self.place = place
        self._store = Store(place)
        self._get_time = get_time
        self._known: dict[str, ArchivedDrop] | None = None
        self._abandoned: list[str] = []

    @property
    def location(self) -> str:
        """Where it is, for people."""
        return str(self.place)

    def path_to(self, drop: ArchivedDrop) -> Path:
        """Return where the bytes of an archived drop lie in the cache, after they were fetched and compared.

        Raises SourceError where they are not in the store, or are others than its provenance says.
        """
        path = self.folder / drop.sha256 / drop.file
        if not path.is_file() or path.stat().st_size != drop.bytes:
            self._fetch(drop, path)
        return path

    def __iter__(self) -> Iterator[ArchivedDrop]:
        """Yield every archived drop in the order of archiving. Raises SourceError."""
        known = self._list_drops()
        return iter(sorted(known.values(), key=lambda drop: (drop.sequence, drop.archived_at, drop.sha256)))

    def get(self, sha256: str) -> ArchivedDrop | None:
        """Return the archived drop of these bytes, if there is one. Raises SourceError."""
        known = self._list_drops() if self._known is None else self._known
        return known.get(sha256) or self._read_provenance(sha256)

    def _list_drops(self) -> dict[str, ArchivedDrop]:
        """List the store, read what has a new version, forget what is gone, and note what was left half written."""
        by_sha256: dict[str, list[StoredFile]] = {}
        for file in self._store.list_files():
            if match := re.fullmatch(r"([0-9a-f]{64})/[^/]+", file.name):
                by_sha256.setdefault(match[1], []).append(file)
        every_file = [(sha256, file) for sha256, files in by_sha256.items() for file in files]
        provenances = {sha256: file for sha256, file in every_file if file.name == f"{sha256}/{PROVENANCE}"}
        before = self._read_listing()
        if before and not provenances:
            raise NotThereError(
                str(self.place),
                f"the {len(before):,} drops that were archived there",
                "none of them",
                f"See that the store is the right one, and whole. If all were taken back, take {self.folder} away.",
            )
        unchanged = {
            sha256: listed
            for sha256, listed in before.items()
            if sha256 in provenances and listed.version == provenances[sha256].validators
        }
        with ThreadPoolExecutor(CONNECTIONS) as readers:
            new = [sha256 for sha256 in provenances if sha256 not in unchanged]
            read = dict(zip(new, readers.map(self._read_provenance, new), strict=True))
        listing = unchanged | {
            sha256: _ListedProvenance(drop, self._find_settled_version(provenances[sha256]))
            for sha256, drop in read.items()
            if drop is not None
        }
        if listing != before or not _read_location(self.folder):
            self._write_listing(listing)
        for sha256 in before.keys() - listing.keys():  # taken back: its bytes must not stay here either
            shutil.rmtree(self.folder / sha256, ignore_errors=True)
        now = self._get_time()
        self._abandoned = [
            file.name
            for sha256, file in every_file
            if (sha256 not in provenances or file.name.partition("/")[2].startswith("."))
            and file.modified is not None
            and now - file.modified.timestamp() > ABANDONED_AFTER_SECONDS
        ]
        self._known = {sha256: listed.drop for sha256, listed in listing.items()}
        return self._known

    def _find_settled_version(self, file: StoredFile) -> Validators:
        """Return the version of a provenance; an empty one where it may change again and still look the same."""
        age = self._get_time() - file.modified.timestamp() if file.modified is not None else 0
        return file.validators if self.place.protocol != "sftp" or age > SETTLED_AFTER_SECONDS else Validators()

    def _read_provenance(self, sha256: str) -> ArchivedDrop | None:
        """Read the provenance of a drop in the store; None where there is none. Raises SourceError."""
        name = f"{sha256}/{PROVENANCE}"
        try:
            content = self._store.read_bytes(name, MAX_PROVENANCE_BYTES)
        except NotThereError:
            return None
        try:
            return _parse_provenance(sha256, json.loads(content))
        except (ValueError, TypeError) as error:
            found = str(error).partition("\n")[0] if not isinstance(error, ValidationError) else "other keys or values"
            raise SourceError(
                str(self.place.join(name)),
                "the provenance of an archived drop",
                found,
                "Mend it, or take the folder of the drop out of the archive.",
            ) from None

    def _write(self, path: Path, drop: ArchivedDrop) -> ArchivedDrop | None:
        """Write the bytes, read them back, then write the provenance.

        Return None; where somebody else has archived the same bytes meanwhile, their drop, and nothing is written.
        """
        for name in self._abandoned:
            self._store.remove(name)
        self._abandoned = []
        self._require_location()
        with self._filling_cache(drop, self.folder / drop.sha256 / drop.file) as temp_path:
            self._copy(path, temp_path, drop)
        self._upload(drop)
        if existing := self._read_provenance(drop.sha256):
            if existing.file != drop.file:
                self._remove(drop)
            return existing
        self._write_provenance(drop)
        return None

    def _replace(self, drop: ArchivedDrop, renamed: ArchivedDrop) -> None:
        if renamed.file != drop.file:
            path = self.path_to(drop)
            with self._filling_cache(renamed, self.folder / renamed.sha256 / renamed.file) as temp_path:
                self._copy(path, temp_path, renamed)
            self._upload(renamed)
        self._write_provenance(renamed)
        if renamed.file != drop.file:
            self._remove(drop)

    def _remove(self, drop: ArchivedDrop) -> None:
        """Remove the bytes of a drop under a name that it does not have."""
        self._store.remove(f"{drop.sha256}/{drop.file}")
        (self.folder / drop.sha256 / drop.file).unlink(missing_ok=True)

    def _upload(self, drop: ArchivedDrop) -> None:
        """Write the bytes of a drop from the cache, and compare what the store gives back."""
        name = f"{drop.sha256}/{drop.file}"
        self._store.upload(self.folder / drop.sha256 / drop.file, name)
        sha256 = self._store.compute_sha256(name, drop.bytes)
        if sha256 != drop.sha256:
            self._store.remove(name)
            raise SourceError(
                str(self.place.join(name)),
                f"the bytes that were written, sha256 {drop.sha256}",
                f"sha256 {sha256} when they were read back",
                "Look at the store; nothing was archived. Then run the refresh again.",
            )

    def _write_provenance(self, drop: ArchivedDrop) -> None:
        self._store.write_bytes(to_json(drop.to_record()).encode(), f"{drop.sha256}/{PROVENANCE}")
        if self._known is not None:
            self._known[drop.sha256] = drop

    def _fetch(self, drop: ArchivedDrop, path: Path) -> None:
        name = f"{drop.sha256}/{drop.file}"
        file = self._store.find(name)
        if file is None:
            raise NotThereError(
                str(self.place.join(name)),
                "the bytes of an archived drop",
                "its provenance alone",
                "Put the file back, or take the folder of the drop out of the archive.",
            )
        with self._filling_cache(drop, path) as temp_path:
            sha256 = copy_stored_file(self._store, file, temp_path, max(drop.bytes, file.bytes))
            if sha256 != drop.sha256:
                raise SourceError(
                    str(self.place.join(name)),
                    f"the bytes of its provenance, sha256 {drop.sha256}",
                    f"sha256 {sha256}",
                    "The archive was damaged: put the right file back, from a copy of the archive or the publisher.",
                )
            temp_path.chmod(0o444)

    @contextlib.contextmanager
    def _filling_cache(self, drop: ArchivedDrop, path: Path) -> Generator[Path]:
        """Yield a path to write the bytes of a drop to; they take their place in the cache when all are there."""
        (self.folder / drop.sha256).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.folder) as temp_folder:
            yield Path(temp_folder) / drop.file
            rename_durably(Path(temp_folder) / drop.file, path)

    def _require_location(self) -> None:
        """Write down of which archive this is the cache, before anything is archived there."""
        if not _read_location(self.folder):
            self._write_listing(self._read_listing())

    def _read_listing(self) -> dict[str, _ListedProvenance]:
        """Return what was read of each provenance before; nothing where that is malformed, and all is read again."""
        try:
            listing: Mapping[str, Any] = read_json(self.folder / LISTING)
            return {
                sha256: _ListedProvenance(
                    _parse_provenance(sha256, record["provenance"]), Validators(**record["version"])
                )
                for sha256, record in listing.items()
            }
        except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    def _write_listing(self, listing: Mapping[str, _ListedProvenance]) -> None:
        records = {
            sha256: {"version": asdict(listed.version), "provenance": listed.drop.to_record()}
            for sha256, listed in sorted(listing.items())
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.folder) as temp_folder:
            for name, content in ((LISTING, to_json(records)), (LOCATION, f"{self.place}\n")):
                (Path(temp_folder) / name).write_text(content, "utf-8")
                rename_durably(Path(temp_folder) / name, self.folder / name)


def _parse_provenance(sha256: str, record: object) -> ArchivedDrop:
    """Return the drop of a provenance that others may have written.

    Raises ValueError or TypeError where it is not that of these bytes, or where its file name leads elsewhere.
    """
    if not isinstance(record, dict):
        raise TypeError("no JSON object")
    drop = _PROVENANCE.validate_json(json.dumps(asdict(ArchivedDrop.from_record(record))), strict=True)
    if drop.sha256 != sha256:
        raise ValueError(f"that of other bytes, sha256 {drop.sha256}")
    if "/" in drop.file or drop.file in {"", PROVENANCE} or find_unsafe_part(drop.file):
        raise ValueError("a file name that leads elsewhere")
    return drop
