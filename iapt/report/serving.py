"""The server that shows a report in a browser of this machine: files of one folder, on 127.0.0.1 alone."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

ADDRESS: Final = "127.0.0.1"
#: The pages of folders without an index, which the address of a folder leads to.
FIRST_PAGES: Final = {"recovery-rate": "england-annual.html", "map": "annual.html"}
#: Nothing but the site's own files may run, style or be loaded.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class _Site(SimpleHTTPRequestHandler):
    """Serves files of the folder and no others, under names of this machine alone: no page elsewhere can read them."""

    def do_GET(self) -> None:
        if self._has_local_host():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._has_local_host():
            super().do_HEAD()

    def _has_local_host(self) -> bool:
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host in (ADDRESS, "localhost"):
            return True
        self.send_error(421, "This server answers to 127.0.0.1 and localhost only")
        return False

    def list_directory(self, path: object) -> None:
        """Answer a folder without an index: with its first page where its pages are tabs of one another, else 404."""
        first = FIRST_PAGES.get(Path(str(path)).name)
        if first is None or not (Path(str(path)) / first).is_file():
            self.send_error(404, "No such page")
            return
        self.send_response(302)
        self.send_header("Location", first)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


def make_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder that has its port and waits to be run; port 0 takes a free one.

    Raises OSError where the port is taken, FileNotFoundError where the folder holds no report.
    """
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"{folder}: expected a report, with index.html; there is none")
    return ThreadingHTTPServer((ADDRESS, port), partial(_Site, directory=str(folder)))
