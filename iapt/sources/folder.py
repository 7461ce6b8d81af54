"""Drop folders: which of their files are drops, and what provenance sidecars say of them. No container is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import READ_AS, describe_suffix_remedy, recognise_format
from iapt.sources.sidecars import (
    SIDECARS,
    UNKNOWN_LICENCE,
    MalformedSidecarError,
    Sidecar,
    SidecarRecord,
    read_sidecar,
)

READABLE_SUFFIXES: Final = frozenset(READ_AS)
#: Of files that stand beside figures and hold none.
NOTES_SUFFIXES: Final = frozenset(
    {
        *(".md", ".txt", ".json", ".pdf", ".html", ".htm", ".rtf", ".log", ".url", ".lnk", ".webloc"),
        *(".doc", ".docx", ".odt", ".ppt", ".pptx", ".odp", ".eml", ".msg"),
        *(".png", ".jpg", ".jpeg", ".gif", ".svg", ".bmp", ".tif", ".tiff", ".webp"),
    }
)
_SYSTEM_FILES: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_SYSTEM_FOLDERS: Final = frozenset({"__macosx", "$recycle.bin", "system volume information", "lost+found", "@eadir"})


@dataclass(frozen=True)
class OfferedFile:
    """A file offered as a drop, with what its folder says about it.

    What was got as a listed publication has its id and address, and the status and revision that the list gives it.
    """

    path: Path
    relative_path: str
    origin: str
    made: str = ""
    source: str = ""
    licence: str = UNKNOWN_LICENCE
    declared_sha256: str | None = None
    publication: str = ""
    address: str = ""
    status: str | None = None
    revision: int | None = None


@dataclass
class DiscoveredFiles:
    """The files of a folder: those to archive, those rejected before they are opened, and those that are no drops.

    `rejected` pairs a path inside the folder with the reason; `ignored` are such paths.
    """

    files: list[OfferedFile] = field(default_factory=list)
    rejected: list[tuple[str, DropRejectedError]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def is_system_file(path: PurePosixPath) -> bool:
    """Whether a program left this file beside the drops: a hidden file, a cache, or a lock of an office program.

    `~$report.xlsx` is Excel's note of who has `report.xlsx` open.
    """
    name = path.name.casefold()
    return name.startswith((".", "~$")) or name in _SYSTEM_FILES or any(map(_is_system_folder, path.parts[:-1]))


def _is_system_folder(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _SYSTEM_FOLDERS


def describe_os_error(error: OSError) -> str:
    """Return what the system said, without its number and the path, which the reader of a message knows."""
    return error.strerror or str(error)


def discover_files(path: Path) -> DiscoveredFiles:
    """List the drops in a folder (or one file), in the order of their paths.

    Hidden files, locks, notes and provenance sidecars are not drops. A file of a kind that is not read (7z, XLSB and so
    on), a link that leads out of the folder, what is no plain file and what cannot be read are rejected, not skipped. A
    sidecar applies to its folder and to those below it that have none; the drops of a malformed one are not used.
    Raises FileNotFoundError where there is nothing at `path`.
    """
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"expected a folder of drops, or one drop, at {path}; found nothing")
    root = path.parent if path.is_file() else path
    contents, sidecars = DiscoveredFiles(), _Sidecars(root)
    if path.is_file():
        _classify_file(path, root, sidecars, contents)
    else:
        _classify_folder(root, sidecars, contents)
    contents.rejected += sidecars.rejections()
    contents.files.sort(key=lambda found: found.relative_path)
    return contents


def _classify_folder(root: Path, sidecars: _Sidecars, contents: DiscoveredFiles) -> None:
    def reject_folder(error: OSError) -> None:
        folder = Path(os.fsdecode(error.filename or root))
        if folder == root:
            raise error
        relative = _make_readable(folder.relative_to(root).as_posix())
        rejection = DropRejectedError(
            folder.name,
            "the whole folder",
            "a folder that can be listed",
            describe_os_error(error),
            "Let the user who runs the refresh read it, or take it out of the drop folder.",
        )
        contents.rejected.append((relative, rejection))

    for folder, subfolders, names in os.walk(root, onerror=reject_folder, followlinks=False):
        subfolders.sort()
        subfolders[:] = [name for name in subfolders if not _is_system_folder(name)]
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            _classify_file(Path(folder) / name, root, sidecars, contents)


class _Sidecars:
    """The sidecar that applies to each folder: its own, else that of the nearest folder above it, up to a root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_folder: dict[Path, tuple[Path, Sidecar | None]] = {}
        self._malformed: dict[Path, tuple[str, MalformedSidecarError, list[str]]] = {}

    def find_record(self, path: Path) -> tuple[str, SidecarRecord] | None:
        """Return the origin of a file and what is said of it; None where its sidecar is malformed, which is remembered.

        Raises MalformedSidecarError where its record of this file alone is malformed.
        """
        folder, sidecar = self._find_for(path.parent)
        if sidecar is None:
            self._malformed[folder][2].append(path.name)
            return None
        record = sidecar.find_record(path.relative_to(folder).as_posix())
        return record.data_origin or sidecar.origin, record

    def rejections(self) -> list[tuple[str, DropRejectedError]]:
        """Return one rejection for each malformed sidecar, however many files it is about."""
        rejections = []
        for folder, (name, error, files) in self._malformed.items():
            relative = (folder / name).relative_to(self.root).as_posix()
            about = f"the {len(files):,} files" if len(files) > 1 else ", ".join(files) or "the files"
            are = "are" if len(files) > 1 or not files else "is"
            remedy = f"Mend the sidecar: {about} that it is about {are} not used until then."
            rejection = DropRejectedError(name, "the whole file", error.expected, error.found, remedy)
            rejections.append((_make_readable(relative), rejection))
        return rejections

    def _find_for(self, folder: Path) -> tuple[Path, Sidecar | None]:
        if folder not in self._by_folder:
            own = self._read(folder)
            if own is None:
                own = (folder, Sidecar()) if folder == self.root else self._find_for(folder.parent)
            self._by_folder[folder] = own
        return self._by_folder[folder]

    def _read(self, folder: Path) -> tuple[Path, Sidecar | None] | None:
        for name in SIDECARS:
            try:
                if (folder / name).is_file():
                    return folder, read_sidecar(folder / name)
            except MalformedSidecarError as error:
                self._malformed[folder] = (name, error, [])
                return folder, None
            except OSError as error:
                problem = MalformedSidecarError("a file that can be read", describe_os_error(error))
                self._malformed[folder] = (name, problem, [])
                return folder, None
        return None


