"""Stores of files: local folders, S3, Azure, SFTP, by one interface. What each library says becomes a SourceError."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import fsspec
import stamina

from iapt.files import rename_durably
from iapt.machine_errors import describe_machine_error
from iapt.sources.remote_files import (
    FetchedFile,
    NotAFileError,
    NotThereError,
    RefusedError,
    ReportBytes,
    SourceError,
    TooLargeError,
    UnavailableError,
    UnsafeAddressError,
    Validators,
)
from iapt.sources.store_addresses import StoreAddress, hide_credentials, parse_store_address

_T = TypeVar("_T")
# stamina's own line goes to standard output where structlog is installed, into whatever a command writes there.
stamina.instrumentation.set_on_retry_hooks(())

#: How many bytes are read at once: for S3 and Azure that is one request.
CHUNK_BYTES: Final = 8 << 20
#: How many folders of a store are listed, or small files read, at the same time.
CONNECTIONS: Final = 8
#: More files than this are no folder of drops: all that was ever published is some hundreds.
MAX_FILES: Final = 10_000
#: All files of a folder together: several times all that was ever published.
MAX_FOLDER_BYTES: Final = 64 << 30
CONNECT_SECONDS: Final = 20
CONNECT_ATTEMPTS: Final = 3  # of SFTP; what speaks to S3 and Azure asks again by itself
READ_SECONDS: Final = 60

_EXTRAS: Final = {"s3": ("s3fs", "s3"), "abfs": ("adlfs", "azure"), "sftp": ("sshfs", "sftp")}
#: What the libraries of each kind raise beside OSError and ValueError.
_ERRORS: Final = {
    "file": (),
    "s3": (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError")),
    "abfs": (("azure.core.exceptions", "AzureError"),),
    "sftp": (("asyncssh", "Error"),),
}
_CREDENTIALS: Final = {
    "file": "Let the user who runs the refresh read and write there.",
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to an account that may use it "
    "(AWS_ENDPOINT_URL, where the store is not Amazon's).",
    "abfs": "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_CONNECTION_STRING, or sign "
    "in as an identity that may use it.",
    "sftp": "Give the user of the refresh a key in ~/.ssh that the server knows, an SSH agent, or IAPT_SFTP_PASSWORD.",
}
#: Environment variables that say where a store is.
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    "abfs": ("AZURE_STORAGE_CONNECTION_STRING",),
}
#: Names of exceptions, of any of the libraries, by what they mean.
_MISSING: Final = frozenset({"FileNotFoundError", "ResourceNotFoundError", "SFTPNoSuchFile", "SFTPNoSuchPath"})
_REFUSED: Final = frozenset(
    {
        *("PermissionError", "PermissionDenied", "SFTPPermissionDenied", "SFTPWriteProtect"),
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"),
        *("ClientAuthenticationError", "KeyImportError", "KeyEncryptionError"),
    }
)
_UNKNOWN_HOST: Final = frozenset({"HostKeyNotVerifiable"})
_CONNECTION_LOST: Final = frozenset({"ConnectionLost", "SFTPConnectionLost", "SFTPNoConnection", "BrokenPipeError"})
#: Environment variables whose values stand in no message.
_SECRETS: Final = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN"),
    *("AZURE_STORAGE_CLIENT_SECRET", "AZURE_CLIENT_SECRET", "IAPT_SFTP_PASSWORD"),
)


@dataclass(frozen=True)
class StoredFile:
    """A file of a store.

    `name` is its path below `folder`, as the store has it, empty for the folder's own address: `find_unsafe_part` says
    whether it can be trusted. `modified` is in UTC, None where it is not known.
    """

    name: str
    folder: StoreAddress
    bytes: int
    modified: datetime | None
    validators: Validators

    @property
    def address(self) -> StoreAddress:
        """Where it lies. Raises UnsafeAddressError where its name leads elsewhere."""
        return self.folder.join(self.name) if self.name else self.folder


class Store:
    """A folder of a store, connected to when it is first used, and the files below it by their names."""

    def __init__(self, root: StoreAddress) -> None:
        """Use the folder at an address, which need not be there yet."""
        self.root = root
        self._opened: Any = None
        self._opening = threading.Lock()

    def list_files(self) -> list[StoredFile]:
        """List every file below the folder, in the order of names; an empty list where there is no such folder.

        A link is not followed and not listed. Raises SourceError; NotThereError where the bucket itself is missing.
        """
        root = _to_native(self.root)
        entries: list[dict[str, Any]] = []
        with contextlib.suppress(NotThereError):
            entries = self._run(self.root, lambda files: _list_entries(files, self.root.protocol, root))
        if not entries and self.root.protocol in {"s3", "abfs"}:
            self._require_bucket()
        return sorted(
            (self._describe(entry) for entry in entries if entry["type"] == "file"), key=lambda file: file.name
        )

    def find(self, name: str) -> StoredFile | None:
        """Return what is known of a file, None where there is none. `name` is empty for the root itself."""
        address = self.root.join(name) if name else self.root
        try:
            entry = self._run(address, lambda files: files.info(_to_native(address)))
        except NotThereError:
            return None
        return self._describe(entry, name) if entry["type"] == "file" else None

    def is_folder(self, name: str = "") -> bool:
        """Whether there is a folder of a name, or at the root."""
        address = self.root.join(name) if name else self.root
        return self._run(address, lambda files: bool(files.isdir(_to_native(address))))

    def read_chunks(self, name: str, chunk_bytes: int = CHUNK_BYTES) -> Generator[bytes]:
        """Yield the bytes of a file, so many at a time. Raises SourceError."""
        address = self.root.join(name) if name else self.root
        stream = self._run(address, lambda files: files.open(_to_native(address), "rb", cache_type="none"))
        try:
            while chunk := self._translate(address, lambda: stream.read(chunk_bytes)):
                yield chunk
        finally:
            self._translate(address, stream.close)

    def read_bytes(self, name: str, max_bytes: int) -> bytes:
        """Return the bytes of a small file. Raises NotThereError, TooLargeError."""
        address = self.root.join(name)
        if address.protocol in {"s3", "abfs"}:  # one request, also where there is no file
            end = max_bytes + 1
            content = self._run(address, lambda files: bytes(files.cat_file(_to_native(address), start=0, end=end)))
        else:
            with contextlib.closing(self.read_chunks(name, max_bytes + 1)) as chunks:
                content = next(chunks, b"")
        if len(content) > max_bytes:
            raise TooLargeError(str(address), f"at most {max_bytes:,} bytes", "more", "Look at the file.")
        return content

    def compute_sha256(self, name: str, expected_bytes: int) -> str:
        """Return the SHA-256 of the bytes that the store gives back for a file, in hexadecimal.

        `expected_bytes` is how large it should be; asking for more at once takes longer.
        """
        digest = hashlib.sha256()
        for chunk in self.read_chunks(name, _choose_chunk_bytes(expected_bytes)):
            digest.update(chunk)
        return digest.hexdigest()

    def upload(self, path: Path, name: str) -> None:
        """Write a local file into the store, in place of what is there, as a whole or not at all."""
        address = self.root.join(name)
        self._write(address, lambda files, native: files.put_file(str(path), native))

    def write_bytes(self, content: bytes, name: str) -> None:
        """Write a small file into the store, in place of what is there, as a whole or not at all."""
        self._write(self.root.join(name), lambda files, native: files.pipe_file(native, content))

    def remove(self, name: str) -> None:
        """Remove a file; nothing where there is none."""
        address = self.root.join(name)
        with contextlib.suppress(NotThereError):
            self._run(address, lambda files: files.rm_file(_to_native(address)))

    def _write(self, address: StoreAddress, write: Callable[[Any, str], object]) -> None:
        native = _to_native(address)
        if address.protocol in {"s3", "abfs"}:  # there a file is seen when all of it has arrived
            self._run(address, lambda files: write(files, native))
            return
        folder = native.rpartition("/")[0]
        temp_path = f"{folder}/.{secrets.token_hex(8)}.part"
        self._run(address, lambda files: files.makedirs(folder, exist_ok=True))
        try:
            self._run(address, lambda files: write(files, temp_path))
            self._run(address, lambda files: files.mv(temp_path, native))
        except BaseException:
            with contextlib.suppress(SourceError):
                self._run(address, lambda files: files.rm_file(temp_path))
            raise

    def _describe(self, entry: dict[str, Any], name: str | None = None) -> StoredFile:
        native, root = str(entry["name"]), _to_native(self.root).rstrip("/")
        relative = native.removeprefix(root + "/") if name is None else name
        modified = next((entry[key] for key in ("LastModified", "last_modified", "mtime") if entry.get(key)), None)
        if isinstance(modified, int | float):
            modified = datetime.fromtimestamp(modified, UTC)
        size = int(entry["size"])
        etag = str(entry.get("ETag") or entry.get("etag") or "")
        last_modified = modified.isoformat() if isinstance(modified, datetime) else ""
        if not etag and last_modified:
            etag = f"{size}-{last_modified}"  # a file of the same size and time is taken for the same
        return StoredFile(relative, self.root, size, modified, Validators(etag, last_modified))

    def _require_bucket(self) -> None:
        """Raise NotThereError where the bucket itself is missing, which is never made here."""
        bucket = StoreAddress(self.root.protocol, self.root.host, "")
        if not self._run(bucket, lambda files: bool(files.exists(_to_native(bucket)))):
            raise _make_missing(bucket)

    def _run(self, address: StoreAddress, action: Callable[[Any], _T]) -> _T:
        """Return what an action on the store's file system gives; connect first, and once more where a line was cut."""
        opened = self._open(address)
        try:
            return action(opened)
        except _import_errors(address.protocol) as error:
            is_cut = bool(_list_class_names(error) & _CONNECTION_LOST)
            explained = _explain(error, address)
        if not is_cut:
            raise explained
        with self._opening:
            if self._opened is opened:
                self._opened = None
        return self._translate(address, lambda: action(self._open(address)))

    def _open(self, address: StoreAddress) -> Any:
        with self._opening:
            if self._opened is None:
                for attempt in stamina.retry_context(UnavailableError, attempts=CONNECT_ATTEMPTS, timeout=None):
                    with attempt:
                        self._opened = self._translate(address, lambda: _open_file_system(self.root))
            return self._opened

    def _translate(self, address: StoreAddress, action: Callable[[], _T]) -> _T:
        """Return what an action gives; what a library raises becomes a SourceError that does not lead back to it.

        What a library says may hold what nobody should read, and would be taken for an error of this machine.
        """
        try:
            return action()
        except _import_errors(address.protocol) as error:
            explained = _explain(error, address)
        raise explained


