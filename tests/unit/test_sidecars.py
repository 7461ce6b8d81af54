"""Sidecars: what a provenance file says of the drops beside it, and what a malformed one does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from iapt.ingest.ingestion import ingest_folder
from iapt.sources.folder import discover_files
from tests.factories import drops
from tests.factories.drop_home import (
    APRIL,
    ARCHIVED_AT,
    MAY,
    SYNTHETIC,
    DropHome,
    read_reasons,
    write_sidecar,
)


@pytest.fixture
def home(tmp_path: Path) -> DropHome:
    return DropHome(tmp_path)


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_sidecar_says_how_a_drop_was_made_and_where_it_came_from(name: str, home: DropHome) -> None:
    said = {"made": "re-laid", "source": "an archive", "licence": "OGL", "sha256": hashlib.sha256(APRIL).hexdigest()}
    write_sidecar(home, name, {"april.csv": said})
    result = home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    april, may = home.drops
    assert (april.made, april.source, april.licence) == ("re-laid", "an archive", "OGL")
    assert (may.made, may.source, may.licence) == ("", "", "Open Government Licence v3.0")
    assert result.ignored == [name]


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_bytes_that_are_not_those_the_sidecar_declares_are_rejected(name: str, home: DropHome) -> None:
    write_sidecar(home, name, {"april.csv": {"sha256": "0" * 64}})
    result = home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    assert f"expected the bytes its provenance declares, sha256 {'0' * 64}; found" in read_reasons(result)["april.csv"]
    assert [drop.file for drop in home.drops] == ["may.csv"]


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_declared_sum_may_be_written_in_capitals(name: str, home: DropHome) -> None:
    write_sidecar(home, name, {"april.csv": {"sha256": hashlib.sha256(APRIL).hexdigest().upper()}})
    result = home.offer(april__csv=APRIL).ingest_folder()
    assert (len(result.new), result.rejected) == (1, [])


@pytest.mark.parametrize("name", ["provenance.json", "provenance.csv"])
def test_a_byte_order_mark_does_not_silence_a_sidecar(name: str, home: DropHome) -> None:
    write_sidecar(home, name, {"april.csv": {"sha256": "0" * 64}})
    path = home.folder / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert list(read_reasons(home.offer(april__csv=APRIL).ingest_folder())) == ["april.csv"]


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
def test_a_sidecar_that_cannot_be_read_rejects_its_own_folder_in_one_sentence(
    name: str, content: bytes, reason: str, home: DropHome
) -> None:
    sub = home.folder / "2026"
    sub.mkdir()
    for folder in (home.folder, sub):
        (folder / "april.csv").write_bytes(APRIL)
        (folder / "may.csv").write_bytes(MAY)
    (sub / name).write_bytes(content)
    result = home.ingest_folder()
    ((path, said),) = read_reasons(result).items()
    assert path == f"2026/{name}"
    assert reason in said
    assert said.endswith("Mend the sidecar: the 2 files that it is about are not used until then.")
    assert len(said) < 400
    assert [drop.source_path for drop in home.drops] == ["april.csv", "may.csv"]
    alone = ingest_folder(sub / "april.csv", home.drops, drops.catalogue(), ARCHIVED_AT)
    assert read_reasons(alone)[name].endswith("Mend the sidecar: april.csv that it is about is not used until then.")


def test_a_sidecar_of_any_length_is_not_read_into_memory(home: DropHome) -> None:
    with (home.folder / "provenance.json").open("wb") as stream:
        stream.truncate(1 << 30)
    assert (
        "a sidecar of at most 16,777,216 bytes"
        in read_reasons(home.offer(april__csv=APRIL).ingest_folder())["provenance.json"]
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
def test_a_malformed_record_rejects_the_file_it_is_about_and_no_other(
    name: str, record: bytes, reason: str, home: DropHome
) -> None:
    content = b'{"files": {"may.csv": {"made": "whole"}, "april.csv": ' + record + b"}}"
    if name.endswith(".csv"):
        content = b"file,sha256,data_origin,made,source\nmay.csv,,,whole,\napril.csv," + record + b"\n"
    (home.folder / name).write_bytes(content)
    result = home.offer(april__csv=APRIL, may__csv=MAY).ingest_folder()
    ((path, said),) = read_reasons(result).items()
    assert path == "april.csv"
    assert said.startswith("april.csv, its provenance: expected ")
    assert reason in said
    assert len(said) < 400
    assert [(drop.file, drop.made) for drop in home.drops] == [("may.csv", "whole")]


def test_the_nearest_sidecar_applies_to_a_folder(home: DropHome) -> None:
    write_sidecar(home, "provenance.json", {"2026/april.csv": {"made": "by hand"}, "april.csv": {"made": "whole"}})
    for folder in ("2026", "demonstration/2026"):
        (home.folder / folder).mkdir(parents=True)
        (home.folder / folder / "april.csv").write_bytes(APRIL if folder == "2026" else SYNTHETIC)
    (home.folder / "demonstration" / "provenance.json").write_text('{"data_origin": "synthetic"}', "utf-8")
    found = {file.relative_path: (file.origin, file.made) for file in discover_files(home.folder).files}
    assert found == {"2026/april.csv": ("published", "by hand"), "demonstration/2026/april.csv": ("synthetic", "")}


def test_a_single_file_is_ingested_with_the_sidecar_beside_it(home: DropHome) -> None:
    write_sidecar(home, "provenance.json", {"april.csv": {"made": "by hand"}}, data_origin="synthetic")
    home.offer(april__csv=APRIL, may__csv=MAY)
    result = ingest_folder(home.folder / "april.csv", home.drops, drops.catalogue(), ARCHIVED_AT)
    (drop,) = home.drops
    assert (drop.file, drop.origin, drop.made, result.origin) == ("april.csv", "synthetic", "by hand", "synthetic")
    with pytest.raises(FileNotFoundError, match="found nothing"):
        ingest_folder(home.folder / "june.csv", home.drops, drops.catalogue(), ARCHIVED_AT)
