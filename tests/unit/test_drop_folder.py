"""Drop folders: which files are drops, which are ignored, and which are rejected before they are opened."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iapt.sources.folder import discover_files
from tests.factories import drops
from tests.factories.drop_home import (
    APRIL,
    MAY,
    DropHome,
    read_reasons,
)


@pytest.fixture
def home(tmp_path: Path) -> DropHome:
    return DropHome(tmp_path)


def test_notes_sidecars_and_hidden_files_are_ignored_and_listed(home: DropHome) -> None:
    names = ["README.md", "notes.TXT", "page.html", "report.pdf", "letter.docx", "map.PNG", ".DS_Store", ".april.csv"]
    names += ["._april.csv", "Thumbs.db", "desktop.ini", "~$april.xlsx", "~$notes.docx", ".~lock.april.csv#"]
    for name in names:
        (home.folder / name).write_bytes(b"nothing to read")
    for folder in ("__MACOSX", "$RECYCLE.BIN", "System Volume Information"):
        (home.folder / folder).mkdir()
        (home.folder / folder / "april.csv").write_bytes(APRIL)
    (home.folder / ".git").mkdir()
    (home.folder / ".git" / "april.csv").write_bytes(APRIL)
    result = home.ingest_folder()
    assert (result.offered, result.rejected) == ([], [])
    assert sorted(result.ignored) == sorted(names)


@pytest.mark.parametrize("name", ["pack.7z", "old.xlt", "book.xlsb", "figures.ods", "figures", "april.csv.bz2"])
def test_a_kind_of_file_that_is_not_read_is_rejected_not_skipped(name: str, home: DropHome) -> None:
    (home.folder / name).write_bytes(APRIL)
    rejection = read_reasons(home.offer(may__csv=MAY).ingest_folder())[name]
    assert "expected one of .csv, .gz, .rar, .xls, .xlsx, .zip" in rejection
    assert [drop.file for drop in home.drops] == ["may.csv"]


@pytest.mark.parametrize(
    ("name", "content", "found", "remedy"),
    [
        (
            "april.tgz",
            b"\x1f\x8b\x08\0",
            "a file ending in .tgz, a gzip archive",
            "Unpack it and offer the file inside.",
        ),
        (
            "pack.r01",
            b"Rar!\x1a\x07\1\0",
            "a file ending in .r01, a RAR archive",
            "Rename it to end in .rar",
        ),
        ("pack.7z", b"cut short", "a file ending in .7z", "Unpack it and offer the file inside."),
        ("old.xlt", b"<html><table><tr>", "a file ending in .xlt, a web page", "Get the file itself"),
        ("old.xlt", b"cut short", "a file ending in .xlt", "save it as XLSX"),
        ("new.xlsm", drops.make_xlsx({"A": [["a"]]}), ".xlsm, an Excel workbook (XLSX)", "Rename it to end in .xlsx"),
        ("april", drops.make_zip({"a.csv": APRIL}), "ending in nothing, a ZIP container", "Rename it to end in .zip"),
        ("april.tsv", APRIL.replace(b",", b"\t"), "a file ending in .tsv", "save this one with commas"),
        ("april.csv.crdownload", APRIL, "a file ending in .crdownload", "Wait until the download has ended"),
        ("april.csv.part", b"", "a file ending in .part", "Wait until the download has ended"),
        ("april.dat", APRIL, "a file ending in .dat", "Offer the publisher's own CSV, XLSX or ZIP file"),
    ],
)
def test_a_kind_of_file_that_is_not_read_is_named_with_what_to_do(
    name: str, content: bytes, found: str, remedy: str, home: DropHome
) -> None:
    (home.folder / name).write_bytes(content)
    rejection = read_reasons(home.ingest_folder())[name]
    assert found in rejection
    assert remedy in rejection


@pytest.mark.parametrize("name", ["APRIL.CSV", "April.Xlsx", "april.ZIP", "april.Rar", "April.XLS", "April.csv.GZ"])
def test_the_case_of_a_suffix_does_not_matter(name: str, home: DropHome) -> None:
    (home.folder / name).write_bytes(APRIL)
    assert len(home.ingest_folder().new) == 1


def test_a_link_that_leads_out_of_the_folder_is_rejected(home: DropHome, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "april.csv").write_bytes(APRIL)
    (home.folder / "file.csv").symlink_to(outside / "april.csv")
    (home.folder / "folder").symlink_to(outside)
    result = home.ingest_folder()
    assert set(read_reasons(result)) == {"file.csv", "folder"}
    assert all("leads out" in reason for reason in read_reasons(result).values())
    assert list(home.drops) == []


def test_a_link_within_the_folder_is_the_same_drop_twice(home: DropHome) -> None:
    home.offer(april__csv=APRIL)
    (home.folder / "link.csv").symlink_to(home.folder / "april.csv")
    result = home.ingest_folder()
    assert len(result.offered) == 1
    assert result.rejected == []


def test_a_link_to_nothing_and_a_pipe_are_rejected(home: DropHome) -> None:
    (home.folder / "gone.csv").symlink_to(home.folder / "never.csv")
    os.mkfifo(home.folder / "pipe.csv")
    assert set(read_reasons(home.offer(april__csv=APRIL).ingest_folder())) == {"gone.csv", "pipe.csv"}
    assert [drop.file for drop in home.drops] == ["april.csv"]


def test_a_link_that_leads_to_itself_is_rejected_and_the_others_go_on(home: DropHome) -> None:
    (home.folder / "loop.csv").symlink_to(home.folder / "loop.csv")
    (home.folder / "one.csv").symlink_to(home.folder / "two.csv")
    (home.folder / "two.csv").symlink_to(home.folder / "one.csv")
    result = home.offer(april__csv=APRIL).ingest_folder()
    assert set(read_reasons(result)) == {"loop.csv", "one.csv", "two.csv"}
    assert "expected a plain file; found a link" in read_reasons(result)["loop.csv"]
    assert [drop.file for drop in home.drops] == ["april.csv"]


def deny_access(path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[..., Any] = Path.open) -> None:
    """Let the system keep a file from being opened: what it does to everyone but its administrator."""

    def open_other(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return asked(self, *arguments, **named)

    monkeypatch.setattr(Path, asked.__name__, open_other)


@pytest.mark.parametrize("asked", [Path.open, Path.stat, Path.resolve])
def test_a_file_that_may_not_be_read_is_rejected_and_the_others_go_on(
    asked: Callable[..., Any], home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY)
    deny_access(home.folder / "april.csv", monkeypatch, asked)
    result = home.ingest_folder()
    assert read_reasons(result)["april.csv"].startswith(
        "april.csv, the whole file: expected a file that can be read; found Permission denied. "
    )
    assert [drop.file for drop in home.drops] == ["may.csv"]


def test_a_file_that_fails_in_the_middle_is_rejected_and_a_full_disk_is_not_laid_on_it(
    home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.offer(april__csv=APRIL, may__csv=MAY)
    copy = shutil.copyfile

    def fail_as(number: int) -> None:
        def copy_badly(source: Path, target: Path) -> Any:
            if source.name == "april.csv":
                raise OSError(number, os.strerror(number), str(source), None, str(target))
            return copy(source, target)

        monkeypatch.setattr(shutil, "copyfile", copy_badly)

    fail_as(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        home.ingest_folder()
    assert home.read_archive() == {}
    fail_as(errno.EIO)
    assert (
        "expected a file that can be read; found Input/output error" in read_reasons(home.ingest_folder())["april.csv"]
    )
    assert [drop.file for drop in home.drops] == ["may.csv"]


def test_a_folder_that_may_not_be_listed_is_rejected_not_passed_over(
    home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = home.folder / "closed"
    closed.mkdir()
    walk = os.walk

    def walk_past(top: Path, *, onerror: Callable[[OSError], None], followlinks: bool) -> Any:
        for folder, subfolders, names in walk(top, onerror=onerror, followlinks=followlinks):
            if "closed" in subfolders:
                subfolders.remove("closed")
                onerror(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(closed)))
            yield folder, subfolders, names

    monkeypatch.setattr(os, "walk", walk_past)
    result = home.offer(april__csv=APRIL).ingest_folder()
    assert "closed, the whole folder: expected a folder that can be listed" in read_reasons(result)["closed"]
    assert [drop.file for drop in home.drops] == ["april.csv"]


def test_a_folder_under_the_name_of_a_drop_is_a_folder(home: DropHome) -> None:
    (home.folder / "2026.csv").mkdir()
    (home.folder / "2026.csv" / "april.csv").write_bytes(APRIL)
    assert (home.ingest_folder().rejected, [drop.source_path for drop in home.drops]) == ([], ["2026.csv/april.csv"])


def test_a_name_that_is_no_utf_8_is_rejected_and_the_others_go_on(home: DropHome) -> None:
    (home.folder / os.fsdecode(b"month \x96 may")).mkdir()
    for name in (b"iapt \x96 month.csv", b"notes \x96.txt", b"month \x96 may/may.csv"):
        (home.folder / os.fsdecode(name)).write_bytes(MAY)
    result = home.offer(april__csv=APRIL).ingest_folder()
    assert set(read_reasons(result)) == {r"iapt \x96 month.csv", r"month \x96 may/may.csv"}
    assert "expected a name in UTF-8" in read_reasons(result)[r"iapt \x96 month.csv"]
    assert result.ignored == [r"notes \x96.txt"]
    json.dumps([result.rejected, result.ignored], ensure_ascii=False).encode()
    assert [drop.file for drop in home.drops] == ["april.csv"]


def test_files_are_found_in_the_order_of_their_paths_whatever_the_disk_says(
    home: DropHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b/2.csv", "a/1.csv", "c.csv", "a.csv"):
        (home.folder / name).parent.mkdir(exist_ok=True)
        (home.folder / name).write_bytes(APRIL)
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda *a, **k: [(f, s[::-1], n[::-1]) for f, s, n in walk(*a, **k)][::-1])
    found = [file.relative_path for file in discover_files(home.folder).files]
    assert found == ["a.csv", "a/1.csv", "b/2.csv", "c.csv"]
