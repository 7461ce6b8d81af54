"""Files got by hand, where the publisher refuses a program: which, from which page, into which folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from iapt.catalogue.publications import Publication, find_page_address
from iapt.catalogue.publisher import Publisher

#: What a browser adds to the name of a second copy.
_COPY = re.compile(r" ?\(\d{1,3}\)(?=\.[^.]+$)")


def find_by_hand(inbox: Path, publication: Publication) -> Path | None:
    """Return the file of a publication in the folder of files got by hand; None where it is not there.

    A browser may leave the name as it is in the address, percent-encoded, or number a second copy.
    """
    if publication.file is None or not inbox.is_dir():
        return None
    names = {publication.file_name.casefold(), urlsplit(publication.file).path.rsplit("/", 1)[1].casefold()}
    found = [
        path
        for path in inbox.iterdir()
        if path.is_file()
        and not path.is_symlink()
        and {path.name.casefold(), _COPY.sub("", path.name).casefold()} & names
    ]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


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
