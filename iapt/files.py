"""Files and folders written whole or not at all, flushed to the disk, and the digest of a file's bytes."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

#: How many files are flushed at the same time: the disk takes them together, in a twentieth of the time or less.
FLUSHES: Final = 8
#: How a file system says that it has no flushing of folders, as some of networks do.
_NOT_FOR_FOLDERS: Final = frozenset({errno.EINVAL, errno.ENOTSUP})


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write a file so that a reader, or a crash, sees either the old content or all of the new.

    Text is written as UTF-8. The bytes are on the disk before the file takes its name, and the name is there on return.
    `mode` are the permissions of the new file, from which the umask takes away. Raises OSError where the folder of
    `path` does not exist.
    """
    temp_path = path.with_name(path.name + ".part")
    temp_path.unlink(missing_ok=True)
    with os.fdopen(os.open(temp_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    temp_path.replace(path)
    flush(path.parent)


def rename_durably(source: Path, target: Path) -> Path:
    """Give a file, a link, or a folder with all that is in it another name, so that no crash leaves the name without.

    All of it is flushed to the disk before the rename, and the folder of the new name after it. Return `target`. A file
    or link of that name is replaced, as is an empty folder; raises OSError where a folder there is not empty.
    """
    flush_tree(source)
    source.replace(target)
    flush(target.parent)
    return target


def flush_tree(path: Path) -> None:
    """Flush a file, or a folder and everything in it, to the disk; a link has nothing to flush."""
    if path.is_symlink():
        return
    if not path.is_dir():
        flush(path)
        return
    with ThreadPoolExecutor(FLUSHES) as executor:
        for _ in executor.map(flush, _walk(path)):
            pass


def _walk(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder, at any depth, without links, and the folder itself. Raises OSError where it cannot."""
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path
    yield folder


def flush(path: Path) -> None:
    """Flush what was written to a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_FOR_FOLDERS or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def write_json_atomically(path: Path, content: object) -> None:
    """Write plain data as indented JSON that ends in a line break, as `write_atomically` does."""
    write_atomically(path, to_json(content))


def to_json(content: object) -> str:
    """Return plain data as the indented JSON in which this project keeps its records."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_json(path: Path) -> Any:
    """Return the plain data of a JSON file."""
    return json.loads(path.read_text("utf-8"))


def compute_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
