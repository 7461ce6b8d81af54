"""Addresses of stores: which kinds there are, in a closed list, and how each is written. Nothing connects here."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, cast

from iapt.sources.remote_files import UnsafeAddressError

Protocol = Literal["file", "s3", "abfs", "sftp"]

_FORMS: Final[dict[str, str]] = {
    "file": "file:///folder",
    "s3": "s3://bucket/folder",
    "abfs": "abfs://container@account.dfs.core.windows.net/folder",
    "sftp": "sftp://user@host/folder",
}
_EXPECTED: Final = f"the path of a folder, or an address such as {', '.join(_FORMS.values())}"
_HOSTS: Final[dict[str, str]] = {
    "file": "",
    "s3": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "abfs": r"[a-z0-9$][a-z0-9-]{2,62}(@[a-z0-9]{3,24}\.(dfs|blob)\.core\.windows\.net)?",
    "sftp": r"([A-Za-z0-9._][A-Za-z0-9._-]*@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?",
}
#: Characters that hide what a name is: of control, of layout, half of a pair, no character.
_UNSEEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class StoreAddress:
    """Where a file or a folder lies.

    `host` is the bucket of S3, the container of Azure with its account, the host of SFTP with user and port; empty for
    a local folder. `path` has no slash at its end; a local one and one of SFTP begins with one.
    """

    protocol: Protocol
    host: str
    path: str

    def __str__(self) -> str:
        """Return the address as it is written."""
        if self.protocol == "file":
            return self.path
        return f"{self.protocol}://{self.host}/{self.path.removeprefix('/')}".removesuffix("/")

    def join(self, name: str) -> StoreAddress:
        """Return the address of a name below this one. Raises UnsafeAddressError where the name leads elsewhere."""
        if problem := find_unsafe_part(name):
            raise UnsafeAddressError(
                f"{self}/{name}",
                "a name below the folder",
                f"{problem} in it",
                "Rename the file at its source, bytes untouched.",
            )
        return replace(self, path=f"{self.path.rstrip('/')}/{name}" if self.path else name)

    @property
    def root(self) -> StoreAddress:
        """The address of all that lies in the same bucket, or on the same host."""
        return replace(self, path="" if self.protocol in {"s3", "abfs"} else "/")

    def split(self) -> tuple[StoreAddress, str]:
        """Return the address of the folder that a file lies in, and the name of the file."""
        folder, _, name = self.path.rpartition("/")
        return replace(self, path=folder), name


def is_store_address(text: str) -> bool:
    """Whether a text is meant as an address of a store, well written or not, rather than as a path on this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(//|:)", text) is not None


def is_elsewhere(text: str) -> bool:
    """Whether a text is meant as an address of a store that is no folder of this machine."""
    return is_store_address(text) and not text.startswith("file://")


def parse_store_address(text: str) -> StoreAddress:
    """Return the address that a text is; of a path on this machine too.

    Raises UnsafeAddressError where it is of another kind than those listed here, holds a password or a token, or leads
    out of its folder. No message repeats what may be a secret.
    """
    if not is_store_address(text):
        return StoreAddress("file", "", Path(text).expanduser().absolute().as_posix())
    shown = hide_credentials(text)
    scheme, _, rest = text.partition("://")
    if scheme not in _FORMS or "::" in re.sub(r"\[[0-9a-fA-F:]+\]", "", text):  # `::` chains one kind to another
        kinds = ", ".join(f"{name}://" for name in _FORMS)
        raise UnsafeAddressError(shown, f"one of {kinds}", "another kind of address", f"Write {_EXPECTED}.")
    host, _, path = rest.partition("/")
    if "?" in text or "#" in text or ":" in host.rpartition("@")[0]:
        raise UnsafeAddressError(
            shown,
            "an address without a password, a token or a query",
            "one in it",
            "Take it out; credentials come from the environment or from their usual files: see docs/operations.md.",
        )
    if re.fullmatch(_HOSTS[scheme], host) is None:
        raise UnsafeAddressError(shown, _FORMS[scheme], f"{hide_credentials(host)!r} in its place", "Mend it.")
    path = path.strip("/") if scheme in {"s3", "abfs"} else "/" + path.strip("/")
    if problem := find_unsafe_part(path.removeprefix("/")):
        raise UnsafeAddressError(shown, "a plain path", f"{problem} in it", "Rename the folder, or mend the address.")
    return StoreAddress(cast("Protocol", scheme), host, path.rstrip("/") if len(path) > 1 else path)


def find_unsafe_part(name: str) -> str:
    """Return what in a name, of one or more parts, could lead elsewhere or hide what it is; empty: nothing."""
    if "\\" in name:
        return "a backslash"
    if any(unicodedata.category(character) in _UNSEEN_CATEGORIES for character in name):
        return "a character that cannot be shown"
    parts = name.split("/")
    if name and any(part in {"", ".", ".."} for part in parts):
        return "an empty part, or one of dots"
    if any(len(os.fsencode(part)) > 255 for part in parts):
        return "a part longer than 255 bytes"
    return ""


def hide_credentials(text: str) -> str:
    """Return a text with what an address in it may tell of credentials taken out: user and password, and the query."""
    text = re.sub(r"//[^/?#\s]*:[^/?#\s]*@", "//…@", text)
    return re.sub(r"[?#][^\s]*", "?…", text)
