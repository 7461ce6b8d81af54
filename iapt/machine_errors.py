"""Errors of the machine: a full disk and the like, in one sentence, whichever library met it first."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

from iapt.workspace import Workspace

_FULL: Final = "the disk is full. Make room, and refresh again"
_QUOTA: Final = "the user who runs the refresh may not fill more of the disk. Make room, and refresh again"
_TOO_LARGE: Final = (
    "the system allows no file as large as one that is needed. Raise the limit of the user who runs the refresh "
    "(`ulimit -f`), or put the home on a file system that takes larger files, and refresh again"
)
_READ_ONLY: Final = "the disk may not be written to. Let the user who runs the refresh write there, and refresh again"
_FAULT: Final = "the disk fails when it is read or written. Look at it before you refresh again"
_BY_NUMBER: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _QUOTA,
    errno.EFBIG: _TOO_LARGE,
    errno.EROFS: _READ_ONLY,
    errno.EIO: _FAULT,
}
#: How DuckDB, SQLite, dbt and the C library say the same, in small letters.
_BY_WORDS: Final = {
    "no space left on device": _FULL,
    "database or disk is full": _FULL,
    "disk quota exceeded": _QUOTA,
    "file too large": _TOO_LARGE,
    "attempt to write a readonly database": _READ_ONLY,
    "read-only file system": _READ_ONLY,
    "disk i/o error": _FAULT,
    "input/output error": _FAULT,
}


class MachineError(OSError):
    """Raised where the machine kept a refresh from going on: a sentence that says what, where, and what stands."""


def describe_machine_error(text: str) -> str | None:
    """Return what a message of a library says of the machine and what to do; None where it says nothing of it."""
    lowered = text.lower()
    return next((sentence for words, sentence in _BY_WORDS.items() if words in lowered), None)


@contextlib.contextmanager
def translate_machine_errors(workspace: Workspace) -> Generator[None]:
    """Raise MachineError for any error that comes of a full disk and the like; let others through."""
    before = _read_latest(workspace)
    try:
        yield
    except MachineError:
        raise
    except Exception as error:
        description = next(filter(None, map(_describe_error, _list_causes(error))), None)
        if description is None:
            raise
        after = _read_latest(workspace)
        release = "The last release, if there is one, stands."
        if after != before and after is not None:
            release = f"Release {after.name} was made before that, and stands."
        raise MachineError(f"{workspace.root}: {description}. {release}") from error


def _describe_error(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno is not None:
        return _BY_NUMBER.get(error.errno)
    return describe_machine_error(str(error))


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it came of."""
    seen: set[int] = set()
    while id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or error


def _read_latest(workspace: Workspace) -> Path | None:
    with contextlib.suppress(OSError):
        return workspace.latest.readlink()
    return None