def _make_readable(name: str) -> str:
    r"""Return a name that can be written down: bytes in it that are no UTF-8 become `\x96`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _classify_file(path: Path, root: Path, sidecars: _Sidecars, contents: DiscoveredFiles) -> None:
    relative = path.relative_to(root).as_posix()
    readable = _make_readable(relative)
    if is_system_file(PurePosixPath(relative)) or path.name in SIDECARS or path.suffix.lower() in NOTES_SUFFIXES:
        contents.ignored.append(readable)
        return
    try:
        _reject_unreadable(path, root, PurePosixPath(readable).name if readable != relative else "")
        sidecar_record = sidecars.find_record(path)
    except DropRejectedError as rejection:
        contents.rejected.append((readable, rejection))
        return
    except MalformedSidecarError as error:
        rejection = DropRejectedError(
            path.name, "its provenance", error.expected, error.found, "Mend what the sidecar says of it."
        )
        contents.rejected.append((relative, rejection))
        return
    if sidecar_record is None:
        return
    origin, record = sidecar_record
    contents.files.append(
        OfferedFile(
            path=path,
            relative_path=relative,
            origin=origin,
            made=record.made,
            source=record.source,
            licence=record.licence,
            declared_sha256=record.sha256,
        )
    )


def _reject_unreadable(path: Path, root: Path, other_bytes: str) -> None:
    """Raise DropRejectedError where a file cannot be a drop, whatever is in it. `other_bytes`: a name not in UTF-8."""
    if other_bytes:
        raise DropRejectedError(
            other_bytes,
            "its name, or that of its folder",
            "a name in UTF-8",
            f"other bytes: {_make_readable(path.relative_to(root).as_posix())}",
            "Rename it, bytes otherwise untouched, and offer it again.",
        )
    whole, remedy = "the whole file", "Copy the file in."
    try:
        inside, is_file = path.resolve().is_relative_to(root.resolve()), path.is_file()
    except PermissionError as error:
        raise DropRejectedError(
            path.name, whole, "a file that can be read", describe_os_error(error), remedy
        ) from error
    except (OSError, RuntimeError) as error:  # which of them, and whether, differs from one Python to the next
        raise DropRejectedError(path.name, whole, "a plain file", "a link that leads to itself", remedy) from error
    if not inside:
        raise DropRejectedError(path.name, whole, "a file inside the folder", "a link that leads out of it", remedy)
    if not is_file:
        raise DropRejectedError(path.name, whole, "a plain file", "a link to nothing, or a device", remedy)
    if path.suffix.lower() not in READABLE_SUFFIXES:
        raise _make_kind_rejection(path)


def _make_kind_rejection(path: Path) -> DropRejectedError:
    """Return the rejection of a file whose name says that it is not read: what it is, and what to do about it."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as stream:
            found = recognise_format(stream)
    except OSError as error:
        remedy = "Let the user who runs the refresh read it, or get the file again."
        return DropRejectedError(
            path.name, "the whole file", "a file that can be read", describe_os_error(error), remedy
        )
    is_known = found.name not in {"binary", "nuls", "text"}
    return DropRejectedError(
        path.name,
        "the whole file",
        f"one of {', '.join(sorted(READABLE_SUFFIXES))}",
        f"a file ending in {suffix or 'nothing'}" + (f", {found.description}" if is_known else ""),
        found.remedy if is_known and suffix != ".tgz" else describe_suffix_remedy(suffix),
    )
