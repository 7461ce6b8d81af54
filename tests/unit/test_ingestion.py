"""The store and the intake: bytes kept once and never changed, what a folder offers, what is read again and when."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from iapt.catalogue.catalogue import Catalogue
from iapt.files import compute_sha256
from iapt.ingest.archive import ArchivedDrop, DropArchive
from iapt.ingest.drop_reading import ReadResult, find_name_conflicts, list_drops_of_period, read_archived_drops
from iapt.ingest.ingestion import IngestResult, ingest_folder
from iapt.ingest.observation_store import ObservationStore
from iapt.ingest.reissues import find_wholly_replaced_drops
from iapt.ingest.series_summaries import summarise_series
from iapt.rejection import DropRejectedError
from iapt.sources.folder import OfferedFile, discover_files
from tests.factories import drops
from tests.factories.drops import FINISHED, make_monthly_csv, make_row

APRIL = make_monthly_csv(make_row("25"))
APRIL_REVISED = make_monthly_csv(make_row("30"))
MAY = make_monthly_csv(make_row("35", start="01/05/2026", end="31/05/2026"))
SYNTHETIC = make_monthly_csv(make_row("25", provider=drops.named(drops.PROVIDER, "Neverwhere Rooms (SYNTHETIC)")))
KEPT_AT = "2026-06-01T00:00:00+00:00"


class House:
    """A folder of drops beside a store of kept ones and a store of observations."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "offered"
        self.folder.mkdir()
        self.store = DropArchive(root / "kept")
        self.observations = ObservationStore(root / "observations")

    def offer(self, **files: bytes) -> House:
        """Put files in the folder; `__` in a name stands for its dot."""
        for name, content in files.items():
            (self.folder / name.replace("__", ".")).write_bytes(content)
        return self

    def ingest_folder(self, catalogue: Catalogue | None = None) -> IngestResult:
        return ingest_folder(self.folder, self.store, catalogue or drops.catalogue(), KEPT_AT)

    def read(self, catalogue: Catalogue | None = None, origin: str = "published") -> ReadResult:
        return read_archived_drops(self.store, self.observations, catalogue or drops.catalogue(), origin)

    def everything_kept(self) -> dict[str, bytes]:
        files = (path for path in self.store.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.store.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def reasons(intake: IngestResult) -> dict[str, str]:
    return {path: str(DropRejectedError(**rejection)) for path, rejection in intake.rejected}


# -- keeping ----------------------------------------------------------------------------------------------------------


def test_a_drop_is_kept_as_published_beside_its_provenance(house: House) -> None:
    house.offer(**{"iapt_month_feb_2023_activity v2__csv": APRIL})
    intake = house.ingest_folder()
    (drop,) = house.store
    assert intake.offered == intake.new == [drop.sha256] == [hashlib.sha256(APRIL).hexdigest()]
    assert house.store.path_to(drop).read_bytes() == APRIL
    assert house.store.path_to(drop).name == "iapt_month_feb_2023_activity v2.csv"
    assert drop.to_record() == {
        "sha256": hashlib.sha256(APRIL).hexdigest(),
        "file": "iapt_month_feb_2023_activity v2.csv",
        "bytes": len(APRIL),
        "origin": "published",
        "made": "",
        "source": "",
        "licence": "Open Government Licence v3.0",
        "status": "definitive",
        "revision": 2,
        "sequence": 1,
        "batch": 1,
        "source_path": "iapt_month_feb_2023_activity v2.csv",
        "archived_at": KEPT_AT,
    }
    assert house.store.get(drop.sha256) == drop
    assert house.store.get("0" * 64) is None


def test_the_records_of_an_earlier_versions_home_are_read_under_their_old_keys(house: House) -> None:
    house.offer(april__csv=APRIL, other__csv=b"no,table\n1,2\n").ingest_folder()
    before = house.read()
    for folder, keys in {
        house.store.folder: {"source_path": "got_from", "archived_at": "kept_at"},
        house.observations.folder: {"rejection": "refusal", "has_synthetic_mark": "synthetic_mark"},
    }.items():
        for path in folder.rglob("*.json"):
            record = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps({keys.get(key, key): value for key, value in record.items()}), "utf-8")
            assert keys.keys() <= record.keys()
    after = house.read()
    assert (after.usable, after.rejected) == (before.usable, before.rejected)
    assert (len(before.read), after.read) == (2, [])


def test_kept_bytes_cannot_be_written_to(house: House) -> None:
    house.offer(april__csv=APRIL).ingest_folder()
    (drop,) = house.store
    assert house.store.path_to(drop).stat().st_mode & 0o222 == 0


def test_the_same_bytes_again_are_nothing_new_even_under_another_name(house: House) -> None:
    house.offer(april__csv=APRIL).ingest_folder()
    before = house.everything_kept()
    house.offer(again__csv=APRIL, april__csv=APRIL)
    intake = house.ingest_folder()
    assert intake.new == []
    assert len(intake.offered) == 1
    assert intake.rejected == []
    assert house.everything_kept() == before


