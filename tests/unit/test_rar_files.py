"""RAR archives: read like a ZIP of the same members; hostile, damaged and unreadable ones are rejected."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import rarfile

from iapt.ingest import rar_files
from iapt.ingest.rar_files import UNPACKERS, Unpacker
from iapt.ingest.reissues import list_zip_members
from tests.factories import drops
from tests.factories.drop_home import DropHome
from tests.factories.rar_writer import (
    FILE_COPY,
    HARD_LINK,
    RAR4,
    RAR5,
    SYMBOLIC_LINK,
    RarMember,
    compress_rar5,
    make_rar4,
    make_rar5,
)

NAME = "psych-ther-ann-2018-19-csvs.rar"
MAIN = "psych-ther-ann-rep-csv-2018-19-main-csv-v2.csv"
ANNUAL = drops.make_csv(drops.ANNUAL_HEADERS["2018-19"], [drops.make_annual_row("25", "30", year="2018-19")])
MEMBERS = [
    RarMember("2018-19", is_folder=True),
    RarMember(f"2018-19/{MAIN}", ANNUAL),
    RarMember("2018-19/read me.txt", b"notes"),
    RarMember("2018-19/.DS_Store", b"\0\0\0\1Bud1"),
    RarMember("2018-19/inner.zip", drops.make_zip({"a.csv": ANNUAL})),
]
WRITERS = [make_rar5, make_rar4]
Writer = Callable[[Sequence[RarMember]], bytes]


def rejection_of(folder: Path, content: bytes, **limits: int) -> str:
    return drops.read(folder, NAME, content, using=drops.with_limits(**limits)).rejection


def compressed(*members: RarMember) -> bytes:
    return make_rar5([RarMember(member.name, member.content, is_compressed=True) for member in members])


def use_programs(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Let programs of Python's, which get the path of the archive, stand for those that unpack a RAR."""
    made = [
        Unpacker(sys.executable, ("-c", f"import sys, os\nout = sys.stdout.buffer\n{program}"), "none")
        for program in programs
    ]
    monkeypatch.setattr(rar_files, "UNPACKERS", tuple(made))


# sound archives


@pytest.mark.parametrize("write", WRITERS)
def test_an_archive_is_read_as_a_zip_of_the_same_members_is(write: Writer, tmp_path: Path) -> None:
    read = drops.read(tmp_path, NAME, write(MEMBERS))
    packed = {member.name: member.content for member in MEMBERS if not member.is_folder}
    as_zip = drops.read(tmp_path, NAME.replace(".rar", ".zip"), drops.make_zip(packed))
    for cell, other in zip(read.observations, as_zip.observations, strict=True):
        differing = {key for key in cell if cell[key] != other[key]}
        assert differing <= {"drop_sha256", "source_file"}
    assert {cell["source_member"] for cell in read.observations} == {f"2018-19/{MAIN}"}
    assert len(read.observations) > 30
    assert read.summary.notices == as_zip.summary.notices
    assert "2018-19/inner.zip (a ZIP container)" in "\n".join(read.summary.notices)
    assert list_zip_members(read.summary) == [f"2018-19/{MAIN}"]
    assert drops.catalogue().precedence.infer_revision(NAME, list_zip_members(read.summary)) == 2


@pytest.mark.parametrize("write", WRITERS)
def test_a_workbook_in_an_archive_is_read(write: Writer, tmp_path: Path) -> None:
    book = drops.make_xlsx({"apr": [drops.MONTHLY_HEADER, drops.make_row("25")]})
    read = drops.read(tmp_path, "iapt_month_apr_2026.RAR", write([RarMember("book.xlsx", book)]))
    assert [(cell["source_member"], cell["value_as_published"]) for cell in read.observations] == [
        ("book.xlsx sheet 'apr'", "25")
    ]


