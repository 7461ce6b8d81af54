"""An imitation of Azure Blob Storage for tests: the few requests that the archive and the drop folders make of it.

It is no server of Azure's, and checks no key: what it shows is that the library is asked for the right things.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

ACCOUNT, CONTAINER = "account1", "iapt-drops"
#: When every file was written, as far as this server says: its ETag tells versions apart.
WRITTEN = formatdate(usegmt=True)
XML = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass
class AzureImitation:
    """The files of one container, and where they are served."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address of the container."""
        return f"abfs://{CONTAINER}"

    def set_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let everything of the test speak to this server."""
        monkeypatch.setenv(
            "AZURE_STORAGE_CONNECTION_STRING",
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey=c2VjcmV0;"
            f"BlobEndpoint=http://127.0.0.1:{self.port}/{ACCOUNT};",
        )

    def reset(self) -> None:
        """Forget every file."""
        self.files.clear()
        self.blocks.clear()

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the container."""
        self.files[name] = content

    def remove(self, name: str) -> None:
        """Remove a file."""
        del self.files[name]

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return every file below a folder, by its name there."""
        prefix = f"{folder}/"
        return {name.removeprefix(prefix): held for name, held in self.files.items() if name.startswith(prefix)}


class _Handler(BaseHTTPRequestHandler):
    imitation: AzureImitation
    protocol_version = "HTTP/1.1"

    def answer_request(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        container, _, name = unquote(parts.path).removeprefix(f"/{ACCOUNT}/").partition("/")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if container != CONTAINER:
            self._send(404, code="ContainerNotFound")
        elif not name:
            self._send(200, self._list(query) if query.get("comp") == "list" else b"")
        elif self.command == "PUT":
            self._put(name, query, body)
        elif name not in self.imitation.files:
            self._send(404, code="BlobNotFound")
        elif self.command == "DELETE":
            del self.imitation.files[name]
            self._send(202)
        else:
            self._get(name)

    do_GET = do_HEAD = do_PUT = do_DELETE = answer_request  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _put(self, name: str, query: dict[str, str], body: bytes) -> None:
        state = self.imitation
        if query.get("comp") == "block":
            state.blocks.setdefault(name, {})[query["blockid"]] = body
        elif query.get("comp") == "blocklist":
            blocks = state.blocks.pop(name)
            state.files[name] = b"".join(blocks[each] for each in re.findall("<Latest>(.*?)</Latest>", body.decode()))
        else:
            state.files[name] = body
        self._send(201)

    def _get(self, name: str) -> None:
        content = self.imitation.files[name]
        version = {"ETag": self._make_etag(content), "Last-Modified": WRITTEN}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("x-ms-range") or self.headers.get("Range") or "")
        if asked is None or self.command == "HEAD":
            self._send(200, content, version | {"x-ms-blob-type": "BlockBlob"})
            return
        start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if start >= len(content):
            self._send(416, code="InvalidRange")
            return
        where = {"Content-Range": f"bytes {start}-{end}/{len(content)}", "x-ms-blob-type": "BlockBlob"}
        self._send(206, content[start : end + 1], version | where)

    def _list(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        blobs, folders = "", set()
        for name, content in sorted(self.imitation.files.items()):
            rest = name.removeprefix(prefix)
            if not name.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                folders.add(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            blobs += (
                f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{len(content)}</Content-Length>"
                f"<Last-Modified>{WRITTEN}</Last-Modified><Etag>{self._make_etag(content)}</Etag>"
                "<BlobType>BlockBlob</BlobType></Properties></Blob>"
            )
        blobs += "".join(f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>" for folder in sorted(folders))
        return (
            f'{XML}<EnumerationResults ContainerName="{CONTAINER}">'
            f"<Blobs>{blobs}</Blobs><NextMarker /></EnumerationResults>"
        ).encode()

    @staticmethod
    def _make_etag(content: bytes) -> str:
        return f'"0x{hashlib.sha256(content).hexdigest()[:16].upper()}"'

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, code: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("x-ms-error-code", code)
            body = f"{XML}<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
        for name, value in ({"Content-Type": "application/xml"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def serve_azure_imitation() -> Generator[AzureImitation]:
    """Serve the container of the tests, empty."""
    imitation_served = AzureImitation()

    class Handler(_Handler):
        imitation = imitation_served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    imitation_served.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield imitation_served
    finally:
        server.shutdown()
        server.server_close()