def test_rejected_bytes_offered_under_another_name_are_taken_in_anew(house: House) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])

    def take_in_and_read() -> ReadResult:
        ingest_folder(house.folder, house.store, drops.catalogue(), KEPT_AT, house.observations)
        return house.read()

    house.offer(main__csv=main, april__csv=APRIL)
    (rejected,) = take_in_and_read().rejected
    assert "one financial year" in rejected[1]["expected"]
    (house.folder / "main.csv").rename(house.folder / "annual-2022-23-v2.csv")
    reading = take_in_and_read()
    assert reading.rejected == []
    assert [drop.file for drop, _ in reading.usable] == ["april.csv", "annual-2022-23-v2.csv"]
    renamed = reading.usable[1][0]
    assert (renamed.revision, renamed.source_path, renamed.batch) == (2, "annual-2022-23-v2.csv", 3)
    assert sorted(path.name for path in house.store.path_to(renamed).parent.iterdir()) == [
        "annual-2022-23-v2.csv",
        "provenance.json",
    ]
    assert house.store.path_to(renamed).read_bytes() == main
    assert house.store.path_to(renamed).stat().st_mode & 0o222 == 0
    # Once it can be used it keeps its name: the same bytes again are nothing new.
    (house.folder / "annual-2022-23-v2.csv").rename(house.folder / "main.csv")
    before = house.everything_kept()
    assert take_in_and_read().rejected == []
    assert house.everything_kept() == before


def test_other_bytes_under_the_same_name_are_a_new_drop_and_the_old_one_stays(house: House) -> None:
    house.offer(april__csv=APRIL).ingest_folder()
    before = house.everything_kept()
    intake = house.offer(april__csv=APRIL_REVISED).ingest_folder()
    old, new = house.store
    assert (old.file, new.file) == ("april.csv", "april.csv")
    assert (old.sequence, new.sequence) == (1, 2)
    assert (old.batch, new.batch) == (1, 2)
    assert intake.offered == intake.new == [new.sha256]
    assert before.items() <= house.everything_kept().items()


def test_drops_of_one_intake_share_a_batch_and_are_numbered_in_the_order_of_their_paths(house: House) -> None:
    (house.folder / "2026").mkdir()
    house.offer(may__csv=MAY, april__csv=APRIL)
    (house.folder / "2026" / "revised.csv").write_bytes(APRIL_REVISED)
    house.ingest_folder()
    assert [(drop.source_path, drop.sequence, drop.batch) for drop in house.store] == [
        ("2026/revised.csv", 1, 1),
        ("april.csv", 2, 1),
        ("may.csv", 3, 1),
    ]