@pytest.mark.parametrize("unpacker", UNPACKERS, ids=[unpacker.name for unpacker in UNPACKERS])
def test_compressed_members_are_read_by_each_program(
    unpacker: Unpacker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which(unpacker.name) is None:
        pytest.skip(f"{unpacker.name} is not on this machine: apt-get install {unpacker.package}")
    monkeypatch.setattr(rar_files, "UNPACKERS", (unpacker,))
    odd = RarMember("a *?[b]; rm -rf.csv", drops.make_csv(drops.ANNUAL_HEADERS["2018-19"], []))
    pack = make_rar5(
        [
            RarMember("2018-19", is_folder=True),
            RarMember("-rf", b"notes", is_compressed=True),
            RarMember(f"2018-19/{MAIN}", ANNUAL, is_compressed=True),
            RarMember("stored.txt", b"notes"),
            *([RarMember("nothing.txt")] if unpacker.writes_empty_members else []),
            RarMember(odd.name, b"a,b,c\n1,2,3\n", is_compressed=True),
        ]
    )
    read = drops.read(tmp_path, NAME, pack)
    assert {cell["source_member"] for cell in read.observations} == {f"2018-19/{MAIN}"}
    assert read.summary.unread == [odd.name]


def test_a_comment_is_left_and_no_program_runs_to_unpack_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    run = rarfile.custom_popen
    monkeypatch.setattr(rarfile, "custom_popen", lambda command: (commands.append(command), run(command))[1])
    monkeypatch.setattr(rarfile, "CURRENT_SETUP", None)
    pack = make_rar4([RarMember(MAIN, ANNUAL)], packed_comment=b"packed")
    assert drops.read(tmp_path, NAME, pack).summary.cells > 30
    assert {command[0] for command in commands} == {"true"}


# programs


def test_without_a_program_a_compressed_member_is_rejected_and_read_once_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = DropHome(tmp_path)
    (home.folder / NAME).write_bytes(compressed(RarMember(MAIN, ANNUAL)))
    (home.folder / "stored.rar").write_bytes(make_rar5([RarMember("a-2022-23.csv", b"a,b,c\n1,2,3\n")]))
    home.ingest_folder()
    present = rar_files.UNPACKERS
    monkeypatch.setattr(rar_files, "UNPACKERS", (Unpacker("no-such-program", (), "a-package"),))
    reasons = {drop.file: rejection for drop, rejection in home.read().rejected}
    assert reasons[NAME]["place"] == f"member {MAIN}"
    assert reasons[NAME]["expected"] == "a program on this machine that unpacks what RAR compressed"
    assert "no-such-program" in reasons[NAME]["found"]
    assert "apt-get install a-package) and refresh; or unpack it" in reasons[NAME]["remedy"]
    assert "no layout" in reasons["stored.rar"]["found"] or "layout" in reasons["stored.rar"]["expected"]
    assert home.read().read == []
    write_member = f"out.write({ANNUAL!r})"
    use_programs(monkeypatch, write_member)
    assert len(home.read().usable) == 1
    monkeypatch.setattr(rar_files, "UNPACKERS", present)
    assert len(home.read().usable) == 1


def test_a_second_program_is_tried_where_the_first_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_programs(monkeypatch, "sys.exit('no solid archives')", f"out.write({ANNUAL!r})")
    assert drops.read(tmp_path, NAME, compressed(RarMember(MAIN, ANNUAL))).summary.cells > 30


def test_a_program_that_fails_at_empty_members_is_not_tried_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_programs(monkeypatch, f"out.write({ANNUAL!r})")
    monkeypatch.setattr(rar_files, "UNPACKERS", (replace(rar_files.UNPACKERS[0], writes_empty_members=False),))
    packed = RarMember(MAIN, ANNUAL, is_compressed=True)
    assert drops.read(tmp_path, NAME, make_rar5([packed])).summary.cells > 30
    rejection = rejection_of(tmp_path, make_rar5([packed, RarMember("notes.txt")]))
    assert "not tried, for it fails at empty members, such as notes.txt" in rejection


def test_how_a_program_ends_is_no_matter_where_every_byte_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_programs(monkeypatch, f"out.write({ANNUAL!r}); sys.exit('d: an entry marked as a directory')")
    assert drops.read(tmp_path, NAME, compressed(RarMember(MAIN, ANNUAL))).summary.cells > 30


@pytest.mark.parametrize(
    ("program", "found"),
    [
        pytest.param("sys.exit('broken \\x1b[2J header')", "0 bytes, of", id="nothing, with a message"),
        pytest.param(f"out.write({ANNUAL[:-1]!r})", "bytes, of", id="fewer"),
        pytest.param(f"out.write({ANNUAL + b'x'!r})", "more bytes than all its members have", id="more"),
        pytest.param(f"out.write({ANNUAL[:-1] + b'x'!r})", "another checksum", id="others"),
        pytest.param("while True: out.write(bytes(1 << 16))", "another checksum", id="without end"),
        pytest.param("held = bytes(1 << 30); out.write(held)", "MemoryError", id="too much memory"),
        pytest.param("open('x', 'wb').write(bytes(4 << 20))", "File too large", id="a file"),
    ],
)
def test_a_program_that_gives_anything_but_the_members_is_stopped_and_the_archive_rejected(
    program: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if found in {"MemoryError", "File too large"} and not hasattr(rar_files.resource, "prlimit"):
        pytest.skip("this system bounds no process from outside")
    use_programs(monkeypatch, f"import time; time.sleep(0.05); {program}" if "(1 << 30)" in program else program)
    rejection = rejection_of(tmp_path, compressed(RarMember(MAIN, ANNUAL)), max_unpacking_memory_bytes=500_000_000)
    assert "expected an archive that unpacks to what its directory says; found by " in rejection
    assert found in rejection
    assert rejection.isprintable()


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_programs(monkeypatch, "import time; time.sleep(600)")
    rejection = rejection_of(tmp_path, compressed(RarMember(MAIN, ANNUAL)), max_unpacking_seconds=0)
    assert "not done after 0 seconds" in rejection


# hostile and damaged archives


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("name", ["../a.csv", "data/../../a.csv", "..\\a.csv", "/etc/a.csv", "C:\\a.csv", "c:a.csv"])
def test_a_member_name_that_leads_out_is_rejected(name: str, write: Writer, tmp_path: Path) -> None:
    rejection = rejection_of(tmp_path, write([RarMember("b.csv", ANNUAL), RarMember(name, ANNUAL)]))
    assert "a member that leads out of it" in rejection


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(("one", "other"), [("a.csv", "a.csv"), ("a.csv", "A.CSV")])
def test_two_members_of_one_name_are_rejected(one: str, other: str, write: Writer, tmp_path: Path) -> None:
    rejection = rejection_of(tmp_path, write([RarMember(one, ANNUAL), RarMember(other, ANNUAL + b"\n")]))
    assert "expected every member under a name of its own" in rejection


@pytest.mark.parametrize(
    ("write", "kind"), [(make_rar4, 1), *((make_rar5, kind) for kind in (SYMBOLIC_LINK, 2, 3, HARD_LINK, FILE_COPY))]
)
def test_a_link_as_a_member_is_rejected(write: Writer, kind: int, tmp_path: Path) -> None:
    link = RarMember("a.csv", b"/etc/passwd", link_kind=kind)
    assert "a link: 'a.csv'" in rejection_of(tmp_path, write([RarMember(MAIN, ANNUAL), link]))


@pytest.mark.parametrize(
    ("pack", "found"),
    [
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, is_encrypted=True)]), "an encrypted one", id="password"),
        pytest.param(make_rar4([RarMember(MAIN, ANNUAL, is_encrypted=True)]), "an encrypted one", id="password, old"),
        pytest.param(make_rar5([], has_encrypted_headers=True), "an encrypted one", id="encrypted names"),
        pytest.param(make_rar4([], archive_flags=0x80), "an encrypted one", id="encrypted names, old"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL)], archive_flags=1), "one part of several", id="volume"),
        pytest.param(make_rar4([RarMember(MAIN, ANNUAL)], archive_flags=1), "one part of several", id="volume, old"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, is_split=True)]), "one part of several", id="split"),
        pytest.param(make_rar4([RarMember(MAIN, ANNUAL, is_split=True)]), "one part of several", id="split, old"),
        pytest.param(
            make_rar5([RarMember(MAIN, ANNUAL), RarMember(MAIN, ANNUAL, version=2)]), "several versions", id="versions"
        ),
        pytest.param(
            make_rar4([RarMember(MAIN, ANNUAL), RarMember(MAIN, ANNUAL, version=2)]),
            "several versions",
            id="versions, old",
        ),
        pytest.param(make_rar5([]), "an empty container", id="empty"),
        pytest.param(make_rar4([RarMember("d", is_folder=True)]), "an empty container", id="a folder alone"),
        pytest.param(make_rar5([RarMember(MAIN)]), "an empty member", id="empty member"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, has_checksum=False)]), "none of", id="no checksum"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, checksum=1)]), "CRC check failed", id="another checksum"),
        pytest.param(make_rar4([RarMember(MAIN, ANNUAL, checksum=1)]), "CRC check failed", id="and in an old one"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, size=len(ANNUAL) + 9)]), "read enough data", id="larger"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL, size=len(ANNUAL) - 9)]), "CRC check failed", id="smaller"),
        pytest.param(make_rar5([RarMember(MAIN, ANNUAL)], is_whole=False), "Unexpected EOF", id="no end"),
        pytest.param(make_rar4([RarMember(MAIN, ANNUAL)], is_whole=False), "the block that ends it", id="no end, old"),
        pytest.param(RAR5 + b"\0" * 40, "Header CRC error", id="no headers"),
        pytest.param(RAR4 + b"\xff" * 40, "expected a complete RAR archive", id="no headers, old"),
        pytest.param(RAR5[:7] + b"\x07" * 40, "Not a RAR file", id="another version"),
        pytest.param(drops.make_zip({"a.csv": ANNUAL}), "Rename it to end in .zip", id="a ZIP"),
        pytest.param(b"<html><body>Sign in", "a web page", id="a web page"),
        pytest.param(b"", "an empty file", id="nothing"),
    ],
)
def test_an_archive_that_cannot_be_read_in_full_is_rejected_with_what_it_is(
    pack: bytes, found: str, tmp_path: Path
) -> None:
    assert found in rejection_of(tmp_path, pack)


