"""Drop folders elsewhere: a local copy of one, kept up to date, for the reader of folders. No drop is opened here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import TypeAdapter, ValidationError

from iapt.files import write_json_atomically
from iapt.rejection import DropRejectedError
from iapt.run_warnings import make_printable
from iapt.sources.folder import NOTES_SUFFIXES, is_system_file
from iapt.sources.object_stores import (
    MAX_FILES,
    MAX_FOLDER_BYTES,
    Store,
    StoredFile,
    check_folder_size,
    copy_stored_file,
)
from iapt.sources.remote_files import NotThereError, ReportBytes, Validators
from iapt.sources.sidecars import SIDECARS
from iapt.sources.store_addresses import find_unsafe_part, parse_store_address

#: In the copy: which version of each file it holds. Hidden, so that it is not taken for a drop.
_VERSIONS: Final = ".versions.json"


@dataclass
class CopiedFolder:
    """What came of copying a drop folder. `path` is the copy, or the one file in it that the address named.

    `copied`, `unchanged` and `removed` are names below the folder; `rejected` pairs such a name with the reason.
    """

    path: Path
    copied: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rejected: list[tuple[str, DropRejectedError]] = field(default_factory=list)

    @property
    def has_changed(self) -> bool:
        """Whether the copy is another than it was."""
        return bool(self.copied or self.removed)

    def describe_changes(self) -> str:
        """Return how many files were copied, were there already and were removed."""
        return f"{len(self.copied):,} files copied, {len(self.unchanged):,} unchanged, {len(self.removed):,} removed"


def find_copy_folder(address: str, into: Path) -> Path:
    """Return where the copy of a drop folder lies, of all the copies in a folder."""
    return into / hashlib.sha256(str(parse_store_address(address)).encode()).hexdigest()[:16]


def copy_drop_folder(
    address: str, into: Path, *, max_file_bytes: int, report: ReportBytes | None = None
) -> CopiedFolder:
    """Make the copy of a drop folder what the folder is now: what changed is fetched, what is gone is removed.

    `into` is where copies of drop folders lie; each address has a folder of its own there. A file whose name leads
    elsewhere, and one larger than the limit, is rejected and not copied; notes and hidden files are left. `report` is
    told the bytes of all files that have been copied so far, and of all that are to be.
    Raises SourceError where the folder cannot be listed or a file not be read.
    """
    place = parse_store_address(address)
    store, named = Store(place), ""
    if file := store.find(""):
        place, named = file.folder.split()
        store = Store(place)
    folder = find_copy_folder(address, into)
    listed = [each for each in store.list_files() if not named or each.name in {named, *SIDECARS}]
    if not listed and not store.is_folder():
        raise NotThereError(str(place), "a folder of drops", "nothing there", "Check the address, letter by letter.")
    check_folder_size(store.root, listed, MAX_FILES, MAX_FOLDER_BYTES)
    folder.mkdir(parents=True, exist_ok=True)
    result = CopiedFolder(folder / named if named else folder)
    wanted = {each.name: each for each in _select_drops(listed, max_file_bytes, result)}
    result.removed = _remove_all_but(folder, wanted.keys())
    versions = {name: held for name, held in _read_versions(folder).items() if (folder / name).is_file()}
    changed = [each for each in wanted.values() if versions.get(each.name) != each.validators]
    result.unchanged = [name for name, each in wanted.items() if each not in changed]
    done, total = 0, sum(each.bytes for each in changed)
    try:
        for each in changed:
            versions.pop(each.name, None)
            target = folder / each.name
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_stored_file(store, each, target, max_file_bytes)
            result.copied.append(each.name)
            versions[each.name] = each.validators
            done += each.bytes
            if report is not None:
                report(done, total)
    finally:
        write_json_atomically(folder / _VERSIONS, {name: asdict(held) for name, held in sorted(versions.items())})
    return result


def _select_drops(listed: Sequence[StoredFile], max_file_bytes: int, result: CopiedFolder) -> Iterator[StoredFile]:
    """Yield the files to copy; add those that are rejected to the result."""
    folders = {parent.as_posix() for each in listed for parent in PurePosixPath(each.name).parents}
    for each in listed:
        unsafe = find_unsafe_part(each.name)
        name = make_printable(each.name)
        if unsafe:
            remedy = "Rename it at its source, bytes untouched."
            rejection = DropRejectedError(name, "its name", "a plain name below the folder", f"{unsafe} in it", remedy)
            result.rejected.append((name, rejection))
        elif _is_no_drop(PurePosixPath(each.name)):
            continue
        elif each.name in folders:
            remedy = "Rename the file, or the folder."
            rejection = DropRejectedError(name, "its name", "a name of its own", "a folder of the same name", remedy)
            result.rejected.append((name, rejection))
        elif each.bytes > max_file_bytes:
            rejection = DropRejectedError(
                name,
                "the whole file",
                f"at most {max_file_bytes:,} bytes",
                f"{each.bytes:,} bytes",
                "Look at the file; if it is genuine, raise max_file_bytes in catalogue/limits.yml.",
            )
            result.rejected.append((name, rejection))
        else:
            yield each


def _is_no_drop(path: PurePosixPath) -> bool:
    is_note = path.suffix.lower() in NOTES_SUFFIXES and path.name not in SIDECARS
    return is_note or is_system_file(path)


def _remove_all_but(folder: Path, wanted: Collection[str]) -> list[str]:
    """Remove what is in a copy and no longer in the folder it is of; return the names."""
    removed = []
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif name not in wanted and name != _VERSIONS:
            path.unlink()
            removed.append(name)
    return removed


def _read_versions(folder: Path) -> dict[str, Validators]:
    """Return which versions a copy says that it holds; nothing where that cannot be read, and all is fetched again."""
    try:
        return TypeAdapter(dict[str, Validators]).validate_json((folder / _VERSIONS).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}