def test_a_crash_while_archiving_leaves_nothing_half_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    house.offer(april__csv=APRIL)
    for step in ("shutil.copyfile", "json.dumps", "pathlib.Path.chmod", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(KeyboardInterrupt):
                house.ingest_folder()
        assert house.everything_kept() == {}
        assert list(house.store.folder.iterdir()) == []
    assert house.ingest_folder().new


def test_what_a_power_cut_leaves_behind_is_no_archived_drop(house: House) -> None:
    house.offer(april__csv=APRIL).ingest_folder()
    (drop,) = house.store
    half_kept = house.store.folder / ".archiving-cut-short"
    shutil.copytree(house.store.path_to(drop).parent, half_kept)
    record = replace(drop, sha256="0" * 64, sequence=9).to_record()
    (half_kept / "provenance.json").write_text(json.dumps(record), "utf-8")
    assert list(house.store) == [drop]
    assert house.store.next_sequence() == 2


def test_a_file_that_changes_while_it_is_kept_is_not_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def copies_other_bytes(source: object, target: Path) -> None:
        Path(target).write_bytes(APRIL_REVISED)

    house.offer(april__csv=APRIL)
    monkeypatch.setattr(shutil, "copyfile", copies_other_bytes)
    with pytest.raises(OSError, match="changed while it was being archived"):
        house.ingest_folder()
    assert house.everything_kept() == {}


def test_a_file_larger_than_the_limit_is_rejected_before_it_is_read(house: House) -> None:
    house.offer(april__csv=APRIL, may__csv=MAY)
    small = drops.with_limits(max_file_bytes=len(APRIL) - 1)
    assert "in catalogue/limits.yml" in reasons(house.ingest_folder(small))["april.csv"]
    assert list(house.store) == []
    exact = drops.with_limits(max_file_bytes=max(len(APRIL), len(MAY)))
    assert len(house.ingest_folder(exact).new) == 2


def test_the_bytes_of_a_file_are_summed_as_anyone_would(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(APRIL * 1000)
    assert compute_sha256(tmp_path / "a.csv") == hashlib.sha256(APRIL * 1000).hexdigest()


# -- provenance -------------------------------------------------------------------------------------------------------


def sidecar(house: House, name: str, rows: dict[str, dict[str, str]], **more: object) -> None:
    path = house.folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps({"files": rows, **more}), "utf-8")
        return
    columns = ["file", *next(iter(rows.values()))]
    lines = [",".join(columns), *(",".join([file, *row.values()]) for file, row in rows.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_sidecar_says_how_a_drop_was_made_and_where_it_came_from(name: str, house: House) -> None:
    said = {"made": "re-laid", "source": "an archive", "licence": "OGL", "sha256": hashlib.sha256(APRIL).hexdigest()}
    sidecar(house, name, {"april.csv": said})
    intake = house.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    april, may = house.store
    assert (april.made, april.source, april.licence) == ("re-laid", "an archive", "OGL")
    assert (may.made, may.source, may.licence) == ("", "", "Open Government Licence v3.0")
    assert intake.ignored == [name]


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_bytes_that_are_not_those_the_sidecar_declares_are_rejected(name: str, house: House) -> None:
    sidecar(house, name, {"april.csv": {"sha256": "0" * 64}})
    intake = house.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    assert f"expected the bytes its provenance declares, sha256 {'0' * 64}; found" in reasons(intake)["april.csv"]
    assert [drop.file for drop in house.store] == ["may.csv"]


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_declared_sum_may_be_written_in_capitals(name: str, house: House) -> None:
    sidecar(house, name, {"april.csv": {"sha256": hashlib.sha256(APRIL).hexdigest().upper()}})
    intake = house.offer(april__csv=APRIL).ingest_folder()
    assert (len(intake.new), intake.rejected) == (1, [])


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_byte_order_mark_does_not_silence_a_sidecar(name: str, house: House) -> None:
    sidecar(house, name, {"april.csv": {"sha256": "0" * 64}})
    path = house.folder / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert list(reasons(house.offer(april__csv=APRIL).ingest_folder())) == ["april.csv"]


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("provenance.json", b"", "expected JSON; found Expecting value in line 1, column 1"),
        ("provenance.json", b"{", "expected JSON; found"),
        ("provenance.json", b"[1]", "expected a JSON object with the keys data_origin and files; found [1]"),
        ("provenance.json", DEEP, "found objects or lists too deep inside one another"),
        ("provenance.json", b'{"files": ' + DEEP + b"}", "found objects or lists too deep inside one another"),
        ("provenance.json", b'{"files": {"a": ' + b"9" * 10_000 + b"}}", "found a number too long to be read"),
        ("provenance.json", b"\xff\xfe{\0}\0", "expected text in UTF-8; found the byte 0xFF at 1"),
        ("provenance.json", b'{"data_origin": "Synthetic"}', "a data_origin of published or synthetic"),
        ("provenance.json", b'{"data_origin": "restricted"}', "a data_origin of published or synthetic"),
        ("provenance.json", b'{"data_origin": NaN}', "a data_origin of published or synthetic; found nan"),
        ("provenance.json", b'{"data_origin": ["synthetic"]}', "a data_origin of published or synthetic"),
        ("provenance.json", b'{"files": ["april.csv"]}', "expected `files` to be an object of paths"),
        ("provenance.json", b'{"files": {}, "files": {}}', "expected every key once; found 'files' more than once"),
        ("provenance.json", b'{"file": {"april.csv": {}}}', "found the keys 'file'"),
        ("provenance.csv", b"\xff\xfe", "expected text in UTF-8"),
        ("provenance.csv", b"name,sha256\napril.csv,0\n", "expected a column named file; found the columns"),
        ("provenance.csv", b"file;sha256\napril.csv;0\n", "expected a column named file"),
        ("provenance.csv", b"file,source,source\napril.csv,a,b\n", "every column once; found 'source'"),
        ("provenance.csv", b"", "expected a column named file; found no header"),
        ("provenance.csv", b'file,source\napril.csv,"never closed\n', "expected comma-separated values"),
    ],
)
def test_a_sidecar_that_cannot_be_read_keeps_out_its_own_folder_in_one_sentence(
    name: str, content: bytes, reason: str, house: House
) -> None:
    sub = house.folder / "2026"
    sub.mkdir()
    for folder in (house.folder, sub):
        (folder / "april.csv").write_bytes(APRIL)
        (folder / "may.csv").write_bytes(MAY)
    (sub / name).write_bytes(content)
    intake = house.ingest_folder()
    ((path, said),) = reasons(intake).items()
    assert path == f"2026/{name}"
    assert reason in said
    assert said.endswith("Mend the sidecar: the 2 files that it is about are not used until then.")
    assert len(said) < 400
    assert [drop.source_path for drop in house.store] == ["april.csv", "may.csv"]
    alone = ingest_folder(sub / "april.csv", house.store, drops.catalogue(), KEPT_AT)
    assert reasons(alone)[name].endswith("Mend the sidecar: april.csv that it is about is not used until then.")


def test_a_sidecar_of_any_length_is_not_read_into_memory(house: House) -> None:
    with (house.folder / "provenance.json").open("wb") as stream:
        stream.truncate(1 << 30)
    assert (
        "a sidecar of at most 16,777,216 bytes"
        in reasons(house.offer(april__csv=APRIL).ingest_folder())["provenance.json"]
    )


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("provenance.json", b"1", "expected an object of what is known of the file; found 1"),
        ("provenance.json", b"[]", "expected an object of what is known of the file"),
        ("provenance.json", b'{"sha256": 12}', "expected a sha256 of 64 hexadecimal digits; found 12"),
        ("provenance.json", b'{"sha256": NaN}', "expected a sha256 of 64 hexadecimal digits; found nan"),
        ("provenance.json", b'{"sha256": "cafe"}', "expected a sha256 of 64 hexadecimal digits; found 'cafe'"),
        ("provenance.json", b'{"data_origin": "made up"}', "expected a data_origin of published or synthetic"),
        ("provenance.json", b'{"source": ["a", "b"]}', "expected `source` to be one line of text"),
        ("provenance.json", b'{"source": "a\\nb"}', "expected `source` to be one line of text"),
        ("provenance.json", b'{"made": "\\ud800"}', "expected `made` to be one line of text"),
        ("provenance.json", b'{"licence": "' + b"x" * 200_000 + b'"}', "found a text of 200,000 characters"),
        ("provenance.json", b'{"made": "a", "made": "b"}', "expected every key once; found 'made' more than once"),
        ("provenance.json", b'{}, "april.csv": {}', "expected one record of the file; found more than one"),
        ("provenance.json", b'{}, "./april.csv": {}', "expected one record of the file; found more than one"),
        ("provenance.csv", b",,,x" + b"x" * 200_000, "found a text of 200,001 characters"),
        ("provenance.csv", b"cafe,,,", "expected a sha256 of 64 hexadecimal digits; found 'cafe'"),
        ("provenance.csv", b",invented,,", "expected a data_origin of published or synthetic; found 'invented'"),
        ("provenance.csv", b",", "expected 5 fields, as in the header; found 3"),
        ("provenance.csv", b",,,,,", "expected 5 fields, as in the header; found 7"),
        ("provenance.csv", b',,,"a\nb"', "expected `source` to be one line of text"),
        ("provenance.csv", b",,,\napril.csv,,,,", "expected one record of the file; found more than one"),
    ],
)
def test_a_malformed_record_keeps_out_the_file_it_is_about_and_no_other(
    name: str, record: bytes, reason: str, house: House
) -> None:
    content = b'{"files": {"may.csv": {"made": "whole"}, "april.csv": ' + record + b"}}"
    if name.endswith(".csv"):
        content = b"file,sha256,data_origin,made,source\nmay.csv,,,whole,\napril.csv," + record + b"\n"
    (house.folder / name).write_bytes(content)
    intake = house.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    ((path, said),) = reasons(intake).items()
    assert path == "april.csv"
    assert said.startswith("april.csv, its provenance: expected ")
    assert reason in said
    assert len(said) < 400
    assert [(drop.file, drop.made) for drop in house.store] == [("may.csv", "whole")]


