"""Files written whole or not at all, and the digest of a file's bytes."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write a file so that a reader, or a crash, sees either the old content or all of the new.

    Text is written as UTF-8. The bytes are on the disk before the file takes its name. `mode` are the permissions of
    the new file, from which the umask takes away. Raises OSError where the folder of `path` does not exist.
    """
    temp_path = path.with_name(path.name + ".part")
    temp_path.unlink(missing_ok=True)
    with os.fdopen(os.open(temp_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())
    temp_path.replace(path)


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
