"""What the bytes of a CSV say before it is read: blank lines are found whatever ends the lines, wherever they fall."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.ingest import csv_files
from iapt.ingest.observation_store import UNFINISHED, ObservationStore
from iapt.ingest.reading import open_reading_connection
from tests.factories import drops

BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
ROWS = [drops.make_row("5"), drops.make_row("10", measure=("M002", "Count_SelfReferrals"))]


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"ab"]), max_size=12).map(b"".join))
def test_no_blank_line_is_overlooked(text: bytes) -> None:
    if any(blank in text for blank in BLANK_LINES):
        assert csv_files._may_have_blank_line(text)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("inspected_bytes", [1, 2, 7, 64, 1 << 18])
def test_a_blank_row_is_found_wherever_the_bytes_are_parted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, inspected_bytes: int
) -> None:
    monkeypatch.setattr(csv_files, "_INSPECTED_BYTES", inspected_bytes)
    lines = [",".join(map(str, row)) for row in (drops.MONTHLY_HEADER, *ROWS)]
    name = "iapt_month_apr_2026_activity.csv"
    sound = drops.read(tmp_path / "sound", name, ends.join([*lines, ""]).encode())
    assert sound.summary.rejection is None
    parted = drops.read(tmp_path / "parted", name, ends.join([*lines[:2], "", *lines[2:], ""]).encode())
    assert parted.summary.rejection is not None
    assert parted.summary.rejection["found"] == "a blank line"


@pytest.mark.parametrize("inspected_bytes", [1, 3, 1 << 18])
def test_letters_that_are_parted_are_still_utf_8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inspected_bytes: int
) -> None:
    monkeypatch.setattr(csv_files, "_INSPECTED_BYTES", inspected_bytes)
    for name, content in (
        ("utf-8", "Café, £5".encode()),
        ("latin-1", "Café".encode("cp1252")),
        ("latin-1", b"Caf\xc3"),
    ):
        path = tmp_path / "text.csv"
        path.write_bytes(content)
        assert csv_files._inspect_bytes(path, path.name, "").encoding == name


def test_what_does_not_fit_is_spilt_into_the_store_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IAPT_MEMORY_MB", "256")
    store = ObservationStore(tmp_path / "observations")
    with open_reading_connection(store) as connection:
        settings = "select current_setting('temp_directory'), current_setting('memory_limit')"
        [(spill, limit)] = connection.execute(settings).fetchall()
        assert (Path(spill).parent, limit) == (store.folder, "256.0 MiB")
        assert Path(spill).name.startswith(UNFINISHED)
    assert list(store.folder.iterdir()) == []
    (store.folder / f"{UNFINISHED}spill-1").mkdir()
    store.remove_unfinished()
    assert list(store.folder.iterdir()) == []
    with open_reading_connection() as connection, pytest.raises(duckdb.Error):
        connection.execute("create temp table large as select range || repeat('a', 40) as text from range(9000000)")
