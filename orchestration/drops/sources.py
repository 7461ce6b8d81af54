"""Sources: what lies in a folder of drops, and what its provenance sidecar says. Opens no container, keeps nothing."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from orchestration.drops.refusals import DropRefused

READABLE_SUFFIXES = frozenset({".csv", ".xlsx", ".zip"})
NOTES_SUFFIXES = frozenset({".md", ".txt", ".json", ".pdf", ".docx", ".html"})
#: What a sidecar may call the origin of its drops. Only the home itself makes drops restricted.
ORIGINS = ("published", "synthetic")
SIDECARS = ("provenance.json", "provenance.csv")
UNKNOWN_LICENCE = "Open Government Licence v3.0"


@dataclass(frozen=True)
class FoundFile:
    """A file offered as a drop, with what its folder says about it."""

    path: Path
    relative_path: str
    origin: str
    made: str = ""
    source: str = ""
    licence: str = UNKNOWN_LICENCE
    declared_sha256: str | None = None


@dataclass
class FolderContents:
    """A folder of drops, sorted: files to keep, files refused before opening, files that are no drops."""

    files: list[FoundFile] = field(default_factory=list)
    refused: list[tuple[str, DropRefused]] = field(default_factory=list)
    left_alone: list[str] = field(default_factory=list)


def _sidecar(folder: Path) -> tuple[str, dict[str, dict[str, str]]]:
    """The folder's declared origin and what its sidecar says of each relative path."""
    as_json, as_csv = (folder / name for name in SIDECARS)
    if as_json.is_file():
        content = json.loads(as_json.read_text(encoding="utf-8-sig"))
        files = {path: dict(record) for path, record in content.get("files", {}).items()}
        return str(content.get("data_origin", "published")), files
    if as_csv.is_file():
        with as_csv.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if "file" not in (rows.fieldnames or []):
                raise ValueError(f"expected a column 'file', found {rows.fieldnames}")
            return "published", {row["file"]: row for row in rows if row["file"]}
    return "published", {}


def _refuse_unknown_origins(origins: set[str]) -> None:
    """Another spelling would release invented figures without a word of it."""
    if unknown := sorted(origins - set(ORIGINS)):
        raise ValueError(f"expected a data_origin of {' or '.join(ORIGINS)}; found {', '.join(map(repr, unknown))}")


def look_into(path: Path) -> FolderContents:
    """List the drops in a folder (or one file), in the order of their paths.

    Hidden files, notes and provenance sidecars are not drops. A file of a kind that is not read (RAR, XLS and so on), a
    link that leads out of the folder and what is no plain file are refused, not skipped.
    Raises FileNotFoundError where there is nothing at `path`, ValueError where the sidecar is unreadable.
    """
    if not path.is_file() and not path.is_dir():
        raise FileNotFoundError(f"expected a folder of drops, or one drop, at {path}; found nothing")
    beside = path.parent if path.is_file() else path
    try:
        origin, records = _sidecar(beside)
        _refuse_unknown_origins({origin, *(record.get("data_origin") or origin for record in records.values())})
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"the provenance sidecar in {beside} cannot be read: {error}") from error
    contents = FolderContents()
    if path.is_file():
        _sort_one(path, beside, origin, records, contents)
        return contents
    for folder, subfolders, names in os.walk(path, followlinks=False):
        subfolders.sort()
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            _sort_one(Path(folder) / name, path, origin, records, contents)
    contents.files.sort(key=lambda found: found.relative_path)
    return contents


def _readable(name: str) -> str:
    r"""A name that can be written down: the bytes in it that are no UTF-8, which Python keeps aside, become `\x96`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _sort_one(
    path: Path, root: Path, origin: str, records: dict[str, dict[str, str]], contents: FolderContents
) -> None:
    relative = path.relative_to(root).as_posix()
    readable = _readable(relative)
    suffix = path.suffix.lower()
    if path.name.startswith(".") or path.name in SIDECARS or suffix in NOTES_SUFFIXES:
        contents.left_alone.append(readable)
        return
    if readable != relative:
        refusal = DropRefused(
            PurePosixPath(readable).name,
            "its name, or that of its folder",
            "a name in UTF-8",
            f"other bytes: {readable}",
            "Rename it, bytes otherwise untouched, and offer it again.",
        )
        contents.refused.append((readable, refusal))
        return
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # which of them, and whether, differs from one Python to the next
        refusal = DropRefused(
            path.name, "the whole file", "a plain file", "a link that leads to itself", "Copy the file in."
        )
        contents.refused.append((relative, refusal))
        return
    if not inside:
        refusal = DropRefused(
            path.name, "the whole file", "a file inside the folder", "a link that leads out of it", "Copy the file in."
        )
        contents.refused.append((relative, refusal))
        return
    if not path.is_file():
        refusal = DropRefused(
            path.name, "the whole file", "a plain file", "a link to nothing, or a device", "Copy the file in."
        )
        contents.refused.append((relative, refusal))
        return
    if suffix not in READABLE_SUFFIXES:
        refusal = DropRefused(
            file=path.name,
            place="the whole file",
            expected=f"one of {', '.join(sorted(READABLE_SUFFIXES))}",
            found=f"a file ending in {suffix or 'nothing'}",
            remedy="Unpack it (RAR) or save it as XLSX or CSV, bytes otherwise untouched, and offer it again.",
        )
        contents.refused.append((relative, refusal))
        return
    record = records.get(relative, {})
    contents.files.append(
        FoundFile(
            path=path,
            relative_path=relative,
            origin=record.get("data_origin") or origin,
            made=record.get("made", ""),
            source=record.get("source", ""),
            licence=record.get("licence", UNKNOWN_LICENCE),
            declared_sha256=record.get("sha256") or None,
        )
    )
