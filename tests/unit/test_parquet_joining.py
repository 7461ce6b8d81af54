"""Parquet files joined without decoding: the rows and their order, the bytes, and what is found where one differs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iapt.release.parquet_joining import ParquetJoinError, find_differences_from_parts, join_parquet_files

Row = tuple[str | None, float | None, bool | None, int | None]
COLUMNS = "name varchar, figure double, is_so boolean, lower_bound bigint"
OPTIONS = "format parquet, compression zstd, row_group_size 2048, write_bloom_filter false"
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=8).filter(lambda text: "\x00" not in text),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    min_size=1,
    max_size=6,
)


def _write(path: Path, rows: Sequence[Row], columns: str = COLUMNS, options: str = OPTIONS) -> Path:
    """Write rows as a Parquet file; a part of more than a row group repeats them."""
    with duckdb.connect() as connection:
        connection.execute(f"create table rows ({columns})")
        connection.executemany("insert into rows values (?, ?, ?, ?)", rows)
        connection.execute(f"copy (select rows.* from rows, range(?)) to '{path}' ({options})", [5000 // len(rows)])
    return path


def _write_parts(folder: Path, rows_of_parts: Sequence[Sequence[Row]]) -> list[Path]:
    return [_write(folder / f"part-{number}.parquet", rows) for number, rows in enumerate(rows_of_parts)]


def _read(*paths: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        return [row for path in paths for row in connection.execute("from read_parquet(?)", [str(path)]).fetchall()]


THREE_PARTS: Sequence[Sequence[Row]] = (
    [("a", 1.5, True, 1), (None, None, None, None)],
    [("b", -2.0, False, 4)],
    [("Überall", 0.0, None, -1)],
)


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Three parts of three row groups each."""
    return _write_parts(tmp_path, THREE_PARTS)


@pytest.fixture
def joined(tmp_path: Path, parts: list[Path]) -> Path:
    """The file that the parts give."""
    join_parquet_files(parts, tmp_path / "joined.parquet")
    return tmp_path / "joined.parquet"


