"""The archive of drops: bytes stored by their sha256, each beside its provenance. Nothing here reads their contents."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from iapt.catalogue.limits import Limits
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.files import compute_sha256, flush, read_json, rename_durably, to_json, write_json_atomically
from iapt.rejection import DropRejectedError
from iapt.sources.folder import OfferedFile, describe_os_error

PROVENANCE = "provenance.json"
#: Keys of a provenance.json that an earlier version of the pipeline wrote.
_KEYS_BEFORE = {"got_from": "source_path", "kept_at": "archived_at"}
UNFINISHED = ".archiving-"
#: How many files are hashed, copied and flushed at the same time: two cores, and two that wait for the disk.
_COPIERS: Final = 4
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@dataclass(frozen=True)
class ArchivedDrop:
    """A drop in the archive.

    `sequence` counts the drops in the order of archiving; those of one refresh share a `batch`. `source_path` is the
    path inside the drop folder, `archived_at` a time in ISO form. `publication` is the id of the listed publication
    that it was got as, and `address` where; both are empty for a file of a folder. The status and revision of a listed
    publication are those of the list, of any other file those that its name shows.
    """

    sha256: str
    file: str
    bytes: int
    origin: str
    made: str
    source: str
    licence: str
    status: str
    revision: int
    sequence: int
    batch: int
    source_path: str
    archived_at: str
    publication: str = ""
    address: str = ""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ArchivedDrop:
        """Return the drop of a provenance record, of this version or of the one that used other keys."""
        return cls(**{_KEYS_BEFORE.get(key, key): value for key, value in record.items()})

    def to_record(self) -> dict[str, object]:
        """Return the provenance as plain data, with the keys of `provenance.json`."""
        return asdict(self)


@dataclass(frozen=True)
class ArchiveStamp:
    """What a drop gets on archiving: its sequence number, that of the first drop of its refresh, and the time."""

    sequence: int
    batch: int
    archived_at: str


@dataclass(frozen=True)
class _Copy:
    """What was done ahead with a file: its SHA-256 and, of new bytes, the copy and the SHA-256 of the copy."""

    sha256: str
    path: Path | None = None
    sha256_of_copy: str = ""


class DropArchive:
    """A folder of archived drops. The same bytes twice is a no-op; other bytes are a drop beside the old one."""

    def __init__(self, folder: Path, *, abandoned_after_seconds: float = 0) -> None:
        """Use a folder, made when the first drop is archived.

        `abandoned_after_seconds` is how old something half written is when nobody can still be writing it: 0 where the
        lock of the workspace keeps every other writer out.
        """
        self.folder = folder
        self._abandoned_after_seconds = abandoned_after_seconds
        self._copies: dict[Path, Future[_Copy]] = {}

    @property
    def location(self) -> str:
        """Where it is, for people: a path, or the address of a store."""
        return str(self.folder)

    def path_to(self, drop: ArchivedDrop) -> Path:
        """Return where the bytes of an archived drop lie."""
        return self.folder / drop.sha256 / drop.file

    def __iter__(self) -> Iterator[ArchivedDrop]:
        """Yield every archived drop in the order of archiving."""
        drops = [ArchivedDrop.from_record(read_json(path)) for path in self.folder.glob(f"[!.]*/{PROVENANCE}")]
        return iter(sorted(drops, key=lambda drop: (drop.sequence, drop.archived_at, drop.sha256)))

    def get(self, sha256: str) -> ArchivedDrop | None:
        """Return the archived drop of these bytes, if there is one."""
        path = self.folder / sha256 / PROVENANCE
        return ArchivedDrop.from_record(read_json(path)) if path.is_file() else None

    def next_sequence(self) -> int:
        """Return the sequence number of the next archived drop."""
        return max((drop.sequence for drop in self), default=0) + 1

    @contextlib.contextmanager
    def copying_ahead(
        self, paths: Sequence[Path], compute_digest: Callable[[Path], str], never: Collection[str] = ()
    ) -> Generator[Callable[[Path], str]]:
        """Hash files, and copy and flush those of new bytes, a few at a time, while they are archived one by one.

        Yield what returns the SHA-256 of a file, for `archive`; of one that is not in `paths`, `compute_digest` tells
        it. `never` are the SHA-256 of bytes that are not copied. Copies that nobody asked for are removed at the end.
        """
        if not paths:
            yield compute_digest
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.folder) as temp_folder,
            ThreadPoolExecutor(_COPIERS) as copiers,
        ):

            def copy(path: Path, target: Path) -> _Copy:
                sha256 = compute_digest(path)
                if sha256 in never or self.get(sha256) is not None:
                    return _Copy(sha256)
                shutil.copyfile(path, target)
                flush(target)
                return _Copy(sha256, target, compute_sha256(target))

            self._copies = {
                path: copiers.submit(copy, path, Path(temp_folder) / str(number)) for number, path in enumerate(paths)
            }
            try:
                yield lambda path: self._copies[path].result().sha256 if path in self._copies else compute_digest(path)
            finally:
                self._copies = {}
                copiers.shutdown(cancel_futures=True)

    def archive(
        self,
        found: OfferedFile,
        stamp: ArchiveStamp,
        *,
        precedence: Precedence,
        limits: Limits,
        withdrawn: Sequence[WithdrawnFile],
        compute_digest: Callable[[Path], str] = compute_sha256,
    ) -> tuple[ArchivedDrop, bool]:
        """Archive the bytes of a file; return the drop and whether it is new.

        `compute_digest` returns the SHA-256 of the file. A copy of new bytes is hashed itself, and must have it.
        Raises DropRejectedError where the file cannot be read or is larger than the limit, where its bytes are not
        those its sidecar declares, where the publisher has withdrawn them, and where they were archived before under
        another origin.
        """
        with _rejecting_unreadable(found.path):
            size = found.path.stat().st_size
        if size > limits.max_file_bytes:
            raise DropRejectedError(
                found.path.name,
                "the whole file",
                f"at most {limits.max_file_bytes:,} bytes",
                f"{size:,} bytes",
                "Look at the file; if it is genuine, raise max_file_bytes in catalogue/limits.yml.",
            )
        with _rejecting_unreadable(found.path):
            sha256 = compute_digest(found.path)
        if entry := next((entry for entry in withdrawn if entry.sha256 == sha256), None):
            raise DropRejectedError(
                found.path.name,
                "the whole file",
                "a file that the publisher has not withdrawn",
                f"bytes that catalogue/withdrawn.yml lists: {entry.reason} ({entry.source})",
                "Take it out of the folder. If it is archived already, docs/operations.md says how to remove it.",
            )
        if found.declared_sha256 and found.declared_sha256.lower() != sha256:
            raise DropRejectedError(
                found.path.name,
                "the whole file",
                f"the bytes its provenance declares, sha256 {found.declared_sha256}",
                f"sha256 {sha256}",
                "Get the file again, or mend the provenance sidecar if the file is right.",
            )
        existing = self.get(sha256)
        if existing is None:
            drop = _describe_drop(found, sha256, size, precedence, stamp)
            existing = self._write(found.path, drop)
            if existing is None:
                return drop, True
        if existing.origin != found.origin:
            raise DropRejectedError(
                found.path.name,
                "its provenance",
                f"{existing.origin} bytes, as which they were archived before",
                f"a drop whose origin is {found.origin}",
                "Offer it in a home of its own, or mend the provenance sidecar.",
            )
        return existing, False

    def remove_unfinished(self) -> None:
        """Remove what a run that was killed left half written. Only while the workspace is locked."""
        for folder in self.folder.glob(f"{UNFINISHED}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime >= self._abandoned_after_seconds:
                    shutil.rmtree(folder, ignore_errors=True)

    def rename(
        self, drop: ArchivedDrop, found: OfferedFile, stamp: ArchiveStamp, *, precedence: Precedence
    ) -> ArchivedDrop:
        """Archive the bytes of a drop under another name, offered later; return the drop as it is known from now on.

        Only for a drop that could not be used under the name it had. A crash leaves it under one name or the other.
        """
        renamed = _describe_drop(found, drop.sha256, drop.bytes, precedence, stamp)
        self._replace(drop, renamed)
        return renamed

    def _replace(self, drop: ArchivedDrop, renamed: ArchivedDrop) -> None:
        """Put another name and provenance in the place of those of a drop."""
        if renamed.file != drop.file:
            shutil.copyfile(self.path_to(drop), self.path_to(renamed))
            self.path_to(renamed).chmod(0o444)
            flush(self.path_to(renamed))
        write_json_atomically(self.folder / drop.sha256 / PROVENANCE, renamed.to_record())
        if renamed.file != drop.file:
            self.path_to(drop).unlink()

    def _write(self, path: Path, drop: ArchivedDrop) -> ArchivedDrop | None:
        """Write bytes and provenance into a temporary folder, then move it into place by one rename.

        Return None; where somebody else has archived the same bytes meanwhile, their drop, and nothing is written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        temp_folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.folder))
        try:
            self._copy(path, temp_folder / drop.file, drop)
            (temp_folder / PROVENANCE).write_text(to_json(drop.to_record()), encoding="utf-8")
            temp_folder.chmod(0o755)
            rename_durably(temp_folder, self.folder / drop.sha256)
        except BaseException as error:
            shutil.rmtree(temp_folder, ignore_errors=True)
            is_there = isinstance(error, OSError) and error.errno in {errno.ENOTEMPTY, errno.EEXIST}
            if is_there and (existing := self.get(drop.sha256)):
                return existing
            raise
        return None

    def _copy(self, path: Path, target: Path, drop: ArchivedDrop) -> None:
        """Copy the bytes of a drop, which nobody may write to from then on; or take the copy that was made ahead."""
        with _rejecting_unreadable(path):
            ahead = self._copies[path].result() if path in self._copies else None
            if ahead is None or ahead.path is None:
                shutil.copyfile(path, target)
                sha256 = compute_sha256(target)
            else:
                ahead.path.replace(target)
                sha256 = ahead.sha256_of_copy
        if sha256 != drop.sha256 or target.stat().st_size != drop.bytes:
            raise OSError(f"{path.name} changed while it was being archived; run the refresh again")
        target.chmod(0o444)


