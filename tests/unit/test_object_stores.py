"""Stores: files fetched from folders, S3 and SFTP as they are, and every refusal in words that say what to do."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from iapt.machine_errors import translate_machine_errors
from iapt.sources import object_stores
from iapt.sources.drop_folder_copy import CopiedFolder, copy_drop_folder
from iapt.sources.object_stores import Store, StoredFile, StoreSource, list_files, redact
from iapt.sources.remote_files import (
    NotAFileError,
    NotThereError,
    RefusedError,
    SourceError,
    TooLargeError,
    UnavailableError,
    UnsafeAddressError,
    Validators,
)
from iapt.sources.store_addresses import StoreAddress, find_unsafe_part, is_store_address, parse_store_address
from iapt.workspace import Workspace
from tests.factories.azure_imitation import AzureImitation
from tests.factories.stores import SECRET, S3Server, SftpServer

LIMIT = 1_000


class LocalFolder:
    """A folder on this machine, put to the same tests as the servers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = f"file://{root}"

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, name: str) -> None:
        (self.root / name).unlink()


Server = LocalFolder | S3Server | AzureImitation | SftpServer


@pytest.fixture(params=["local", "s3", "azure", "sftp"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    if request.param == "local":
        return LocalFolder(tmp_path / "store")
    found: Server = request.getfixturevalue(request.param)
    return found


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "protocol", "host", "path"),
    [
        ("file:///drops/2026", "file", "", "/drops/2026"),
        ("s3://a-bucket", "s3", "a-bucket", ""),
        ("s3://a-bucket/drops/2026/", "s3", "a-bucket", "drops/2026"),
        ("abfs://drops/2026", "abfs", "drops", "2026"),
        ("abfs://drops@account1.dfs.core.windows.net/2026", "abfs", "drops@account1.dfs.core.windows.net", "2026"),
        ("sftp://host.example/drops", "sftp", "host.example", "/drops"),
        ("sftp://user@[::1]:2222/drops/a b.csv", "sftp", "user@[::1]:2222", "/drops/a b.csv"),
    ],
)
def test_an_address_names_its_store_and_its_path(text: str, protocol: str, host: str, path: str) -> None:
    address = parse_store_address(text)
    assert (address.protocol, address.host, address.path) == (protocol, host, path)
    assert parse_store_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("http://host/a", "https://host/a", "ftp://host/a", "memory://a", "github://a/b", "gs://bucket/a"),
        *("S3://bucket/a", "ssh://host/a", "jar://a", "simplecache::s3://bucket/a", "zip://a.csv::s3://bucket/a.zip"),
        *("s3://bucket/zip://a::b", "filecache::file:///a", "abfss://drops/a", "data://a", "hf://a"),
    ],
)
def test_every_other_kind_of_address_is_refused(text: str) -> None:
    assert is_store_address(text)
    with pytest.raises(UnsafeAddressError, match="expected one of file://, s3://, abfs://, sftp://"):
        parse_store_address(text)


