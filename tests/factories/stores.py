"""Stores of our own for tests: an S3 server and an SFTP server on 127.0.0.1, each in a thread of the test process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote
from urllib.request import Request, urlopen

import asyncssh
import pytest
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

BUCKET = "iapt-drops"
SECRET = "a-secret-that-no-message-repeats"


@dataclass
class S3Server:
    """An S3 server, and every request that it was sent."""

    endpoint: str
    requests: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The address of its bucket."""
        return f"s3://{BUCKET}"

    def note_requests(self) -> list[str]:
        """Return the list of requests, emptied: what comes from now on will be in it."""
        self.requests.clear()
        return self.requests

    def set_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let everything of the test speak to this server, as an account that it knows."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-account")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")

    def reset(self) -> None:
        """Forget every bucket, and make the one of the tests."""
        self._send("POST", "/moto-api/reset")
        self._send("PUT", f"/{BUCKET}")

    def put(self, key: str, content: bytes) -> None:
        """Put a file into the bucket."""
        self._send("PUT", f"/{BUCKET}/{quote(key, safe='')}", content)

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return every file below a folder of the bucket, by its name there."""
        listing = self._send("GET", f"/{BUCKET}?list-type=2&prefix={folder}/").decode()
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", listing)]
        return {key.removeprefix(f"{folder}/"): self._send("GET", f"/{BUCKET}/{quote(key, safe='')}") for key in keys}

    def remove(self, key: str) -> None:
        """Remove a file of the bucket."""
        self._send("DELETE", f"/{BUCKET}/{quote(key, safe='')}")

    @contextlib.contextmanager
    def refuse_accounts(self) -> Generator[None]:
        """Refuse every account from now on: none is known to the server."""
        self._send("POST", "/moto-api/reset-auth", b"0")
        try:
            yield
        finally:
            self._send("POST", "/moto-api/reset-auth", b"inf")

    def _send(self, method: str, path: str, content: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/octet-stream", "Authorization": "AWS an-account:unchecked"}
        with urlopen(Request(f"{self.endpoint}{path}", data=content, headers=headers, method=method)) as answer:
            body: bytes = answer.read()
        return body


@contextlib.contextmanager
def serve_s3() -> Generator[S3Server]:
    """Serve an S3 store with the one empty bucket of the tests, and note each request."""
    requests: list[str] = []

    def note_request(handler: WSGIRequestHandler, *_: object) -> None:
        requests.append(f"{handler.command} {handler.path}")

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with patch.object(WSGIRequestHandler, "log_request", note_request):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield S3Server(f"http://{host}:{port}", requests)
        finally:
            server.stop()


@dataclass
class SftpServer:
    """An SFTP server, and the folder that is its root."""

    port: int
    root: Path
    host_key: str
    client_key: Path
    commands: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The address of its root."""
        return f"sftp://reader@127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Remove every file."""
        self.commands.clear()
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def put(self, name: str, content: bytes) -> None:
        """Put a file below the root."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return every file below a folder of the root, by its name there."""
        files = (path for path in (self.root / folder).rglob("*") if path.is_file())
        return {path.relative_to(self.root / folder).as_posix(): path.read_bytes() for path in files}

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.root / name).unlink()

    def set_environment(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        """Give the user of the test a home whose SSH folder has the key, and knows the host."""
        ssh = home / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n", "utf-8")
        (ssh / "id_ed25519").write_bytes(self.client_key.read_bytes())
        (ssh / "id_ed25519").chmod(0o600)
        monkeypatch.setenv("HOME", str(home))
        for name in ("SSH_AUTH_SOCK", "IAPT_SFTP_PASSWORD"):
            monkeypatch.delenv(name, raising=False)


class _PasswordServer(asyncssh.SSHServer):
    """Lets in whoever has the key of the tests, or knows the password."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == SECRET


@contextlib.contextmanager
def serve_sftp(folder: Path) -> Generator[SftpServer]:
    """Serve a folder by SFTP to whoever has the key or the password of the tests; a command is noted, and fails."""
    root = folder / "root"
    root.mkdir()
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client_key.write_private_key(folder / "client_key")
    client_key.write_public_key(folder / "authorized_keys")
    server = SftpServer(0, root, host_key.export_public_key().decode().strip(), folder / "client_key")

    def make_session(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=os.fsencode(root))

    def refuse_command(process: asyncssh.SSHServerProcess[Any]) -> None:
        server.commands.append(str(process.command))
        process.exit(1)

    loop, started, stopping = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def listen() -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=_PasswordServer,
            server_host_keys=[host_key],
            authorized_client_keys=str(folder / "authorized_keys"),
            sftp_factory=make_session,
            process_factory=refuse_command,
        )
        server.port = acceptor.get_port()
        started.set()
        await stopping.wait()
        acceptor.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run() -> None:
        loop.run_until_complete(listen())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(20)
