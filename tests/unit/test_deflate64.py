"""Deflate64: members are read as any others, and one that lies about its size or bytes is rejected by name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from iapt.ingest import deflate64
from tests.factories import drops
from tests.factories.deflate64 import compress_deflate64, make_deflate64_zip

NAME = "iapt_month_apr_2026_activity"
FIGURES = [str(5 * number) for number in range(1, 400)]
CSV = drops.make_monthly_csv(
    *(drops.make_row(value, measure=(f"M{at:03}", "Count")) for at, value in enumerate(FIGURES))
)


def members_left(notices: list[str]) -> list[str]:
    return [notice.rpartition(": ")[2] for notice in notices if notice.startswith("a member ")]


def test_the_members_of_a_pack_compressed_by_deflate64_are_read(tmp_path: Path) -> None:
    read = drops.read(tmp_path, f"{NAME}.zip", make_deflate64_zip({f"{NAME}.csv": CSV, "guide.pdf": b"%PDF-1.7"}))
    assert [cell["value_as_published"] for cell in read.observations] == FIGURES
    assert {cell["source_member"] for cell in read.observations} == {f"{NAME}.csv"}
    assert members_left(read.summary.notices) == ["guide.pdf"]


def test_a_workbook_compressed_by_deflate64_is_read(tmp_path: Path) -> None:
    book = drops.make_xlsx({"apr": [drops.MONTHLY_HEADER, drops.make_row("25")]})
    read = drops.read(tmp_path, f"{NAME}.zip", make_deflate64_zip({"book.xlsx": book}))
    assert [cell["value_as_published"] for cell in read.observations] == ["25"]


def test_a_member_that_is_not_opened_is_still_named_as_what_it_is(tmp_path: Path) -> None:
    members = {f"{NAME}.csv": CSV, "inner.zip": drops.make_zip({"a.csv": CSV}), "other.dat": b"a,b"}
    notices = drops.read(tmp_path, f"{NAME}.zip", make_deflate64_zip(members)).summary.notices
    assert members_left(notices) == [
        "inner.zip (a ZIP container)",
        "other.dat (a file ending in .dat)",
    ]


@pytest.mark.parametrize(
    ("pack", "found"),
    [
        pytest.param(make_deflate64_zip({"a.csv": CSV}, size=len(CSV) - 1), "more than the", id="more than declared"),
        pytest.param(make_deflate64_zip({"a.csv": CSV}, size=len(CSV) + 1), "that the ZIP says it has", id="less"),
        pytest.param(make_deflate64_zip({"a.csv": CSV}, checksum=1), "another checksum", id="another checksum"),
        pytest.param(
            make_deflate64_zip({"a.csv": CSV}, packed=compress_deflate64(CSV)[:-40]), "end before the member", id="cut"
        ),
        pytest.param(make_deflate64_zip({"a.csv": CSV}, packed=b"\xff" * 900), "no Deflate64", id="no Deflate64"),
    ],
)
def test_a_member_that_is_not_as_the_zip_says_is_rejected_by_name(pack: bytes, found: str, tmp_path: Path) -> None:
    rejection = drops.read(tmp_path, f"{NAME}.zip", pack).rejection
    assert f"{NAME}.zip, member a.csv: expected a member that unpacks; found" in rejection
    assert found in rejection


def test_a_bomb_that_declares_few_bytes_is_stopped_at_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inflated: list[int] = []

    class Counting:
        def __init__(self) -> None:
            self._inflater = inflater()

        @property
        def eof(self) -> bool:
            return self._inflater.eof

        def inflate(self, chunk: bytes) -> bytes:
            inflated.append(len(made := self._inflater.inflate(chunk)))
            return made

    inflater = deflate64.inflate64.Inflater
    monkeypatch.setattr(deflate64.inflate64, "Inflater", Counting)
    bomb = make_deflate64_zip({"a.csv": bytes(200_000_000)}, size=1000)
    assert len(bomb) < 100_000
    assert "more than the 1,000 bytes" in drops.read(tmp_path, f"{NAME}.zip", bomb).rejection
    assert sum(inflated) < 9_000_000


def test_a_stream_ends_where_the_member_does_whatever_follows_it(tmp_path: Path) -> None:
    path = tmp_path / "pack.zip"
    path.write_bytes(make_deflate64_zip({"a.csv": CSV}, packed=compress_deflate64(CSV) + b"more"))
    with zipfile.ZipFile(path) as archive, deflate64.open_deflate64(archive, archive.infolist()[0]) as stream:
        assert (stream.read(7), stream.read(), stream.read()) == (CSV[:7], CSV[7:], b"")