class StoreSource:
    """Files of stores, fetched by their addresses."""

    def __init__(self, max_file_bytes: int) -> None:
        """Fetch no file that is larger than a limit in bytes."""
        self.max_file_bytes = max_file_bytes
        self._stores: dict[StoreAddress, Store] = {}  # one connection to each, however many files are fetched

    def fetch(
        self,
        address: str,
        target: Path,
        known: Validators | None = None,
        report: ReportBytes | None = None,
    ) -> FetchedFile:
        """Write the bytes at an address to `target`; nothing where `known` is still the version there.

        A body that was cut off is not resumed: stores are near, and a part of one version fits no other.
        Raises SourceError.
        """
        place = parse_store_address(address)
        store, name = self._stores.setdefault(place.root, Store(place.root)), place.path.strip("/")
        stored = store.find(name)
        if stored is None:
            if store.is_folder(name):
                raise NotAFileError(str(place), "a file", "a folder", "Name one file in it.")
            raise _make_missing(place)
        if known is not None and known.etag and known.etag == stored.validators.etag:
            return FetchedFile(str(place), False, stored.bytes, 0, stored.validators)
        copy_stored_file(store, stored, target, self.max_file_bytes, report)
        return FetchedFile(str(place), True, stored.bytes, stored.bytes, stored.validators)


