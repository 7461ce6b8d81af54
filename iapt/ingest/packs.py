"""Packs: the rules for members of a ZIP or a RAR, whichever it is: their names, their number and their sizes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from iapt.catalogue.limits import Limits
from iapt.ingest.tables import GET_IT_AGAIN, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import READ_AS, Format

LOOK_AT_THE_LIMITS: Final = "Look at the file; a genuine larger one needs a change in catalogue/limits.yml."
_CONTAINERS: Final[Mapping[str, str]] = {".rar": "RAR archive", ".gz": "gzip archive"}


class Pack(AbstractContextManager["Pack"], Protocol):
    """An opened ZIP or RAR whose directory was checked: its members by name, in the order of the pack."""

    @property
    def members(self) -> Sequence[str]:
        """The names of the members that are files."""
        ...

    def recognise(self, member: str) -> Format:
        """Return what a member is by its first bytes, as far as they can be read without effort."""
        ...

    def unpack(self, member: str, target: Path) -> None:
        """Write the bytes of a member to a path of ours. Raises DropRejectedError where it does not unpack whole."""
        ...


def name_container(file: str) -> str:
    """Return what a drop of members is called in a message, by its name: a ZIP, unless it is another."""
    return _CONTAINERS.get(PurePosixPath(file).suffix.lower(), "ZIP")


def reject_posing(found: Format, suffix: str, file: str, member: str) -> None:
    """Raise DropRejectedError where a file or member, opened as its `suffix` says, is something else."""
    kind = READ_AS[suffix]
    if found.name == kind.name:
        return
    remedy = found.remedy
    if member:
        remedy = f"Unpack the {name_container(file)} and offer its members as drops of their own. Of this one: {remedy}"
    raise DropRejectedError(
        file, describe_member(member), f"{kind.description}, as its name says", found.description, remedy
    )


def reject_hostile_names(names: Sequence[str], file: str, place: str) -> None:
    """Raise DropRejectedError where a member's name leads out of the container, or two would be one file.

    Names that differ in capitals, in separators or in how an accent is written are one file to many a machine: whoever
    unpacks the container by hand gets one of them, and which is chance.
    """
    seen: dict[str, str] = {}
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/"))
        if not parts.parts or parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
            expected, found = "member names inside the container", f"a member that leads out of it: {name!r}"
            raise DropRejectedError(file, place, expected, found, GET_IT_AGAIN)
        key = unicodedata.normalize("NFC", parts.as_posix()).casefold()
        if key in seen:
            found = f"more than one member named {name!r}"
            if seen[key] != name:
                found = f"members that many machines take for one: {seen[key]!r} and {name!r}"
            raise DropRejectedError(file, place, "every member under a name of its own", found, GET_IT_AGAIN)
        seen[key] = name


def reject_oversize(unpacked: int, packed: int, limits: Limits, file: str, place: str) -> None:
    """Raise DropRejectedError where a container would unpack to too many bytes, or to too many for its own size."""
    problem = None
    if unpacked > limits.max_uncompressed_bytes:
        problem = (f"at most {limits.max_uncompressed_bytes:,} bytes unpacked", f"{unpacked:,} bytes")
    elif unpacked / max(packed, 1) > limits.max_compression_ratio:
        problem = (f"at most {limits.max_compression_ratio} to 1 compression", f"{unpacked // max(packed, 1)} to 1")
    if problem:
        raise DropRejectedError(file, place, *problem, LOOK_AT_THE_LIMITS)


def reject_too_many(members: int, limits: Limits, file: str, place: str) -> None:
    """Raise DropRejectedError where a pack has more members than a published one could have."""
    if members > limits.max_members:
        expected = f"at most {limits.max_members} members"
        raise DropRejectedError(file, place, expected, f"{members} members", LOOK_AT_THE_LIMITS)
