"""Files got by hand, where the publisher refuses a program: which, from which page, into which folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from iapt.catalogue.limits import Limits
from iapt.catalogue.publications import Publication, find_page_address
from iapt.catalogue.publisher import Publisher
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import HEAD_BYTES
from iapt.sources.first_bytes import check_first_bytes
from iapt.sources.folder import describe_os_error
from iapt.sources.remote_files import NotAFileError

#: What a browser adds to the name of a second copy.
_COPY = re.compile(r" ?\(\d{1,3}\)(?=\.[^.]+$)")


def find_by_hand(inbox: Path, publication: Publication) -> Path | None:
    """Return the file of a publication in the folder of files got by hand; None where it is not there.

    A browser may leave the name percent-encoded, as it is in the address, or number a second copy; a system may write
    its letters in another case, or accents apart from their letters.
    """
    if publication.file is None or not inbox.is_dir():
        return None
    name = _normalise(publication.file_name)
    found = [
        path
        for path in inbox.iterdir()
        if path.is_file()
        and not path.is_symlink()
        and name in {_normalise(path.name), _normalise(_COPY.sub("", path.name))}
    ]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _normalise(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name)).casefold()


def check_by_hand(path: Path, publication: Publication, limits: Limits) -> None:
    """Raise DropRejectedError where a file got by hand is not what its name says, such as a web page, or too large."""
    expected, remedy = "a file that can be read", "Let the user who pulls read it, or get the file again."
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
        check_first_bytes(head, publication.file or "", publication.file_name)
    except OSError as error:
        raise DropRejectedError(str(path), "the whole file", expected, describe_os_error(error), remedy) from error
    except NotAFileError as error:
        remedy = "Take it away, and get the file itself from the page of the publication."
        raise DropRejectedError(str(path), "the whole file", error.expected, error.found, remedy) from error
    if size > limits.max_file_bytes:
        expected = f"at most {limits.max_file_bytes:,} bytes"
        remedy = "Look at the file; if it is genuine, raise max_file_bytes in catalogue/limits.yml."
        raise DropRejectedError(str(path), "the whole file", expected, f"{size:,} bytes", remedy)


def describe_by_hand(publications: Sequence[Publication], publisher: Publisher, inbox: Path) -> str:
    """Say which files to get by hand, from which pages, and where to put them."""
    lines = [
        "The publisher refuses these files to a program. Get them in a browser, and leave their names as they are:"
    ]
    pages: dict[str, list[Publication]] = {}
    for publication in publications:
        pages.setdefault(find_page_address(publication, publisher), []).append(publication)
    for page, listed in pages.items():
        lines.append(f"  from {page}")
        lines += [f"    {publication.file_name}  ({publication.id}; {publication.file})" for publication in listed]
    lines.append(f"Put them into {inbox} and run `iapt pull` again: it takes them from there.")
    return "\n".join(lines)
