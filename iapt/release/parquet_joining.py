"""Joining Parquet files of one schema into one, byte for byte, and the check that a file is such a join.

Row groups are copied as they are, so that nothing is decoded; of the footers only the places of the row groups change.
The same files give the same bytes. The files to join are ours and their hashes were verified before: a footer is parsed
by a library that does not look for damage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_MAGIC: Final = b"PAR1"
#: After the footer: its length in four bytes, and the magic bytes once more.
_TAIL_BYTES: Final = 8
_CHUNK_BYTES: Final = 2**20
#: What says in a footer where something lies in the file.
_CHUNK_OFFSETS: Final = ("file_offset", "offset_index_offset", "column_index_offset")
_COLUMN_OFFSETS: Final = ("data_page_offset", "index_page_offset", "dictionary_page_offset")
#: A number takes at most so many bytes in a footer.
_NUMBER_BYTES: Final = 10


class ParquetJoinError(ValueError):
    """Raised where files cannot be joined: which, what was expected and what was found."""


@dataclass(frozen=True)
class _ParquetFile:
    """A Parquet file: how many bytes there are between the magic bytes and the footer, and the footer."""

    path: Path
    body_bytes: int
    footer: bytes


def join_parquet_files(parts: Sequence[Path], target: Path) -> None:
    """Write the rows of Parquet files, in their order, into one.

    Raises ParquetJoinError where there is no file, one is no Parquet file, one has another schema than the first, or
    one says in its footer what a join would lose, such as where a Bloom filter lies.
    """
    files = [_open_parquet_file(path) for path in parts]
    end = _join_footers(files)
    with target.open("wb") as stream:
        stream.write(_MAGIC)
        for file in files:
            for chunk in _read_body(file):
                stream.write(chunk)
        stream.write(end)


def find_differences_from_parts(file: Path, parts: Sequence[Path]) -> Iterator[str]:
    """Yield how a file differs, byte for byte, from the join of its parts in this order; nothing where it is that.

    A file of no parts holds no rows. Raises ParquetJoinError where the parts cannot be joined.
    """
    if not parts:
        if _open_parquet_file(file).body_bytes:
            yield f"{file.name} holds rows, and there are no parts that they could be of"
        return
    files = [_open_parquet_file(path) for path in parts]
    end = _join_footers(files)
    with file.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            yield f"{file.name} does not begin as a Parquet file"
        for part in files:
            # All of them are read, also after one that differs: the next part begins behind them.
            are_equal = [stream.read(len(chunk)) == chunk for chunk in _read_body(part)]
            if not all(are_equal):
                yield f"{file.name} does not hold the bytes of {part.path.name} where they belong"
        if stream.read(len(end) + 1) != end:
            yield f"{file.name} does not end with the footer that its parts give"


def _open_parquet_file(path: Path) -> _ParquetFile:
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        around = len(_MAGIC) + _TAIL_BYTES
        if size >= around:
            stream.seek(-_TAIL_BYTES, os.SEEK_END)
            length, magic = int.from_bytes(stream.read(4), "little"), stream.read(4)
            stream.seek(0)
            if stream.read(len(_MAGIC)) == magic == _MAGIC and 0 < length <= size - around:
                stream.seek(-_TAIL_BYTES - length, os.SEEK_END)
                return _ParquetFile(path, size - around - length, stream.read(length))
    raise ParquetJoinError(f"{path}: expected a whole Parquet file; found {size} bytes that are none.")


def _read_body(file: _ParquetFile) -> Iterator[bytes]:
    """Yield the bytes between the magic bytes and the footer. Raises ParquetJoinError where the file has shrunk."""
    with file.path.open("rb") as stream:
        stream.seek(len(_MAGIC))
        missing = file.body_bytes
        while missing:
            chunk = stream.read(min(_CHUNK_BYTES, missing))
            if not chunk:
                raise ParquetJoinError(f"{file.path}: expected {missing} bytes more; it changed while it was read.")
            missing -= len(chunk)
            yield chunk


def _join_footers(files: Sequence[_ParquetFile]) -> bytes:
    """Return the end of the file that holds the row groups of these, one file after another: footer, length, magic."""
    if not files:
        raise ParquetJoinError("Expected at least one Parquet file to join; found none.")
    offset, rows = 0, 0
    row_groups: list[Any] = []
    first = joined = _parse_footer(files[0])
    for file in files:
        metadata = _parse_footer(file)
        if _describe_file(metadata) != _describe_file(first):
            raise ParquetJoinError(
                f"{file.path}: expected the columns, and the writer, of {files[0].path.name}; found others. "
                "Files that are joined are all written by one version, of one table."
            )
        for row_group in metadata.row_groups or ():
            _shift(row_group, ("file_offset",), offset)
            for chunk in row_group.columns:
                _shift(chunk, _CHUNK_OFFSETS, offset)
                _shift(chunk.meta_data, _COLUMN_OFFSETS, offset)
            row_groups.append(row_group)
        rows += metadata.num_rows
        offset += file.body_bytes
    joined.num_rows, joined.row_groups = rows, row_groups
    footer = _serialise_footer(joined, sum(len(file.footer) for file in files))
    return footer + len(footer).to_bytes(4, "little") + _MAGIC


def _describe_file(metadata: Any) -> dict[int, Any]:
    """Return what a footer says of the whole file, but for the rows and row groups, by the number of the field."""
    rows_and_row_groups = (3, 4)
    return {field: value for field, value in metadata.contents.items() if field not in rows_and_row_groups}


def _shift(entry: Any, names: Sequence[str], offset: int) -> None:
    """Add to each of these places that an entry of a footer has; 0 says that there is none."""
    for name in names:
        if place := getattr(entry, name):
            setattr(entry, name, place + offset)


def _parse_footer(file: _ParquetFile) -> Any:
    """Return a footer, parsed. Raises ParquetJoinError where it would not be the same when it is written again."""
    from fastparquet import cencoding  # brings pandas, which nobody needs who joins nothing

    metadata = cencoding.from_buffer(file.footer, "FileMetaData")
    if _serialise_footer(metadata, len(file.footer)) != file.footer:
        raise ParquetJoinError(
            f"{file.path}: expected a footer that can be written again as it is; found one that says more, such as "
            "where Bloom filters lie. Write the file without them."
        )
    return metadata


def _serialise_footer(metadata: Any, parsed_bytes: int) -> bytes:
    """Return a footer as bytes; those it was parsed from were so many. Raises ParquetJoinError where it is too long."""
    row_groups = len(metadata.row_groups or ())
    columns = len(metadata.schema)
    most = parsed_bytes + _NUMBER_BYTES * row_groups * (1 + columns * (len(_CHUNK_OFFSETS) + len(_COLUMN_OFFSETS)))
    room = max(500_000, 1000 * row_groups * columns)  # what fastparquet takes for it, without looking whether it fits
    if most > room:
        raise ParquetJoinError(f"Expected footers of {room} bytes together at most; found up to {most}.")
    return bytes(metadata.to_bytes())
