"""The server of the report: this machine alone, its own files alone, and a policy that lets nothing else run."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

import pytest

from iapt.report.serving import ADDRESS, make_server
from tests.browser.page_objects import BrowserSession, Site

pytestmark = pytest.mark.browser


def request(site: Site, path: str, host: str | None = None, method: str = "GET") -> http.client.HTTPResponse:
    address = urlsplit(site.address)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host if host is not None else address.netloc)
    connection.endheaders()
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def test_it_answers_on_the_loopback_alone(site: Site) -> None:
    server = make_server(site.folder, 0)
    assert server.server_address[0] == ADDRESS == "127.0.0.1"
    server.server_close()
    own = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the machine has it
            socket.create_connection((address, urlsplit(site.address).port or 0), timeout=1)


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1.example.org", "", "0.0.0.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_another_name_gets_nothing(host: str, method: str, site: Site) -> None:
    assert request(site, "/index.html", host, method).status == 421


def test_its_own_names_are_answered(site: Site) -> None:
    port = urlsplit(site.address).port
    assert request(site, "/index.html").status == 200
    assert request(site, "/index.html", f"localhost:{port}").status == 200
    assert request(site, "/").status == 200


@pytest.mark.parametrize("path", ["/data/", "/assets/", "/data/annual/", "/organisations/../data/"])
def test_folders_are_not_listed(path: str, site: Site) -> None:
    assert request(site, path).status == 404


@pytest.mark.parametrize(
    ("folder", "first"),
    [("/recovery-rate/", "england-annual.html"), ("/map/", "annual.html"), ("/organisations/", ""), ("/monthly/", "")],
)
def test_the_address_of_a_folder_of_pages_leads_to_its_first(folder: str, first: str, site: Site) -> None:
    """These are the addresses that docs/report.md gives."""
    answer = request(site, folder)
    assert answer.status == (302 if first else 200)
    assert answer.headers.get("Location", "") == first


@pytest.mark.parametrize(
    "path",
    [
        "/../release/manifest.json",
        "/%2e%2e/release/manifest.json",
        "/data/..%2f..%2f..%2frelease/manifest.json",
        "/..%5crelease%5cmanifest.json",
        "//etc/passwd",
        "/data/../../../../../../etc/passwd",
    ],
)
def test_nothing_outside_of_the_folder_is_served(path: str, site: Site) -> None:
    assert (site.folder.parent / "release" / "manifest.json").is_file()
    assert request(site, path).status in (301, 400, 403, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent_to_it(method: str, site: Site) -> None:
    assert request(site, "/index.html", method=method).status == 501


def test_its_policy_lets_nothing_else_run_and_every_page_keeps_to_it(session: BrowserSession, site: Site) -> None:
    """A breach is an error in the console, for which every visit is watched."""
    policy = str(request(site, "/index.html").getheader("Content-Security-Policy"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert request(site, "/index.html").getheader("X-Content-Type-Options") == "nosniff"
    report_page = session.begin(way="http")
    for path in (
        "index.html",
        "annual/outcomes.html?org=provider-RGD&by=age_band",
        "recovery-rate/icb-annual.html?area=england",
        "map/annual.html",
        "organisations/icb-QF7.html",
    ):
        report_page.go(path)
        assert report_page.page.inner_text("h1")
    assert all(url.startswith(site.address) for url in session.requests)


def test_the_policy_is_in_force(session: BrowserSession) -> None:
    """The watch itself: a script that is not the site's own does not run and is heard of."""
    report_page = session.open("index.html", way="http")
    session.expected_errors.append("Content Security Policy")
    report_page.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))"
    )
    report_page.page.wait_for_timeout(50)
    assert report_page.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in error for error in session.errors)