@settings(max_examples=20, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_a_joined_file_has_the_rows_of_its_parts_in_their_order(rows_of_parts: list[list[Row]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        parts = _write_parts(Path(name), rows_of_parts)
        joined = Path(name) / "joined.parquet"
        join_parquet_files(parts, joined)
        assert _read(joined) == _read(*parts)
        assert list(find_differences_from_parts(joined, parts)) == []
        # Bytes of the parts, and not one decoded: only the footers and their frames are written anew.
        bodies = [part.read_bytes()[4:-8] for part in parts]
        lengths = [int.from_bytes(part.read_bytes()[-8:-4], "little") for part in parts]
        expected = b"".join(body[: len(body) - length] for body, length in zip(bodies, lengths, strict=True))
        assert joined.read_bytes()[4:].startswith(expected)


def test_pandas_reads_a_joined_file_as_it_reads_its_parts(joined: Path, parts: list[Path]) -> None:
    frame = fastparquet.ParquetFile(str(joined)).to_pandas()
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        assert connection.execute("select count(*), count(name), sum(figure) from frame").fetchall() == [
            (15_000, 12_500, 2500 * 1.5 - 5000 * 2.0)
        ]
    assert frame["name"].dropna().tolist() == [row[0] for row in _read(*parts) if row[0] is not None]


def test_duckdb_finds_each_row_group_of_a_joined_file_by_its_own_statistics(joined: Path, parts: list[Path]) -> None:
    """Else a query that skips row groups would miss rows."""

    def list_statistics(path: Path) -> list[tuple[Any, ...]]:
        columns = "path_in_schema, row_group_num_rows, stats_min_value, stats_max_value, stats_null_count"
        return connection.execute(f"select {columns} from parquet_metadata(?)", [str(path)]).fetchall()

    with duckdb.connect() as connection:
        found = connection.execute("select count(*) from read_parquet(?) where name = 'b'", [str(joined)]).fetchall()
        assert found == [(5000,)]
        assert list_statistics(joined) == [row for part in parts for row in list_statistics(part)]


def test_the_same_parts_give_the_same_bytes(tmp_path: Path, parts: list[Path], joined: Path) -> None:
    join_parquet_files(parts, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == joined.read_bytes()


def test_a_file_of_one_part_is_that_part(tmp_path: Path, parts: list[Path]) -> None:
    join_parquet_files(parts[:1], tmp_path / "one.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == parts[0].read_bytes()


@pytest.mark.parametrize("part", range(3))
def test_a_byte_that_differs_in_the_rows_is_found_and_its_part_named(
    joined: Path, parts: list[Path], part: int
) -> None:
    content = bytearray(joined.read_bytes())
    bodies = [path.stat().st_size - 12 - int.from_bytes(path.read_bytes()[-8:-4], "little") for path in parts]
    content[4 + sum(bodies[: part + 1]) - 1] ^= 1
    joined.write_bytes(content)
    assert list(find_differences_from_parts(joined, parts)) == [
        f"joined.parquet does not hold the bytes of part-{part}.parquet where they belong"
    ]


@pytest.fixture(scope="module")
def two_parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], bytes]:
    """Two parts, and the bytes of the file that they give."""
    folder = tmp_path_factory.mktemp("two_parts")
    parts = _write_parts(folder, THREE_PARTS[:2])
    join_parquet_files(parts, folder / "joined.parquet")
    return parts, (folder / "joined.parquet").read_bytes()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_bit_that_differs_is_found(two_parts: tuple[list[Path], bytes], data: st.DataObject) -> None:
    parts, content = two_parts
    place = data.draw(st.integers(0, len(content) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = parts[0].with_name("changed.parquet")
    changed.write_bytes(content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :])
    assert list(find_differences_from_parts(changed, parts))


def test_rows_that_lie_elsewhere_by_the_footer_are_found(joined: Path, parts: list[Path]) -> None:
    """Parts in another order have the same bytes of rows, but for where they lie."""
    assert list(find_differences_from_parts(joined, parts[::-1]))
    assert list(find_differences_from_parts(joined, parts[:2]))
    assert list(find_differences_from_parts(joined, [*parts, parts[2]]))


def test_bytes_after_a_file_are_found(joined: Path, parts: list[Path]) -> None:
    joined.write_bytes(joined.read_bytes() + b"PAR1")
    assert list(find_differences_from_parts(joined, parts)) == [
        "joined.parquet does not end with the footer that its parts give"
    ]


def test_a_file_without_parts_holds_no_rows(tmp_path: Path, parts: list[Path]) -> None:
    empty = tmp_path / "empty.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 1 as one where false) to '{empty}' ({OPTIONS})")
    assert list(find_differences_from_parts(empty, [])) == []
    assert list(find_differences_from_parts(parts[0], [])) == [
        "part-0.parquet holds rows, and there are no parts that they could be of"
    ]


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS.replace("double", "float"),
        COLUMNS.replace("figure", "value"),
        "figure double, name varchar, is_so boolean, lower_bound bigint",
    ],
)
def test_files_of_other_columns_are_not_joined(tmp_path: Path, parts: list[Path], columns: str) -> None:
    other = _write(tmp_path / "other.parquet", [("1", 2, True, 4)], columns)
    with pytest.raises(ParquetJoinError, match=r"other\.parquet: expected the columns, and the writer, of part-0"):
        join_parquet_files([*parts, other], tmp_path / "joined.parquet")
    assert not (tmp_path / "joined.parquet").exists()


def test_what_a_join_would_lose_is_refused(tmp_path: Path) -> None:
    options = OPTIONS.replace("write_bloom_filter false", "write_bloom_filter true")
    part = _write(tmp_path / "part.parquet", THREE_PARTS[0], options=options)
    with pytest.raises(ParquetJoinError, match="Write the file without them"):
        join_parquet_files([part], tmp_path / "joined.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"period,value\n2026-01,5\n"])
def test_what_is_no_parquet_file_is_not_joined(tmp_path: Path, parts: list[Path], content: bytes) -> None:
    (tmp_path / "other.parquet").write_bytes(content)
    with pytest.raises(ParquetJoinError, match="expected a whole Parquet file"):
        join_parquet_files([*parts, tmp_path / "other.parquet"], tmp_path / "joined.parquet")


def test_nothing_is_joined_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ParquetJoinError, match="at least one"):
        join_parquet_files([], tmp_path / "joined.parquet")