def test_the_nearest_sidecar_speaks_for_a_folder(house: House) -> None:
    sidecar(house, "provenance.json", {"2026/april.csv": {"made": "by hand"}, "april.csv": {"made": "whole"}})
    for folder in ("2026", "demonstration/2026"):
        (house.folder / folder).mkdir(parents=True)
        (house.folder / folder / "april.csv").write_bytes(APRIL if folder == "2026" else SYNTHETIC)
    (house.folder / "demonstration" / "provenance.json").write_text('{"data_origin": "synthetic"}', "utf-8")
    found = {file.relative_path: (file.origin, file.made) for file in discover_files(house.folder).files}
    assert found == {"2026/april.csv": ("published", "by hand"), "demonstration/2026/april.csv": ("synthetic", "")}


def test_a_single_file_is_taken_in_with_the_sidecar_beside_it(house: House) -> None:
    sidecar(house, "provenance.json", {"april.csv": {"made": "by hand"}}, data_origin="synthetic")
    house.offer(april__csv=APRIL, may__csv=MAY)
    intake = ingest_folder(house.folder / "april.csv", house.store, drops.catalogue(), KEPT_AT)
    (drop,) = house.store
    assert (drop.file, drop.origin, drop.made, intake.origin) == ("april.csv", "synthetic", "by hand", "synthetic")
    with pytest.raises(FileNotFoundError, match="found nothing"):
        ingest_folder(house.folder / "june.csv", house.store, drops.catalogue(), KEPT_AT)


# -- what a folder holds ----------------------------------------------------------------------------------------------


def test_notes_sidecars_and_hidden_files_are_left_alone_and_listed(house: House) -> None:
    names = ["README.md", "notes.TXT", "page.html", "report.pdf", "letter.docx", "map.PNG", ".DS_Store", ".april.csv"]
    names += ["._april.csv", "Thumbs.db", "desktop.ini", "~$april.xlsx", "~$notes.docx", ".~lock.april.csv#"]
    for name in names:
        (house.folder / name).write_bytes(b"nothing to read")
    for folder in ("__MACOSX", "$RECYCLE.BIN", "System Volume Information"):
        (house.folder / folder).mkdir()
        (house.folder / folder / "april.csv").write_bytes(APRIL)
    (house.folder / ".git").mkdir()
    (house.folder / ".git" / "april.csv").write_bytes(APRIL)
    intake = house.ingest_folder()
    assert (intake.offered, intake.rejected) == ([], [])
    assert sorted(intake.ignored) == sorted(names)


@pytest.mark.parametrize("name", ["pack.rar", "old.xls", "book.xlsb", "figures.ods", "figures", "april.csv.gz"])
def test_a_kind_of_file_that_is_not_read_is_rejected_not_skipped(name: str, house: House) -> None:
    (house.folder / name).write_bytes(APRIL)
    rejection = reasons(house.offer(may__csv=MAY).ingest_folder())[name]
    assert "expected one of .csv, .xlsx, .zip" in rejection
    assert [drop.file for drop in house.store] == ["may.csv"]


@pytest.mark.parametrize(
    ("name", "content", "found", "remedy"),
    [
        (
            "april.csv.gz",
            b"\x1f\x8b\x08\0",
            "a file ending in .gz, a gzip archive",
            "Unpack it and offer the file inside.",
        ),
        (
            "pack.rar",
            b"Rar!\x1a\x07\1\0",
            "a file ending in .rar, a RAR archive",
            "Unpack it and offer the file inside.",
        ),
        ("pack.7z", b"cut short", "a file ending in .7z", "Unpack it and offer the file inside."),
        ("old.xls", b"<html><table><tr>", "a file ending in .xls, a web page", "Get the file itself"),
        ("old.xls", b"cut short", "a file ending in .xls", "save it as XLSX"),
        ("new.xlsm", drops.make_xlsx({"A": [["a"]]}), ".xlsm, an Excel workbook (XLSX)", "Rename it to end in .xlsx"),
        ("april", drops.make_zip({"a.csv": APRIL}), "ending in nothing, a ZIP container", "Rename it to end in .zip"),
        ("april.tsv", APRIL.replace(b",", b"\t"), "a file ending in .tsv", "save this one with commas"),
        ("april.csv.crdownload", APRIL, "a file ending in .crdownload", "Wait until the download has ended"),
        ("april.csv.part", b"", "a file ending in .part", "Wait until the download has ended"),
        ("april.dat", APRIL, "a file ending in .dat", "Offer the publisher's own CSV, XLSX or ZIP file"),
    ],
)
def test_a_kind_of_file_that_is_not_read_is_named_with_what_to_do(
    name: str, content: bytes, found: str, remedy: str, house: House
) -> None:
    (house.folder / name).write_bytes(content)
    rejection = reasons(house.ingest_folder())[name]
    assert found in rejection
    assert remedy in rejection


@pytest.mark.parametrize("name", ["APRIL.CSV", "April.Xlsx", "april.ZIP"])
def test_the_case_of_a_suffix_does_not_matter(name: str, house: House) -> None:
    (house.folder / name).write_bytes(APRIL)
    assert len(house.ingest_folder().new) == 1