@pytest.mark.parametrize(
    "text",
    [
        f"s3://key:{SECRET}@bucket/a",
        f"sftp://user:{SECRET}@host/a",
        f"sftp://host/a?password={SECRET}",
        f"abfs://drops@account1.dfs.core.windows.net/a?sig={SECRET}",
        f"https://user:{SECRET}@host/a",
        f"s3://bucket/a#{SECRET}",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UnsafeAddressError) as refusal:
        parse_store_address(text)
    assert SECRET not in str(refusal.value)
    assert SECRET not in repr(vars(refusal.value))


@pytest.mark.parametrize(
    "text",
    [
        *("s3://bucket/../a", "s3://bucket/a/./b", "s3://bucket/a//b", "s3://bucket/a\\b", "sftp://host/a/../../b"),
        *("s3://bucket/a\nb", "s3://bucket/a\u202eb", "s3://a b/c", "s3:///a", "s3://x@bucket/a", "file://host/a"),
        *("sftp:///a", "sftp://-oProxyCommand=x/a", "sftp://host:port/a", "abfs://drops@account.example/a"),
    ],
)
def test_an_address_that_leads_elsewhere_or_is_malformed_is_refused(text: str) -> None:
    with pytest.raises(UnsafeAddressError):
        parse_store_address(text)


@given(st.text(st.characters(exclude_characters="\0"), max_size=40))
def test_a_name_that_is_accepted_stays_below_its_folder(name: str) -> None:
    if name and not find_unsafe_part(name):
        joined = Path("/folder", name)
        assert Path(os.path.normpath(joined)) == joined
        assert joined.is_relative_to("/folder")
        assert joined != Path("/folder")
        assert name.isprintable() or name.isspace() or " " in name or not name.isascii()


# -- fetching ---------------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_as_it_is_and_its_progress_told(server: Server, tmp_path: Path) -> None:
    server.put("drops/april v2.csv", b"a,b\n1,2\n")
    told: list[tuple[int, int | None]] = []
    fetched = StoreSource(LIMIT).fetch(
        f"{server.address}/drops/april v2.csv",
        tmp_path / "april.csv",
        report=lambda done, total: told.append((done, total)),
    )
    assert (tmp_path / "april.csv").read_bytes() == b"a,b\n1,2\n"
    assert (fetched.is_modified, fetched.bytes, fetched.bytes_received, fetched.http_status) == (True, 8, 8, None)
    assert told == [(8, 8)]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["april.csv"]


def test_a_version_that_is_known_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.put("april.csv", b"first")
    source, target = StoreSource(LIMIT), tmp_path / "april.csv"
    first = source.fetch(f"{server.address}/april.csv", target)
    target.unlink()
    again = source.fetch(f"{server.address}/april.csv", target, known=first.validators)
    assert (again.is_modified, again.bytes, again.bytes_received) == (False, 5, 0)
    assert not target.exists()
    server.put("april.csv", b"second")
    assert source.fetch(f"{server.address}/april.csv", target, known=first.validators).is_modified
    assert target.read_bytes() == b"second"
    assert source.fetch(f"{server.address}/april.csv", target, known=Validators()).is_modified


def test_a_version_that_a_store_does_not_tell_is_always_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = (tmp_path / "april.csv").as_posix().removeprefix("/")
    untold = StoredFile(name, StoreAddress("file", "", "/"), 5, None, Validators())
    (tmp_path / "april.csv").write_bytes(b"first")
    monkeypatch.setattr(Store, "find", lambda *_: untold)
    assert StoreSource(LIMIT).fetch(str(tmp_path / "april.csv"), tmp_path / "x", known=Validators()).is_modified


def test_a_missing_file_and_a_folder_are_told_apart(server: Server, tmp_path: Path) -> None:
    server.put("drops/april.csv", b"x")
    source = StoreSource(LIMIT)
    with pytest.raises(NotThereError, match=r"april\.cvs: expected a file or a folder; found nothing there"):
        source.fetch(f"{server.address}/drops/april.cvs", tmp_path / "x")
    with pytest.raises(NotAFileError, match="expected a file; found a folder"):
        source.fetch(f"{server.address}/drops", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_larger_than_the_limit_is_not_fetched(server: Server, tmp_path: Path) -> None:
    server.put("april.csv", b"x" * (LIMIT + 1))
    server.put("may.csv", b"x" * LIMIT)
    with pytest.raises(TooLargeError, match=r"expected at most 1,000 bytes; found 1,001 bytes\..*limits\.yml"):
        StoreSource(LIMIT).fetch(f"{server.address}/april.csv", tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    assert StoreSource(LIMIT).fetch(f"{server.address}/may.csv", tmp_path / "x").bytes == LIMIT


def test_a_body_that_ends_early_leaves_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_half(store: Store, name: str, chunk_bytes: int) -> Generator[bytes]:
        yield b"half"

    server.put("april.csv", b"half and half")
    monkeypatch.setattr(Store, "read_chunks", read_half)
    with pytest.raises(UnavailableError, match="expected 13 bytes; found 4 bytes"):
        StoreSource(LIMIT).fetch(f"{server.address}/april.csv", tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_files_below_a_folder_are_listed_by_their_names(server: Server) -> None:
    server.put("drops/b.csv", b"12")
    server.put("drops/2026/a.csv", b"1")
    server.put("drops2/c.csv", b"123")
    listed = list(list_files(f"{server.address}/drops"))
    assert [(file.name, file.bytes) for file in listed] == [("2026/a.csv", 1), ("b.csv", 2)]
    assert str(listed[0].address).removeprefix("file://") == f"{server.address}/drops/2026/a.csv".removeprefix(
        "file://"
    )
    assert listed[0].modified is not None
    assert abs((datetime.now(UTC) - listed[0].modified).total_seconds()) < 3600
    with pytest.raises(NotThereError):
        list(list_files(f"{server.address}/drop"))


def test_a_folder_of_more_than_the_limits_is_refused(server: Server) -> None:
    server.put("drops/a.csv", b"12")
    server.put("drops/b.csv", b"34")
    for limits in ({"max_files": 1}, {"max_bytes": 3}):
        with pytest.raises(TooLargeError, match="2 files of 4 bytes"):
            list(list_files(f"{server.address}/drops", **limits))
    assert len(list(list_files(f"{server.address}/drops", max_files=2, max_bytes=4))) == 2


def test_what_is_written_to_a_store_replaces_what_was_there_as_a_whole(server: Server) -> None:
    store = Store(parse_store_address(f"{server.address}/new/archive"))
    assert store.list_files() == []
    store.write_bytes(b"first", "x/y.json")
    store.write_bytes(b"second", "x/y.json")
    assert [file.name for file in store.list_files()] == ["x/y.json"]
    assert store.read_bytes("x/y.json", 6) == b"second"
    with pytest.raises(TooLargeError):
        store.read_bytes("x/y.json", 5)
    store.remove("x/y.json")
    store.remove("x/y.json")
    assert store.find("x/y.json") is None


def test_a_file_of_several_chunks_is_fetched_whole(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_stores, "CHUNK_BYTES", 100)
    content = bytes(range(256))
    server.put("april.csv", content)
    told: list[int] = []
    StoreSource(LIMIT).fetch(f"{server.address}/april.csv", tmp_path / "x", report=lambda done, _: told.append(done))
    assert (tmp_path / "x").read_bytes() == content
    assert told == [100, 200, 256]


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["s3", "azure"])
def test_a_missing_bucket_is_named(request: pytest.FixtureRequest, kind: str) -> None:
    request.getfixturevalue(kind)
    scheme = {"s3": "s3", "azure": "abfs"}[kind]
    for address in (f"{scheme}://no-such-bucket/drops", f"{scheme}://no-such-bucket"):
        with pytest.raises(NotThereError, match=r"//no-such-bucket.*: expected a file or a folder; found nothing"):
            Store(parse_store_address(address)).list_files()


def test_refused_credentials_of_s3_are_told_without_repeating_them(s3: S3Server, tmp_path: Path) -> None:
    s3.put("april.csv", b"x")
    with s3.refuse_accounts():
        for action in (
            lambda: list(list_files(s3.address)),
            lambda: StoreSource(LIMIT).fetch(f"{s3.address}/april.csv", tmp_path / "x"),
        ):
            with pytest.raises(RefusedError, match=r"expected credentials that the store accepts.*AWS_") as refusal:
                action()
            _assert_tells_no_secret(refusal.value)


def test_missing_credentials_of_s3_are_told_with_the_variables_to_set(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(RefusedError, match="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        list(list_files(s3.address))


def test_a_host_whose_key_is_not_listed_is_not_spoken_to(sftp: SftpServer, tmp_path: Path) -> None:
    sftp.put("april.csv", b"x")
    known_hosts = tmp_path / "user" / ".ssh" / "known_hosts"
    line = known_hosts.read_text("utf-8")
    other = line.split()[0] + " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlhcHQtdGVzdHMtb3RoZXItaG9zdC1rZXktMDAwMDAw\n"
    for listed in ("", other, None):
        if listed is None:
            known_hosts.unlink()
            (known_hosts.parent / "config").write_text("Host *\n  UserKnownHostsFile none\n", "utf-8")
        else:
            known_hosts.write_text(listed, "utf-8")
        with pytest.raises(
            RefusedError, match=r"expected a host whose key is listed in ~/\.ssh/known_hosts"
        ) as refusal:
            list(list_files(sftp.address))
        _assert_tells_no_secret(refusal.value)


def test_a_user_without_a_key_is_refused_by_sftp(sftp: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "user" / ".ssh" / "id_ed25519").unlink()
    with pytest.raises(RefusedError, match=r"expected credentials that the store accepts.*~/\.ssh"):
        list(list_files(sftp.address))


def test_the_password_of_the_environment_is_used_and_never_repeated(
    sftp: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sftp.put("april.csv", b"x")
    (tmp_path / "user" / ".ssh" / "id_ed25519").unlink()
    monkeypatch.setenv("IAPT_SFTP_PASSWORD", SECRET)
    assert [file.name for file in list_files(sftp.address)] == ["april.csv"]
    monkeypatch.setenv("IAPT_SFTP_PASSWORD", f"not {SECRET}")
    with pytest.raises(RefusedError, match="expected credentials that the store accepts") as refusal:
        list(list_files(sftp.address))
    _assert_tells_no_secret(refusal.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("address", "variable", "value"),
    [
        ("s3://bucket/drops", "AWS_ENDPOINT_URL", "http://store.example:9000"),
        ("s3://bucket/drops", "AWS_ENDPOINT_URL_S3", "HTTP://127.0.0.1.example"),
        ("abfs://drops", "AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;BlobEndpoint=http://store.example/a;"),
    ],
)
def test_a_store_on_another_machine_is_spoken_to_by_https_alone(
    address: str, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UnsafeAddressError, match=f"by https in {variable}; found http"):
        list(list_files(address))


def test_a_store_that_is_full_is_not_taken_for_this_machine(
    sftp: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(asyncssh.SFTPServer, "write", refuse)
    with (
        pytest.raises(UnavailableError, match="expected room in the store"),
        translate_machine_errors(Workspace(tmp_path)),
    ):
        Store(parse_store_address(sftp.address)).write_bytes(b"x", "april.csv")


def test_no_command_is_ever_run_on_an_sftp_server(sftp: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cannot_replace(*_: object) -> None:
        raise asyncssh.sftp.SFTPOpUnsupported("posix-rename")

    store = Store(parse_store_address(f"{sftp.address}/archive"))
    store.write_bytes(b"first", "x")
    monkeypatch.setattr(asyncssh.SFTPClient, "posix_rename", cannot_replace)
    with pytest.raises(UnavailableError, match="the server cannot rename a file over another"):
        store.write_bytes(b"second", "x")
    assert store.read_bytes("x", LIMIT) == b"first"
    assert [file.name for file in store.list_files()] == ["x"]
    assert sftp.commands == []


def test_a_line_that_was_cut_is_connected_again(sftp: SftpServer) -> None:
    sftp.put("april.csv", b"x")
    store = Store(parse_store_address(sftp.address))
    assert store.read_bytes("april.csv", 1) == b"x"
    store._opened.client.abort()
    assert store.read_bytes("april.csv", 1) == b"x"


def test_a_server_that_does_not_answer_at_once_is_asked_again(
    sftp: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, refused = object_stores._open_file_system, [ConnectionRefusedError(), TimeoutError()]

    def answer_in_the_end(root: StoreAddress) -> object:
        if refused:
            raise refused.pop()
        return whole(root)

    sftp.put("april.csv", b"x")
    monkeypatch.setattr(object_stores, "_open_file_system", answer_in_the_end)
    with stamina.set_testing(True, attempts=3, cap=True):
        assert Store(parse_store_address(sftp.address)).read_bytes("april.csv", 1) == b"x"


def test_a_server_that_does_not_answer_is_told(sftp: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_stores, "CONNECT_ATTEMPTS", 1)
    with pytest.raises(UnavailableError, match=r"expected an answer of the store.*See that it can be reached"):
        list(list_files("sftp://127.0.0.1:9/drops"))


@pytest.mark.parametrize(
    ("address", "package", "extra"),
    [
        ("s3://bucket/drops", "s3fs", "s3"),
        ("abfs://drops/a", "adlfs", "azure"),
        ("sftp://host/drops", "sshfs", "sftp"),
    ],
)
def test_a_missing_package_is_told_with_the_extra_to_install(
    address: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SourceError, match=rf"the package {package}.*pip install 'iapt-pipeline\[{extra}\]'"):
        list(list_files(address))


def test_azure_without_an_account_is_told_with_the_variables_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_ANON", "true")
    with pytest.raises(RefusedError, match="Set AZURE_STORAGE_ACCOUNT_NAME"):
        list(list_files("abfs://drops/2026"))


class _Refusing(BaseHTTPRequestHandler):
    """Answers as Azure does where a key is wrong, with the string that was to be signed in the answer."""

    def send_refusal(self) -> None:
        body = (
            b'<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthenticationFailed</Code><Message>The MAC signature '
            b"found in the HTTP request 'c2VjcmV0' is not the same as any computed signature.</Message></Error>"
        )
        self.send_response(403)
        self.send_header("x-ms-error-code", "AuthenticationFailed")
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_GET = do_HEAD = send_refusal  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_refused_credentials_of_azure_are_told_without_repeating_them(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        "DefaultEndpointsProtocol=http;AccountName=account1;AccountKey=c2VjcmV0;"
        f"BlobEndpoint=http://127.0.0.1:{server.server_port}/account1;",
    )
    try:
        with pytest.raises(RefusedError, match="expected credentials that the store accepts") as refusal:
            list(list_files("abfs://drops/2026"))
    finally:
        server.shutdown()
        server.server_close()
    assert "c2VjcmV0" not in repr(vars(refusal.value))


def test_what_a_library_says_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    said = f"cannot sign with {SECRET} at https://user:pass@host/a?sig=abc password: x\nsecond line"
    assert redact(said) == "cannot sign with … at https://…@host/a?… password: …"


def _assert_tells_no_secret(error: BaseException) -> None:
    assert SECRET not in repr(vars(error)) + str(error)
    assert (error.__cause__, error.__context__) == (None, None)


# -- copies of drop folders -------------------------------------------------------------------------------------------


def copy(server: Server, tmp_path: Path, name: str = "drops") -> CopiedFolder:
    return copy_drop_folder(f"{server.address}/{name}", tmp_path / "incoming", max_file_bytes=LIMIT)


def read_copy(copied: CopiedFolder) -> dict[str, bytes]:
    files = (path for path in copied.path.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(copied.path).as_posix(): path.read_bytes() for path in files}


def test_a_copy_of_a_drop_folder_holds_its_drops_and_sidecars(server: Server, tmp_path: Path) -> None:
    server.put("drops/2026/april.csv", b"1")
    server.put("drops/provenance.json", b"{}")
    for other in ("read me.md", ".hidden", "__MACOSX/april.csv", "~$april.xlsx"):
        server.put(f"drops/{other}", b"x")
    copied = copy(server, tmp_path)
    assert copied.path.parent == tmp_path / "incoming"
    assert read_copy(copied) == {"2026/april.csv": b"1", "provenance.json": b"{}"}
    assert (copied.rejected, copied.removed) == ([], [])


def test_only_what_has_changed_is_copied_again_and_what_is_gone_is_removed(server: Server, tmp_path: Path) -> None:
    for name in ("april", "may", "june"):
        server.put(f"drops/2026/{name}.csv", b"1")
    copy(server, tmp_path)
    server.put("drops/2026/april.csv", b"12")
    server.remove("drops/2026/june.csv")
    copied = copy(server, tmp_path)
    assert (copied.copied, copied.unchanged, copied.removed) == (
        ["2026/april.csv"],
        ["2026/may.csv"],
        ["2026/june.csv"],
    )
    assert read_copy(copied) == {"2026/april.csv": b"12", "2026/may.csv": b"1"}
    assert (copied.has_changed, copied.describe_changes()) == (True, "1 files copied, 1 unchanged, 1 removed")
    assert not copy(server, tmp_path).has_changed


def test_a_copy_that_was_cut_short_is_completed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("drops/april.csv", b"1")
    server.put("drops/may.csv", b"2")
    whole = Store.read_chunks

    def stop_at_may(store: Store, name: str, chunk_bytes: int) -> Generator[bytes]:
        if name == "may.csv":
            raise KeyboardInterrupt
        yield from whole(store, name, chunk_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read_chunks", stop_at_may)
        with pytest.raises(KeyboardInterrupt):
            copy(server, tmp_path)
    copied = copy(server, tmp_path)
    assert (copied.copied, copied.unchanged) == (["may.csv"], ["april.csv"])
    assert read_copy(copied) == {"april.csv": b"1", "may.csv": b"2"}


def test_one_drop_is_copied_with_the_sidecar_beside_it(server: Server, tmp_path: Path) -> None:
    for name in ("april.csv", "may.csv", "provenance.json"):
        server.put(f"drops/{name}", b"x")
    copied = copy(server, tmp_path, "drops/april.csv")
    assert copied.path.name == "april.csv"
    assert sorted(path.name for path in copied.path.parent.glob("[!.]*")) == ["april.csv", "provenance.json"]


def test_a_drop_that_is_too_large_is_rejected_and_the_others_are_copied(server: Server, tmp_path: Path) -> None:
    server.put("drops/april.csv", b"x" * (LIMIT + 1))
    server.put("drops/may.csv", b"2")
    copied = copy(server, tmp_path)
    ((name, rejection),) = copied.rejected
    assert (name, rejection.found) == ("april.csv", "1,001 bytes")
    assert read_copy(copied) == {"may.csv": b"2"}


def test_names_that_lead_elsewhere_are_rejected_and_the_others_are_copied(s3: S3Server, tmp_path: Path) -> None:
    for key in ("../up.csv", "a/../../up.csv", "a//b.csv", "back\\slash.csv", "reversed\u202evsc.csv"):
        s3.put(f"drops/{key}", b"x")
    s3.put("drops/may.csv", b"2")
    copied = copy(s3, tmp_path)
    found = {name: rejection.found for name, rejection in copied.rejected}
    assert found.pop("back\\slash.csv") == "a backslash in it"
    assert [found.pop(name) for name in ("../up.csv", "a/../../up.csv", "a//b.csv")] == [
        "an empty part, or one of dots in it"
    ] * 3
    ((name, hidden),) = found.items()
    assert (name.isprintable(), hidden) == (True, "a character that cannot be shown in it")
    assert read_copy(copied) == {"may.csv": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["incoming"]
    with pytest.raises(UnsafeAddressError):
        list(list_files(f"{s3.address}/drops"))


def test_a_file_of_the_name_of_a_folder_is_rejected(s3: S3Server, tmp_path: Path) -> None:
    s3.put("drops/2026", b"x")
    s3.put("drops/2026/april.csv", b"1")
    copied = copy(s3, tmp_path)
    assert [(name, rejection.found) for name, rejection in copied.rejected] == [("2026", "a folder of the same name")]
    assert read_copy(copied) == {"2026/april.csv": b"1"}


def test_a_link_on_the_server_is_not_followed(sftp: SftpServer, tmp_path: Path) -> None:
    sftp.put("secret/april.csv", b"1")
    sftp.put("drops/may.csv", b"2")
    (sftp.root / "drops" / "april.csv").symlink_to("../secret/april.csv")
    (sftp.root / "drops" / "folder").symlink_to("../secret")
    assert read_copy(copy(sftp, tmp_path)) == {"may.csv": b"2"}


def test_a_missing_drop_folder_is_told(server: Server, tmp_path: Path) -> None:
    server.put("drops/may.csv", b"2")
    with pytest.raises(NotThereError, match="nothing there"):
        copy(server, tmp_path, "drop")


def test_a_connection_tried_again_writes_nothing_to_standard_output() -> None:
    assert stamina.instrumentation.get_on_retry_hooks() == ()
