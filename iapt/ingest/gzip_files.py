"""Gzip: one table compressed alone, such as `activity.csv.gz`, unpacked within limits."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from iapt.catalogue.limits import Limits
from iapt.ingest.packs import reject_oversize, reject_posing
from iapt.ingest.tables import GET_IT_AGAIN
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import recognise_format

_WHOLE: Final = "the whole file"
_COMPLETE: Final = "a complete gzip archive"
_CHUNK_BYTES: Final = 1 << 20
#: To zlib: a header and an end as gzip has them, with size and checksum to be compared.
_GZIP_WINDOW: Final = 31
#: The parts of an archive written by several processors; those of the largest file allowed would be fewer.
_MOST_PARTS: Final = 100_000


def unpack_gzip(path: Path, file: str, limits: Limits, target: Path) -> None:
    """Write what a gzip archive holds to a path of ours.

    An archive may consist of several parts, which together are one file, and of nothing else. Raises DropRejectedError
    where it is damaged or cut short, holds nothing, is no gzip, or would unpack to more than the limits allow.
    """
    with path.open("rb") as stream:
        reject_posing(recognise_format(stream), ".gz", file, "")
    packed_bytes, unpacked_bytes = path.stat().st_size, 0
    try:
        with target.open("wb") as written:
            for chunk in _inflate(path):
                unpacked_bytes += len(chunk)
                reject_oversize(unpacked_bytes, packed_bytes, limits, file, _WHOLE)
                written.write(chunk)
    except (zlib.error, EOFError) as error:
        raise DropRejectedError(file, _WHOLE, _COMPLETE, str(error), GET_IT_AGAIN) from error
    if not unpacked_bytes:
        raise DropRejectedError(file, _WHOLE, "a published table", "an empty file, compressed", GET_IT_AGAIN)


def _inflate(path: Path) -> Iterator[bytes]:
    """Yield what an archive holds, some at a time. Raises zlib.error or EOFError where it is damaged or cut short."""
    parts, inflater = 1, zlib.decompressobj(_GZIP_WINDOW)
    with path.open("rb") as packed:
        rest = packed.read(_CHUNK_BYTES)
        while rest:
            if inflater.eof:
                parts, inflater = parts + 1, zlib.decompressobj(_GZIP_WINDOW)
                if parts > _MOST_PARTS:
                    raise zlib.error(f"more than {_MOST_PARTS:,} parts")
            yield inflater.decompress(rest, _CHUNK_BYTES)
            # What is left over belongs to the next part, or waits for its turn.
            rest = inflater.unused_data or inflater.unconsumed_tail or packed.read(_CHUNK_BYTES)
    if not inflater.eof:
        raise EOFError("one that is cut short")
