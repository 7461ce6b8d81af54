"""Trouble of the machine: a full disk and the like, in one sentence, whichever library met it first."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

from iapt.workspace import Workspace

_FULL: Final = "the disk is full. Make room, and refresh again"
_QUOTA: Final = "the user who runs the refresh may not fill more of the disk. Make room, and refresh again"
_READ_ONLY: Final = "the disk may not be written to. Let the user who runs the refresh write there, and refresh again"
_FAULT: Final = "the disk fails when it is read or written. Look at it before you refresh again"
_BY_NUMBER: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _QUOTA,
    errno.EROFS: _READ_ONLY,
    errno.EIO: _FAULT,
}
#: How DuckDB, SQLite, dbt and the C library say the same, in small letters.
_BY_WORDS: Final = {
    "no space left on device": _FULL,
    "database or disk is full": _FULL,
    "disk quota exceeded": _QUOTA,
    "attempt to write a readonly database": _READ_ONLY,
    "read-only file system": _READ_ONLY,
    "disk i/o error": _FAULT,
    "input/output error": _FAULT,
}


class MachineTroubleError(OSError):
    """Raised where the machine kept a refresh from going on: a sentence that says what, where, and what stands."""


def describe_trouble(text: str) -> str | None:
    """Return what a message of a library says of the machine and what to do, or None where it says nothing of it."""
    lowered = text.lower()
    return next((told for words, told in _BY_WORDS.items() if words in lowered), None)


@contextlib.contextmanager
def tell_machine_trouble(home: Workspace) -> Generator[None]:
    """Raise MachineTroubleError for any error that comes of a full disk and the like; let others through."""
    before = _latest(home)
    try:
        yield
    except MachineTroubleError:
        raise
    except Exception as error:
        told = next(filter(None, map(_describe_error, _causes(error))), None)
        if told is None:
            raise
        after = _latest(home)
        stands = "The last release, if there is one, stands."
        if after != before and after is not None:
            stands = f"Release {after.name} was made before that, and stands."
        raise MachineTroubleError(f"{home.root}: {told}. {stands}") from error


def _describe_error(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno is not None:
        return _BY_NUMBER.get(error.errno)
    return describe_trouble(str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those it came of."""
    seen: set[int] = set()
    while id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__ or error


def _latest(home: Workspace) -> Path | None:
    with contextlib.suppress(OSError):
        return home.latest.readlink()
    return None