def _describe_drop(
    found: OfferedFile, sha256: str, size: int, precedence: Precedence, stamp: ArchiveStamp
) -> ArchivedDrop:
    return ArchivedDrop(
        sha256=sha256,
        file=found.path.name,
        bytes=size,
        origin=found.origin,
        made=found.made,
        source=found.source,
        licence=found.licence,
        status=found.status or precedence.infer_status(found.path.name),
        revision=found.revision or precedence.infer_revision(found.path.name),
        sequence=stamp.sequence,
        batch=stamp.batch,
        source_path=found.relative_path,
        archived_at=stamp.archived_at,
        publication=found.publication,
        address=found.address,
    )


@contextlib.contextmanager
def _rejecting_unreadable(path: Path) -> Generator[None]:
    """Reject a drop that the system does not let be read. An error about any other file is the machine's, not its own.

    Python lays an error in the middle of a copy on the file that is read, a full disk too; some have no name at all.
    """
    try:
        yield
    except OSError as error:
        named = None if error.filename is None else os.fsdecode(error.filename)
        is_of_this_file = named == str(path) or (named is None and error.errno in {errno.EIO, errno.ESTALE})
        if not is_of_this_file or error.errno in _NO_SPACE:
            raise
        raise DropRejectedError(
            path.name,
            "the whole file",
            "a file that can be read",
            describe_os_error(error),
            "Let the user who runs the refresh read it, or get the file again.",
        ) from error