def test_a_link_that_leads_out_of_the_folder_is_rejected(house: House, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "april.csv").write_bytes(APRIL)
    (house.folder / "file.csv").symlink_to(outside / "april.csv")
    (house.folder / "folder").symlink_to(outside)
    intake = house.ingest_folder()
    assert set(reasons(intake)) == {"file.csv", "folder"}
    assert all("leads out" in reason for reason in reasons(intake).values())
    assert list(house.store) == []


def test_a_link_within_the_folder_is_the_same_drop_twice(house: House) -> None:
    house.offer(april__csv=APRIL)
    (house.folder / "link.csv").symlink_to(house.folder / "april.csv")
    intake = house.ingest_folder()
    assert len(intake.offered) == 1
    assert intake.rejected == []


def test_a_link_to_nothing_and_a_pipe_are_rejected(house: House) -> None:
    (house.folder / "gone.csv").symlink_to(house.folder / "never.csv")
    os.mkfifo(house.folder / "pipe.csv")
    assert set(reasons(house.offer(april__csv=APRIL).ingest_folder())) == {"gone.csv", "pipe.csv"}
    assert [drop.file for drop in house.store] == ["april.csv"]


def test_a_link_that_leads_to_itself_is_rejected_and_the_others_go_on(house: House) -> None:
    (house.folder / "loop.csv").symlink_to(house.folder / "loop.csv")
    (house.folder / "one.csv").symlink_to(house.folder / "two.csv")
    (house.folder / "two.csv").symlink_to(house.folder / "one.csv")
    intake = house.offer(april__csv=APRIL).ingest_folder()
    assert set(reasons(intake)) == {"loop.csv", "one.csv", "two.csv"}
    assert "expected a plain file; found a link" in reasons(intake)["loop.csv"]
    assert [drop.file for drop in house.store] == ["april.csv"]