def list_files(
    folder_address: str, *, max_files: int = MAX_FILES, max_bytes: int = MAX_FOLDER_BYTES
) -> Iterator[StoredFile]:
    """Yield every file below an address, in the order of names.

    Raises SourceError: NotThereError where there is no file, TooLargeError past a limit, UnsafeAddressError where a
    name leads elsewhere.
    """
    store = Store(parse_store_address(folder_address))
    files = store.list_files()
    if not files and not store.is_folder():
        raise _make_missing(store.root)
    check_folder_size(store.root, files, max_files, max_bytes)
    for file in files:
        file.address  # noqa: B018  refuses a name that leads elsewhere
        yield file


def check_folder_size(folder: StoreAddress, files: Sequence[StoredFile], max_files: int, max_bytes: int) -> None:
    """Raise TooLargeError where the files of a folder are more than a limit, or larger together."""
    total = sum(file.bytes for file in files)
    if len(files) > max_files or total > max_bytes:
        raise TooLargeError(
            str(folder),
            f"a folder of at most {max_files:,} files and {max_bytes:,} bytes",
            f"{len(files):,} files of {total:,} bytes",
            "Name the folder of the drops alone.",
        )


def copy_stored_file(
    store: Store, file: StoredFile, target: Path, max_bytes: int, report: ReportBytes | None = None
) -> str:
    """Write a file of a store to a path, as a whole or not at all; return the SHA-256 of its bytes.

    Raises SourceError: TooLargeError past a limit, UnavailableError where less came than was announced.
    """
    if file.bytes > max_bytes:
        raise TooLargeError(
            str(file.address),
            f"at most {max_bytes:,} bytes",
            f"{file.bytes:,} bytes",
            "Look at the file; if it is genuine, raise max_file_bytes in catalogue/limits.yml.",
        )
    part, digest, done = target.with_name(target.name + ".part"), hashlib.sha256(), 0
    try:
        with (
            part.open("wb") as stream,
            contextlib.closing(store.read_chunks(file.name, _choose_chunk_bytes(file.bytes))) as chunks,
        ):
            for chunk in chunks:
                done += len(chunk)
                if done > file.bytes:
                    break
                stream.write(chunk)
                digest.update(chunk)
                if report is not None:
                    report(done, file.bytes)
        if done != file.bytes:
            more = "more than that" if done > file.bytes else f"{done:,} bytes"
            raise UnavailableError(str(file.address), f"{file.bytes:,} bytes", more, "It may be on its way; try again.")
        rename_durably(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def _choose_chunk_bytes(size: int) -> int:
    return min(CHUNK_BYTES, max(size, 1))


def _make_missing(address: StoreAddress) -> NotThereError:
    return NotThereError(str(address), "a file or a folder", "nothing there", "Check the address, letter by letter.")


def _to_native(address: StoreAddress) -> str:
    """Return an address as its file system writes it: a bucket or container is the first part of a path."""
    if address.protocol in {"s3", "abfs"}:
        return f"{address.host.partition('@')[0]}/{address.path}".rstrip("/")
    return address.path


def _list_entries(files: Any, protocol: str, root: str) -> list[dict[str, Any]]:
    if protocol in {"s3", "abfs"}:  # one request for a thousand files
        found: dict[str, dict[str, Any]] = files.find(root, detail=True)
        return [entry for name, entry in found.items() if not name.endswith("/") and name != root]

    def list_folder(folder: str) -> list[dict[str, Any]]:
        return list(files.ls(folder, detail=True))

    entries: list[dict[str, Any]] = []
    folders = [root]
    with ThreadPoolExecutor(CONNECTIONS) as listers:
        while folders:
            below = [entry for listed in listers.map(list_folder, folders) for entry in listed]
            entries += below
            folders = [str(entry["name"]) for entry in below if entry["type"] == "directory" and not _is_link(entry)]
    return [entry | {"type": "link"} if _is_link(entry) else entry for entry in entries]


def _is_link(entry: dict[str, Any]) -> bool:
    return bool(entry.get("islink")) or entry["type"] == "link"


def _open_file_system(root: StoreAddress) -> Any:
    """Connect to a store, with what the environment or the usual files say of credentials."""
    if root.protocol == "file":
        return fsspec.filesystem("file")
    module = _import_extra(root)
    _refuse_clear_text(root)
    if root.protocol == "s3":
        timeouts = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        return module.S3FileSystem(skip_instance_cache=True, use_listings_cache=False, config_kwargs=timeouts)
    if root.protocol == "abfs":
        _, _, account = root.host.partition("@")
        name = {"account_name": account.partition(".")[0]} if account else {}
        return module.AzureBlobFileSystem(skip_instance_cache=True, use_listings_cache=False, **name)
    return _open_sftp(module, root)


def _refuse_clear_text(root: StoreAddress) -> None:
    """Raise UnsafeAddressError where the environment has a store be spoken to without TLS, on another machine."""
    for name in _ENDPOINTS.get(root.protocol, ()):
        if re.search(r"(?i)http://(?!(127\.[0-9.]+|localhost|\[::1\])([:/;]|$))", os.environ.get(name, "")):
            raise UnsafeAddressError(
                str(root), f"a store that is spoken to by https in {name}", "http", "Put TLS in front of the store."
            )


def _open_sftp(module: Any, root: StoreAddress) -> Any:
    class ShellLessFileSystem(module.SSHFileSystem):
        """SFTP alone: whatever would run a command on the server fails."""

        async def _execute(self, *_: object, **__: object) -> None:
            raise OSError("the server cannot rename a file over another by SFTP (posix-rename)")

    user, _, host = root.host.rpartition("@")
    match = re.fullmatch(r"\[?(?P<name>[^\]]+?)\]?(:(?P<port>\d+))?", host)
    assert match is not None
    options: dict[str, object] = {"username": user} if user else {}
    if match["port"]:
        options["port"] = int(match["port"])
    if password := os.environ.get("IAPT_SFTP_PASSWORD"):
        options["password"] = password
    listed = (Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts"))
    known_hosts = [str(path) for path in listed if path.is_file()]
    return ShellLessFileSystem(
        match["name"],
        skip_instance_cache=True,
        known_hosts=known_hosts or b"",  # nothing listed: no host is known
        connect_timeout=CONNECT_SECONDS,
        keepalive_interval=30,
        **options,
    )


def _import_extra(root: StoreAddress) -> Any:
    package, extra = _EXTRAS[root.protocol]
    try:
        return importlib.import_module(package)
    except ImportError:
        raise SourceError(
            str(root),
            f"the package {package}, which speaks to {root.protocol}:// addresses",
            "that it is not installed",
            f"Install the extra: pip install 'iapt-pipeline[{extra}]'.",
        ) from None


def _import_errors(protocol: str) -> tuple[type[Exception], ...]:
    """Return the exceptions that come out of a kind of store; only Python's own where its library is not installed."""
    found: list[type[Exception]] = [OSError, ValueError]
    for module, name in _ERRORS[protocol]:
        with contextlib.suppress(ImportError):
            found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


def _list_class_names(error: BaseException) -> set[str]:
    return {each.__name__ for each in type(error).__mro__}


def _explain(error: Exception, address: StoreAddress) -> SourceError:
    """Return what an error of a library means, in our words; what it says itself may name a secret."""
    names, where, credentials = _list_class_names(error), str(address), _CREDENTIALS[address.protocol]
    if names & _MISSING:
        return _make_missing(address)
    if names & _UNKNOWN_HOST:
        return RefusedError(
            where,
            "a host whose key is listed in ~/.ssh/known_hosts",
            "another key, or none listed",
            "Ask its owner for the fingerprint of the key; where ssh-keyscan gives that one, add its line to the file.",
        )
    lacks_credentials = address.protocol == "abfs" and isinstance(error, ValueError)
    if names & _REFUSED or lacks_credentials or getattr(error, "status_code", None) in {401, 403}:
        return RefusedError(where, "credentials that the store accepts", "none, or refused ones", credentials)
    if describe_machine_error(str(error)):
        # Said otherwise than of this machine, for which it would be taken.
        return UnavailableError(
            where, "room in the store, where it can be written", "none", "Let its owner make room, and try again."
        )
    text = redact(str(error))
    found = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return UnavailableError(where, "an answer of the store", found, "See that it can be reached, and try again.")


def redact(text: str) -> str:
    """Return the first line of what a library says, without anything that may be a secret."""
    for name in _SECRETS:
        if value := os.environ.get(name):
            text = text.replace(value, "…")
    text = re.sub(r"(?i)(sig|signature|key|token|password|secret)(\s*[=:]\s*)\S+", r"\1\2…", text)
    return hide_credentials(text.strip().partition("\n")[0])[:300]