@pytest.mark.parametrize("write", WRITERS)
def test_an_archive_cut_short_anywhere_is_rejected(write: Writer, tmp_path: Path) -> None:
    pack = write(MEMBERS)
    for kept in [*range(20, len(pack), len(pack) // 60), *range(len(pack) - 12, len(pack) - 1)]:
        assert "expected a complete RAR archive" in rejection_of(tmp_path, pack[:kept]), kept


@pytest.mark.parametrize("write", WRITERS)
def test_a_damaged_byte_of_a_member_is_noticed(write: Writer, tmp_path: Path) -> None:
    pack = bytearray(write([RarMember(MAIN, ANNUAL)]))
    pack[pack.index(b"25")] ^= 1
    assert f"member {MAIN}: expected a member that unpacks; found" in rejection_of(tmp_path, bytes(pack))


def test_limits_hold_as_for_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_programs(monkeypatch, "sys.exit('a bomb was unpacked')")
    pack = make_rar5([RarMember(f"{number}.csv", ANNUAL) for number in range(4)])
    assert "expected at most 3 members; found 4 members" in rejection_of(tmp_path, pack, max_members=3)
    most = 4 * len(ANNUAL) - 1
    assert f"at most {most:,} bytes unpacked" in rejection_of(tmp_path, pack, max_uncompressed_bytes=most)
    bomb = make_rar5([RarMember("a.csv", ANNUAL, size=10**8, is_compressed=True, is_solid=True)], archive_flags=4)
    assert "at most 250 to 1 compression" in rejection_of(tmp_path, bomb)
    vast = make_rar5([RarMember("a.csv", ANNUAL, size=10**18, is_compressed=True)])
    assert "bytes unpacked" in rejection_of(tmp_path, vast)


def test_a_directory_of_very_many_blocks_is_not_read_to_its_end(tmp_path: Path) -> None:
    pack = make_rar4([RarMember("d", is_folder=True)] * 5000)
    assert "expected at most 64 members; found 1025 members" in rejection_of(tmp_path, pack)


def test_members_are_unpacked_under_names_of_our_own(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / NAME
    path.write_bytes(make_rar5([RarMember("a/b/c; rm -rf.csv", ANNUAL)]))
    with rar_files.RarPack(path, NAME, drops.catalogue().limits, scratch) as pack:
        pack.unpack("a/b/c; rm -rf.csv", scratch / "member-0.csv")
    assert [file.name for file in scratch.iterdir()] == ["member-0.csv"]
    assert compress_rar5(b"") != b""