def _no_permission(path: Path, monkeypatch: pytest.MonkeyPatch, asked: Callable[..., Any] = Path.open) -> None:
    """Let the system keep a file from being opened: what it does to everyone but its administrator."""

    def open_other(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return asked(self, *arguments, **named)

    monkeypatch.setattr(Path, asked.__name__, open_other)


@pytest.mark.parametrize("asked", [Path.open, Path.stat, Path.resolve])
def test_a_file_that_may_not_be_read_is_rejected_and_the_others_go_on(
    asked: Callable[..., Any], house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.offer(april__csv=APRIL, may__csv=MAY)
    _no_permission(house.folder / "april.csv", monkeypatch, asked)
    intake = house.ingest_folder()
    assert reasons(intake)["april.csv"].startswith(
        "april.csv, the whole file: expected a file that can be read; found Permission denied. "
    )
    assert [drop.file for drop in house.store] == ["may.csv"]


def test_a_file_that_fails_in_the_middle_is_rejected_and_a_full_disk_is_not_laid_on_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.offer(april__csv=APRIL, may__csv=MAY)
    copy = shutil.copyfile

    def fail_as(number: int) -> None:
        def copy_badly(source: Path, target: Path) -> Any:
            if source.name == "april.csv":
                raise OSError(number, os.strerror(number), str(source), None, str(target))
            return copy(source, target)

        monkeypatch.setattr(shutil, "copyfile", copy_badly)

    fail_as(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        house.ingest_folder()
    assert house.everything_kept() == {}
    fail_as(errno.EIO)
    assert "expected a file that can be read; found Input/output error" in reasons(house.ingest_folder())["april.csv"]
    assert [drop.file for drop in house.store] == ["may.csv"]


def test_a_folder_that_may_not_be_listed_is_rejected_not_passed_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = house.folder / "closed"
    closed.mkdir()
    walk = os.walk

    def walk_past(top: Path, *, onerror: Callable[[OSError], None], followlinks: bool) -> Any:
        for folder, subfolders, names in walk(top, onerror=onerror, followlinks=followlinks):
            if "closed" in subfolders:
                subfolders.remove("closed")
                onerror(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(closed)))
            yield folder, subfolders, names

    monkeypatch.setattr(os, "walk", walk_past)
    intake = house.offer(april__csv=APRIL).ingest_folder()
    assert "closed, the whole folder: expected a folder that can be listed" in reasons(intake)["closed"]
    assert [drop.file for drop in house.store] == ["april.csv"]


def test_a_folder_under_the_name_of_a_drop_is_a_folder(house: House) -> None:
    (house.folder / "2026.csv").mkdir()
    (house.folder / "2026.csv" / "april.csv").write_bytes(APRIL)
    assert (house.ingest_folder().rejected, [drop.source_path for drop in house.store]) == ([], ["2026.csv/april.csv"])


def test_a_name_that_is_no_utf_8_is_rejected_and_the_others_go_on(house: House) -> None:
    (house.folder / os.fsdecode(b"month \x96 may")).mkdir()
    for name in (b"iapt \x96 month.csv", b"notes \x96.txt", b"month \x96 may/may.csv"):
        (house.folder / os.fsdecode(name)).write_bytes(MAY)
    intake = house.offer(april__csv=APRIL).ingest_folder()
    assert set(reasons(intake)) == {r"iapt \x96 month.csv", r"month \x96 may/may.csv"}
    assert "expected a name in UTF-8" in reasons(intake)[r"iapt \x96 month.csv"]
    assert intake.ignored == [r"notes \x96.txt"]
    json.dumps([intake.rejected, intake.ignored], ensure_ascii=False).encode()
    assert [drop.file for drop in house.store] == ["april.csv"]


def test_files_are_found_in_the_order_of_their_paths_whatever_the_disk_says(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b/2.csv", "a/1.csv", "c.csv", "a.csv"):
        (house.folder / name).parent.mkdir(exist_ok=True)
        (house.folder / name).write_bytes(APRIL)
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda *a, **k: [(f, s[::-1], n[::-1]) for f, s, n in walk(*a, **k)][::-1])
    found = [file.relative_path for file in discover_files(house.folder).files]
    assert found == ["a.csv", "a/1.csv", "b/2.csv", "c.csv"]


# -- origins ----------------------------------------------------------------------------------------------------------


def test_synthetic_drops_beside_published_ones_are_rejected(house: House) -> None:
    sidecar(house, "provenance.json", {"april.csv": {"data_origin": "synthetic"}})
    intake = house.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    assert intake.origin == "published"
    assert "expected drops of one origin in a folder (published)" in reasons(intake)["april.csv"]
    assert [drop.file for drop in house.store] == ["may.csv"]


def test_a_folder_of_synthetic_drops_is_read_apart_from_published_ones(house: House) -> None:
    house.offer(may__csv=MAY).ingest_folder()
    (house.folder / "may.csv").unlink()
    sidecar(house, "provenance.json", {}, data_origin="synthetic")
    assert house.offer(synthetic__csv=SYNTHETIC).ingest_folder().origin == "synthetic"
    assert [drop.file for drop, _ in house.read(origin="published").usable] == ["may.csv"]
    assert [drop.file for drop, _ in house.read(origin="synthetic").usable] == ["synthetic.csv"]


def test_a_drop_that_looks_published_and_wears_the_mark_of_a_demonstration_is_rejected(house: House) -> None:
    house.offer(april__csv=SYNTHETIC, may__csv=MAY).ingest_folder()
    reading = house.read()
    assert [drop.file for drop, _ in reading.usable] == ["may.csv"]
    ((drop, rejection),) = reading.rejected
    assert drop.file == "april.csv"
    assert "the mark of a demonstration drop" in str(DropRejectedError(**rejection))


def test_bytes_kept_under_one_origin_are_rejected_under_another(house: House) -> None:
    house.offer(april__csv=SYNTHETIC).ingest_folder()
    sidecar(house, "provenance.json", {}, data_origin="synthetic")
    intake = house.ingest_folder()
    assert "expected published bytes, as which they were archived before" in reasons(intake)["april.csv"]
    assert intake.offered == []


def test_an_empty_folder_offers_nothing(house: House) -> None:
    intake = house.ingest_folder()
    assert (intake.origin, intake.offered, intake.new, intake.rejected) == ("published", [], [], [])
    assert house.read() == ReadResult()


# -- what names say ---------------------------------------------------------------------------------------------------

NAMES = {
    "iapt-month-Jan-2021-final-data.xlsx": ("definitive", 1),
    "iapt-month-Apr-21-final-data.xlsx": ("definitive", 1),
    "iapt-month-august-2021-final-data-v2.csv": ("definitive", 2),
    "iapt_month_apr_2022_activity_updated.csv": ("definitive", 1),
    "iapt_month_feb_2023_activity v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity%20v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity+v2.csv": ("definitive", 2),
    "iapt_month_feb_2023_activity_v2.csv": ("definitive", 2),
    "iapt_month_mar_2023_activity_final.csv": ("definitive", 1),
    "iapt_month_mar_2023_activity_refresh.csv": ("definitive", 1),
    "iapt_month_mar_2023_activity_primary.csv": ("provisional", 1),
    "nhstalkingtherapies_month_may_2023_activity_performance.csv": ("definitive", 1),
    "nhstalkingtherapies_month_may_2023_activity_provisional.csv": ("provisional", 1),
    "nhstalkingtherapies_month_may_2023_activity_Provisional_V3.csv": ("provisional", 3),
    "nhstalkingtherapies_quarterly_data_q1_26_27.zip": ("definitive", 1),
    "iapt-quarterly-STP-and-CCG-Q3.csv": ("definitive", 1),
    "psych-ther-ann-2017-18-csvs.zip": ("definitive", 1),
    "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2022-23-main-v2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-main2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-2.zip": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25.zip": ("definitive", 1),
    "feb2019_feb2020.xlsx": ("definitive", 1),
    "talking_therapies_time_series_apr_2026.csv": ("definitive", 1),
    "iapt_month_apr_2026 (v2).csv": ("definitive", 2),
    "iapt_month_apr_2026.v3.csv": ("definitive", 3),
    "psych-ther-ann-rep-csv-2024-25-mainv2.csv": ("definitive", 2),
    "psych-ther-ann-rep-csv-2024-25-main-csv2.csv": ("definitive", 2),
    "iapt_month_apr_2026_version_2.csv": ("definitive", 2),
    "iapt_month_apr_2026_final_revised.csv": ("definitive", 2),
    "iapt_month_apr_2026_Corrected.csv": ("definitive", 2),
    "iapt_month_apr_2026_v2_corrected.csv": ("definitive", 3),
    # A copy that a browser numbered, and versions of the dataset, say nothing of an issue.
    "iapt_month_apr_2026 (2).csv": ("definitive", 1),
    "iapt_v2_dataset_month_jun_2022.csv": ("definitive", 1),
    "nhs_v2.1_dataset_month_jun_2022.csv": ("definitive", 1),
    "iapt_month_jun_2022_v2.0.csv": ("definitive", 1),
    "Primary_care_apr_2026.csv": ("definitive", 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_says_its_status_and_revision(name: str) -> None:
    precedence = drops.catalogue().precedence
    assert (precedence.infer_status(name), precedence.infer_revision(name)) == NAMES[name]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("pack-main-v2.csv", "pack-main.csv"),
        ("pack-main%20v2.csv", "pack-main.csv"),
        ("pack-Main (v2).csv", "pack-main.csv"),
        ("pack-mainv2.csv", "pack-main.csv"),
        ("pack-main2.csv", "pack-main.csv"),
        ("pack-main-csv2.csv", "pack-main-csv.csv"),
        ("pack-2024-25-2.csv", "pack-2024-25.csv"),
        ("pack_version_3.csv", "pack_v2.csv"),
        ("pack_main_corrected.csv", "pack_main.csv"),
    ],
)
def test_two_issues_of_one_file_share_their_name_without_the_revision(later: str, earlier: str) -> None:
    precedence = drops.catalogue().precedence
    assert precedence.remove_revision(later) == precedence.remove_revision(earlier)
    assert precedence.infer_revision(later) > precedence.infer_revision(earlier)


def names_rejected(house: House) -> list[str]:
    """Take the folder in, read it, and say which other names of known bytes are rejected, and why."""
    intake = ingest_folder(house.folder, house.store, drops.catalogue(), KEPT_AT, house.observations)
    usable = house.read().usable
    return [
        str(DropRejectedError(**each)) for each in find_name_conflicts(intake.other_names, usable, drops.catalogue())
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_known_bytes_under_a_name_of_another_month_are_told(house: House, at_once: bool) -> None:
    house.offer(**{"iapt_month_apr_2026__csv": APRIL})
    if not at_once:
        assert names_rejected(house) == []
    house.offer(**{"iapt_month_apr_2027__csv": APRIL})
    (reason,) = names_rejected(house)
    assert "iapt_month_apr_2027.csv, its name: expected a file of the period that the name says: apr 2027" in reason
    assert "the very bytes that are in use as iapt_month_apr_2026.csv, of 2026-04" in reason
    assert [drop.file for drop in house.store] == ["iapt_month_apr_2026.csv"]


def test_an_annual_table_first_offered_under_the_wrong_year_is_told_and_the_remedy_works(house: House) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])
    house.offer(**{"psych-ther-ann-rep-2021-22-main__csv": main})
    assert names_rejected(house) == []
    house.offer(**{"psych-ther-ann-rep-2022-23-main-v2__csv": main})
    (reason,) = names_rejected(house)
    (drop,) = house.store
    assert drop.file == "psych-ther-ann-rep-2021-22-main.csv"
    assert f"remove the folder drops/{drop.sha256} from the home" in reason
    shutil.rmtree(house.store.folder / drop.sha256)
    (house.folder / "psych-ther-ann-rep-2021-22-main.csv").unlink()
    assert names_rejected(house) == []
    ((_, summary),) = house.read().usable
    assert summary.tables[0].periods == ["2022-23"]


@pytest.mark.parametrize(
    ("first", "then", "known_as"),
    [
        ("april_provisional", "april_performance", "april_performance"),
        ("april_performance", "april_provisional", "april_performance"),
        ("april_performance", "april_performance_v2", "april_performance_v2"),
        ("april_performance_v2", "april_performance", "april_performance_v2"),
        ("april_performance", "april_provisional_v2", "april_performance"),
        ("april_performance", "april_final", "april_performance"),
    ],
)
def test_known_bytes_take_the_name_that_says_them_definitive_or_revised(
    house: House, first: str, then: str, known_as: str
) -> None:
    house.offer(**{f"{first}__csv": APRIL})
    assert names_rejected(house) == []
    house.offer(**{f"{then}__csv": APRIL})
    for _ in range(2):
        assert names_rejected(house) == []
        assert [drop.file for drop in house.store] == [f"{known_as}.csv"]


# -- reading what is kept ---------------------------------------------------------------------------------------------


def test_a_reissued_month_is_counted_once(house: House) -> None:
    """`iapt status` counts what stands: the re-issue, and not the drop it replaces."""
    house.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    house.read()
    (once,) = summarise_series(house.read().usable, frozenset())
    house.offer(april_v2__csv=APRIL.replace(b",25", b",30")).ingest_folder()
    reading = house.read()
    (held,) = summarise_series(
        reading.usable, find_wholly_replaced_drops(reading.usable, house.observations, drops.catalogue())
    )
    assert len(reading.usable) == 3
    assert (held.drops, held.replaced, held.cells) == (2, 1, once.cells)
    assert (held.first_period, held.last_period) == (once.first_period, once.last_period)


def test_a_second_reading_reads_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.offer(april__csv=APRIL, may__csv=MAY, broken__csv=b"not,a,known\nheader,of,any\n").ingest_folder()
    seen: list[tuple[object, ...]] = []
    first = read_archived_drops(
        house.store, house.observations, drops.catalogue(), "published", lambda *step: seen.append(step)
    )
    assert (len(first.read), first.known, len(first.usable), len(first.rejected)) == (3, [], 2, 1)
    assert seen == [
        ("reading drops: april.csv", 0, 3),
        ("reading drops: broken.csv", 1, 3),
        ("reading drops: may.csv", 2, 3),
        ("reading drops: may.csv", 3, 3),
    ]
    monkeypatch.setattr("iapt.ingest.drop_reading.read_drop", lambda *_: pytest.fail("a drop was read again"))
    second = house.read()
    assert second.read == []
    assert sorted(second.known) == sorted(first.read)
    assert (second.usable, second.rejected) == (first.usable, first.rejected)


def test_only_the_new_drop_of_a_grown_folder_is_read(house: House) -> None:
    house.offer(april__csv=APRIL).ingest_folder()
    house.read()
    (new,) = house.offer(may__csv=MAY).ingest_folder().new
    assert house.read().read == [new]


def edited_catalogue(folder: Path, edit: Callable[[Path], object]) -> Catalogue:
    copy = folder / "catalogue"
    shutil.copytree(drops.CATALOGUE, copy, dirs_exist_ok=True)
    edit(copy)
    return Catalogue(copy)


def edit_layout(stem: str, **changes: Any) -> Callable[[Path], object]:
    def edit(catalogue: Path) -> None:
        path = catalogue / "layouts" / f"{stem}.yml"
        path.write_text(
            yaml.safe_dump({**yaml.safe_load(path.read_text("utf-8")), **changes}, sort_keys=False), "utf-8"
        )

    return edit


def two_layouts(house: House) -> tuple[ArchivedDrop, ArchivedDrop]:
    name, quarterly = drops.make_published_drops()["quarterly_wide"]
    (house.folder / name).write_bytes(quarterly)
    house.offer(april__csv=APRIL).ingest_folder()
    house.read()
    first, second = house.store
    return first, second


def test_a_changed_layout_reads_again_the_drops_it_concerns_and_no_others(house: House, tmp_path: Path) -> None:
    monthly, _ = two_layouts(house)
    tokens = {"*": "suppressed", "NULL": "not_applicable", "..": "not_published"}
    changed = edited_catalogue(tmp_path, edit_layout("monthly_long", tokens=tokens))
    assert house.read(changed).read == [monthly.sha256]
    assert house.read(changed).read == []


def test_a_catalogue_written_otherwise_but_saying_the_same_reads_nothing_again(house: House, tmp_path: Path) -> None:
    two_layouts(house)
    assert house.read(edited_catalogue(tmp_path, edit_layout("monthly_long"))).read == []


def test_a_raised_reader_version_reads_everything_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    two_layouts(house)
    monkeypatch.setattr("iapt.ingest.observation_store.READER_VERSION", 1_000_000)
    assert len(house.read().read) == 2


def test_rejected_drops_are_tried_again_when_a_layout_changes_and_only_then(house: House, tmp_path: Path) -> None:
    with_dots = make_monthly_csv(make_row("25"), make_row("..", measure=FINISHED))
    house.offer(april__csv=with_dots).ingest_folder()
    assert len(house.read().rejected) == 1
    assert house.read().read == []
    tokens = {"*": "suppressed", "NULL": "not_applicable", "..": "not_published"}
    mended = house.read(edited_catalogue(tmp_path, edit_layout("monthly_long", tokens=tokens)))
    assert len(mended.read) == len(mended.usable) == 1
    assert mended.usable[0][1].observations == 2


def test_a_drop_rejected_by_a_limit_is_tried_again_when_the_limit_is_raised(house: House) -> None:
    house.offer(pack__zip=drops.make_zip({"a.csv": APRIL, "b.csv": APRIL})).ingest_folder()
    ((_, rejection),) = house.read(drops.with_limits(max_members=1)).rejected
    assert "catalogue/limits.yml" in rejection["remedy"]
    assert house.read(drops.with_limits(max_members=1)).read == []
    assert len(house.read(drops.with_limits(max_members=2)).usable) == 1


def test_a_pack_with_tables_unread_is_read_again_when_a_layout_may_know_them(house: House, tmp_path: Path) -> None:
    main = drops.make_csv(drops.ANNUAL_HEADERS["2022-23"], [drops.make_annual_row("25")])
    effect = b"Year begins,Code,Effect\n2022-04-01,ZZ-P1,0.5\n"
    pack = drops.make_zip({"main.csv": main, "effect.csv": effect})
    (house.folder / "annual-2022-23.zip").write_bytes(pack)
    house.offer(april__csv=APRIL).ingest_folder()
    assert len(house.read().usable) == 2

    def add_layout(catalogue: Path) -> None:
        shutil.copy(catalogue / "layouts" / "data_quality.yml", catalogue / "layouts" / "effect_wide.yml")
        edit_layout(
            "effect_wide",
            name="effect_wide",
            series="annual",
            period_grain="year",
            recognise={"header_row": 1, "required": ["Year begins", "Code", "Effect"]},
            period={"from": "columns", "start": "Year begins", "date_styles": ["iso"]},
            levels={"always": {"level": "provider", "organisation": ["Code"]}},
            variables="total",
            measures={"shape": "wide", "columns": ["Effect"]},
        )(catalogue)

    again = house.read(edited_catalogue(tmp_path, add_layout))
    summaries = {drop.file: summary for drop, summary in again.usable}
    assert [table.layout for table in summaries["annual-2022-23.zip"].tables] == ["annual_main_wide", "effect_wide"]
    assert summaries["annual-2022-23.zip"].unread == []
    assert len(again.read) == 1


def test_the_drops_of_a_period_are_those_that_publish_it_at_its_grain(house: House) -> None:
    series = make_monthly_csv(make_row("25"), make_row("35", start="01/05/2026", end="31/05/2026"))
    quarter = drops.make_csv(drops.QUARTERLY_LONG_HEADER, [drops.make_quarterly_row("100")])
    house.offer(april__csv=APRIL, may__csv=MAY, series__csv=series, quarter__csv=quarter).ingest_folder()
    usable = house.read().usable

    def files(grain: str, start: str) -> list[str]:
        return [drop.file for drop, _ in list_drops_of_period(usable, grain, start)]

    assert files("month", "2026-04-01") == ["april.csv", "series.csv"]
    assert files("month", "2026-05-01") == ["may.csv", "series.csv"]
    assert files("quarter", "2026-04-01") == ["quarter.csv"]
    assert files("year", "2026-04-01") == []


def test_a_found_file_is_published_under_the_open_licence_unless_its_folder_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "april.csv").write_bytes(APRIL)
    assert discover_files(tmp_path).files == [OfferedFile(tmp_path / "april.csv", "april.csv", "published")]
