"""RAR containers: the directory is read by rarfile; compressed members are unpacked by a program of the system.

That program writes all members, one after the other, into a pipe. It is given no name of a member and writes no file:
the directory says where in the pipe each begins, and size and checksum whether it came through whole.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import rarfile

from iapt.catalogue.limits import Limits
from iapt.ingest.packs import Pack, reject_hostile_names, reject_oversize, reject_posing, reject_too_many
from iapt.ingest.tables import GET_IT_AGAIN, describe_member
from iapt.rejection import DropRejectedError
from iapt.sources.file_formats import Format, describe_unknown_member, recognise_format

try:
    import resource
except ImportError:  # no limits of memory where the system has none
    resource = None

#: What rarfile raises for an archive that is damaged.
_DAMAGED: Final = (rarfile.Error, struct.error, ValueError, LookupError, OverflowError, AttributeError, TypeError)
_UNPACK_BY_HAND: Final = "unpack it, and offer the files inside"
_UNPACK: Final = f"{_UNPACK_BY_HAND[0].upper()}{_UNPACK_BY_HAND[1:]}."
_WHOLE: Final = "the whole file"
#: Blocks of an archive that are no members, such as comments and rights, are at most so many for each that may be one.
_BLOCKS_A_MEMBER: Final = 16
_CHUNK_BYTES: Final = 1 << 20
#: How much of what a program says is shown.
_LONGEST_MESSAGE: Final = 200

# Of its own accord rarfile runs a program to unpack a comment, without a limit of any kind. Nobody reads the comment:
# the program it knows says nothing.
rarfile.UNRAR_TOOL = "true"  # pyrefly: ignore[bad-assignment]


@dataclass(frozen=True)
class Unpacker:
    """A program that writes all members of a RAR to its output, and the package of Debian that has it."""

    name: str
    arguments: tuple[str, ...]
    package: str
    writes_empty_members: bool = True


#: In the order in which they are tried. bsdtar reads RAR 5 best, and no solid archive of RAR 4; unar reads those. After
#: an empty member of RAR 5 bsdtar may write zeros without end (libarchive's issue 3496).
UNPACKERS: Final = (
    Unpacker("bsdtar", ("-x", "-O", "-f"), "libarchive-tools", writes_empty_members=False),
    Unpacker("unar", ("-quiet", "-no-recursion", "-forks", "skip", "-output-directory", "-"), "unar"),
)


class _UnpackingError(Exception):
    """What an archive unpacks to is not what its directory says."""


def find_unpackers() -> list[Unpacker]:
    """Return the programs that unpack a RAR and are on this machine."""
    return [unpacker for unpacker in UNPACKERS if shutil.which(unpacker.name)]


class RarPack(Pack):
    """A RAR whose directory was checked against the limits, member by member."""

    def __init__(self, path: Path, file: str, limits: Limits, scratch: Path) -> None:
        """Open it. Raises DropRejectedError where it is damaged, hostile, or of another kind than its name says."""
        self._path, self._file, self._limits, self._scratch = path, file, limits, scratch
        self._archive = _open_checked_rar(path, file, limits)
        self._infos = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        self._unpacked: dict[str, Path] = {}

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self._archive.close()

    @property
    def members(self) -> Sequence[str]:
        """The names of the members that are files."""
        return list(self._infos)

    def recognise(self, member: str) -> Format:
        """Return what a member is by its first bytes, where it is not compressed."""
        info, unknown = self._infos[member], describe_unknown_member(member)
        if not _is_stored(info):
            return unknown
        try:
            with self._archive.open(info) as stream:
                found = recognise_format(stream)
        except (*_DAMAGED, OSError):
            return unknown
        return unknown if found.name in {"text", "binary", "nuls"} else found

    def unpack(self, member: str, target: Path) -> None:
        """Write the bytes of a member to a path of ours. Raises DropRejectedError where it does not unpack whole."""
        info = self._infos[member]
        if not _is_stored(info):
            if not self._unpacked:
                self._unpack_all(member)
            self._unpacked[member].replace(target)
            return
        try:
            with self._archive.open(info) as source:
                _write_checked(source.read, info, target)
        except (*_DAMAGED, _UnpackingError) as error:
            place = describe_member(member)
            raise DropRejectedError(self._file, place, "a member that unpacks", str(error), GET_IT_AGAIN) from error

    def _unpack_all(self, member: str) -> None:
        """Write all members under names of our own, by the first program that does it right."""
        unpackers = find_unpackers()
        if not unpackers:
            names = " and ".join(unpacker.name for unpacker in UNPACKERS)
            packages = " or ".join(unpacker.package for unpacker in UNPACKERS)
            raise DropRejectedError(
                self._file,
                describe_member(member),
                "a program on this machine that unpacks what RAR compressed",
                f"neither of those that are used, {names}",
                f"Install one of them (in Debian: apt-get install {packages}) and refresh; or {_UNPACK_BY_HAND}.",
            )
        faults: list[str] = []
        for unpacker in unpackers:
            try:
                self._unpacked = self._unpack_by(unpacker)
            except _UnpackingError as error:
                faults.append(f"by {unpacker.name}: {error}")
            else:
                return
        missing = [unpacker for unpacker in UNPACKERS if unpacker not in unpackers]
        remedy = GET_IT_AGAIN
        if missing:
            remedy += " If it is whole, " + "".join(
                f"install {unpacker.package} and refresh, or " for unpacker in missing
            )
            remedy += f"{_UNPACK_BY_HAND}."
        else:
            remedy += f" If it is whole, {_UNPACK_BY_HAND}."
        expected = "an archive that unpacks to what its directory says"
        raise DropRejectedError(self._file, _WHOLE, expected, "; ".join(faults), remedy)

    def _unpack_by(self, unpacker: Unpacker) -> dict[str, Path]:
        """Return where each member lies, unpacked by one program. Raises _UnpackingError where it is not as it says."""
        unpacked: dict[str, Path] = {}
        empty = next((name for name, info in self._infos.items() if not info.file_size), None)
        if empty is not None and not unpacker.writes_empty_members:
            raise _UnpackingError(f"not tried, for it fails at empty members, such as {empty}")
        with _run_unpacker(unpacker, self._path, self._limits, self._scratch) as output:
            for number, (name, info) in enumerate(self._infos.items()):
                target = self._scratch / f"{unpacker.name}-{number}"
                try:
                    _write_checked(output.read, info, target)
                except _UnpackingError as error:
                    raise _UnpackingError(f"member {name}: {error}") from error
                unpacked[name] = target
            if output.read(1):
                raise _UnpackingError("more bytes than all its members have")
        return unpacked


@contextlib.contextmanager
def _run_unpacker(unpacker: Unpacker, path: Path, limits: Limits, scratch: Path) -> Generator[IO[bytes]]:
    """Give the output of a program that unpacks a RAR, and end the program whatever becomes of it.

    It runs without a shell, in a folder of ours, within limits of time and memory, and may write no file but the short
    one of its messages; what it said is added to an _UnpackingError. How it ended tells nothing: bsdtar calls a folder
    among the members an error.
    """
    messages = scratch / f"{unpacker.name}.txt"
    with messages.open("w+b") as written:
        process = subprocess.Popen(
            [unpacker.name, *unpacker.arguments, str(path.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=written,
            cwd=scratch,
        )
        is_late = threading.Event()
        clock = threading.Timer(limits.max_unpacking_seconds, lambda: (is_late.set(), process.kill()))
        clock.start()
        try:
            _limit_resources(process.pid, limits)
            if process.stdout is None:
                raise AssertionError("a program was started without a pipe")
            yield process.stdout
        except _UnpackingError as error:
            if is_late.is_set():
                raise _UnpackingError(f"not done after {limits.max_unpacking_seconds} seconds") from error
            written.seek(0)
            said = " ".join(written.read(_LONGEST_MESSAGE).decode("utf-8", "replace").split())
            raise _UnpackingError(f"{error}; it said {said}" if said else str(error)) from error
        finally:
            clock.cancel()
            process.kill()
            with process:
                pass  # closes the pipe and waits


def _limit_resources(process_id: int, limits: Limits) -> None:
    """Bound the memory, the processor time and the files of a process, on a system that can do so from outside."""
    if resource is None or not hasattr(resource, "prlimit"):
        return
    bounds = {
        resource.RLIMIT_AS: limits.max_unpacking_memory_bytes,
        resource.RLIMIT_CPU: limits.max_unpacking_seconds,
        resource.RLIMIT_FSIZE: _CHUNK_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        for what, most in bounds.items():
            resource.prlimit(process_id, what, (most, most))


def _write_checked(read: Callable[[int], bytes], info: rarfile.RarInfo, target: Path) -> None:
    """Write a member as it comes. Raises _UnpackingError where its size or checksum is not what the directory says."""
    remaining, checksum = info.file_size, 0
    hashed = None if info.CRC is not None else rarfile.Blake2SP()
    with target.open("wb") as written:
        while remaining:
            chunk = read(min(remaining, _CHUNK_BYTES))
            if not chunk:
                raise _UnpackingError(
                    f"{info.file_size - remaining:,} bytes, of {info.file_size:,} that it should have"
                )
            remaining -= len(chunk)
            if hashed is None:
                checksum = zlib.crc32(chunk, checksum)
            else:
                hashed.update(chunk)
            written.write(chunk)
    if (checksum != info.CRC) if hashed is None else (hashed.digest() != info.blake2sp_hash):
        raise _UnpackingError("bytes with another checksum than the archive says")


def _is_stored(info: rarfile.RarInfo) -> bool:
    return info.compress_type == rarfile.RAR_M0


def _open_checked_rar(path: Path, file: str, limits: Limits) -> rarfile.RarFile:
    """Open a RAR after checking its directory. Raises DropRejectedError where it is damaged, hostile, or no RAR."""
    with path.open("rb") as stream:
        reject_posing(recognise_format(stream), ".rar", file, "")
    blocks: list[rarfile.RarInfo] = []

    def note(block: rarfile.RarInfo) -> None:
        blocks.append(block)
        if len(blocks) > limits.max_members * _BLOCKS_A_MEMBER:
            reject_too_many(len(blocks), limits, file, _WHOLE)

    try:
        archive = rarfile.RarFile(path, errors="strict", part_only=True, info_callback=note)
    except _DAMAGED as error:
        found = str(error) or type(error).__name__
        raise DropRejectedError(file, _WHOLE, "a complete RAR archive", found, GET_IT_AGAIN) from error
    try:
        _check_directory(archive, blocks, path.stat().st_size, file, limits)
    except DropRejectedError:
        archive.close()
        raise
    return archive


def _check_directory(
    archive: rarfile.RarFile, blocks: Sequence[rarfile.RarInfo], size: int, file: str, limits: Limits
) -> None:
    """Raise DropRejectedError where the directory of a RAR says that it is hostile, damaged or one of several files."""
    if archive.needs_password():
        remedy = "Unpack it with its password, and offer the files inside."
        raise DropRejectedError(file, _WHOLE, "an archive without a password", "an encrypted one", remedy)
    files = [block for block in blocks if block.type == rarfile.RAR_BLOCK_FILE]
    split = rarfile.RAR_FILE_SPLIT_BEFORE | rarfile.RAR_FILE_SPLIT_AFTER
    if any(
        block.flags & (rarfile.RAR_MAIN_VOLUME if block.type == rarfile.RAR_BLOCK_MAIN else split)
        for block in blocks
        if block.type in {rarfile.RAR_BLOCK_MAIN, rarfile.RAR_BLOCK_FILE}
    ):
        remedy = "Get all its parts, unpack them together, and offer the files inside."
        raise DropRejectedError(file, _WHOLE, "an archive in one file", "one part of several", remedy)
    _reject_cut(blocks, size, file)
    infos = archive.infolist()
    if len(infos) != len(files):
        found = "several versions of one member"
        raise DropRejectedError(file, _WHOLE, "every member under a name of its own", found, _UNPACK)
    infos = [info for info in infos if not info.is_dir()]
    if not infos:
        raise DropRejectedError(file, _WHOLE, "at least one member", "an empty container", GET_IT_AGAIN)
    reject_hostile_names([info.filename for info in infos], file, _WHOLE)
    reject_oversize(sum(info.file_size for info in infos), size, limits, file, _WHOLE)
    for info in infos:
        if info.is_symlink() or info.file_redir is not None:
            remedy = GET_IT_AGAIN if info.is_symlink() else _UNPACK  # RAR writes equal files as links, if asked to
            raise DropRejectedError(file, _WHOLE, "plain members", f"a link: {info.filename!r}", remedy)
        if info.CRC is None and info.blake2sp_hash is None:
            found = f"none of {info.filename!r}"
            raise DropRejectedError(file, _WHOLE, "a checksum of each member", found, GET_IT_AGAIN)
    reject_too_many(len(infos), limits, file, _WHOLE)


def _reject_cut(blocks: Sequence[rarfile.RarInfo], size: int, file: str) -> None:
    """Raise DropRejectedError where an archive ends before it should: rarfile would list what is left of it.

    Since version 3 RAR writes a block at the end. What a still older one wrote is taken for cut short.
    """
    for block in blocks:
        if not isinstance(block, (rarfile.Rar3Info, rarfile.Rar5FileInfo)) or block.type != rarfile.RAR_BLOCK_FILE:
            continue
        if (block.data_offset or 0) + (block.compress_size or 0) > size:
            found = f"one of {size:,} bytes, within {block.filename!r}"
            raise DropRejectedError(file, _WHOLE, "a complete RAR archive", found, GET_IT_AGAIN)
    if not blocks or blocks[-1].type != rarfile.RAR_BLOCK_ENDARC:
        remedy = f"{GET_IT_AGAIN} If it is whole, {_UNPACK_BY_HAND}."
        raise DropRejectedError(file, _WHOLE, "a complete RAR archive", "one without the block that ends it", remedy)
