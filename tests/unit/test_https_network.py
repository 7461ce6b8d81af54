"""The network under the client: what is connected to was checked, TLS is verified, and nothing leads elsewhere."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iapt.sources.addresses import AddressRules
from iapt.sources.checked_network import CheckedNetwork, Wire
from iapt.sources.https import PublisherSite
from iapt.sources.remote_files import NotThereError, UnavailableError, UnsafeAddressError
from tests.factories.publisher_server import PublisherServer
from tests.factories.publisher_site import MadeClock, StandInNetwork, make_access, make_site, make_stand_in_site

CONTENT = b"a,b\r\n1,2\r\n"
PATH = "/C1/1234AB/april.csv"
ADDRESS = "https://files.digital.nhs.uk/C1/1234AB/april.csv"
HOSTS = ("digital.nhs.uk", "files.digital.nhs.uk")


@pytest.fixture
def server() -> Iterator[PublisherServer]:
    with PublisherServer() as server:
        server.add_file(PATH, CONTENT)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "april.csv"


class Names:
    """A resolver that answers with each list of addresses once, and then stays with the last."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def make_resolving_site(
    names: Callable[[str, int], list[str]], network: httpcore.NetworkBackend, attempts: int = 2
) -> PublisherSite:
    clock = MadeClock().clock
    checked = CheckedNetwork(AddressRules.make(HOSTS), Wire(clock.monotonic), names, network)
    return PublisherSite(make_access(attempts=attempts), clock, checked)


def test_what_was_checked_is_what_is_connected_to(server: PublisherServer, target: Path) -> None:
    # A second look-up would give an address of this machine: there is none.
    names, network = Names(["8.8.8.8"], ["127.0.0.1"]), StandInNetwork(server.port)
    make_resolving_site(names, network).fetch(ADDRESS, target)
    assert target.read_bytes() == CONTENT
    assert network.connections == [("8.8.8.8", 443)]
    assert names.asked == ["files.digital.nhs.uk"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.8"], ["169.254.169.254"], ["::1"], ["8.8.8.8", "10.0.0.8"], ["::ffff:192.168.0.1"]],
)
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(
    server: PublisherServer, target: Path, addresses: list[str]
) -> None:
    network = StandInNetwork(server.port)
    with pytest.raises(UnsafeAddressError, match="an address of a private or special network"):
        make_resolving_site(Names(addresses), network).fetch(ADDRESS, target)
    assert network.connections == []
    assert server.requests == []


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 8124), ("127.0.0.2", 8123), ("localhost", 8123)])
def test_of_this_machine_one_server_alone_is_connected_to(server: PublisherServer, host: str, port: int) -> None:
    rules = AddressRules.make(HOSTS, ["http://127.0.0.1:8123"])
    network = CheckedNetwork(rules, Wire(MadeClock().clock.monotonic), network=StandInNetwork(server.port))
    with pytest.raises(UnsafeAddressError):
        network.connect_tcp(host, port)
    network.connect_tcp("127.0.0.1", 8123).close()


def test_a_host_off_the_list_is_not_even_looked_up(server: PublisherServer, target: Path) -> None:
    names = Names(["8.8.8.8"])
    with pytest.raises(UnsafeAddressError):
        make_resolving_site(names, StandInNetwork(server.port)).fetch("https://example.org/april.csv", target)
    assert names.asked == []


def test_the_next_address_of_a_name_is_tried(server: PublisherServer, target: Path) -> None:
    network = StandInNetwork(server.port, down={"8.8.8.8"})
    make_resolving_site(Names(["8.8.8.8", "8.8.4.4"]), network).fetch(ADDRESS, target)
    assert target.read_bytes() == CONTENT
    assert [host for host, _ in network.connections] == ["8.8.8.8", "8.8.4.4"]


def test_a_name_that_cannot_be_resolved_is_tried_again_and_given_up(server: PublisherServer, target: Path) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        raise OSError("Temporary failure in name resolution")

    with pytest.raises(UnavailableError, match="cannot be resolved"):
        make_resolving_site(resolve, StandInNetwork(server.port)).fetch(ADDRESS, target)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "location",
    [
        *("https://example.org/april.csv", "//example.org/april.csv", "http://files.digital.nhs.uk/april.csv"),
        *(
            "https://127.0.0.1/april.csv",
            "https://169.254.169.254/latest/",
            "https://[::1]/a.csv",
            "file:///etc/passwd",
        ),
        *("https://files.digital.nhs.uk@example.org/a.csv", "https://files.digital.nhs.uk:22/a.csv"),
        *("https://user:word@files.digital.nhs.uk/a.csv", "javascript:alert(1)", "http://localhost:1/a.csv"),
    ],
)
def test_a_redirect_off_the_list_is_not_followed(server: PublisherServer, target: Path, location: str) -> None:
    server.add_redirect(PATH, location)
    with pytest.raises(UnsafeAddressError):
        make_stand_in_site(server).fetch(ADDRESS, target)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://digital.nhs.uk/moved/april.csv", "/moved/april.csv"])
def test_a_redirect_on_the_list_is_followed(server: PublisherServer, target: Path, status: int, location: str) -> None:
    server.add_file("/moved/april.csv", CONTENT)
    server.add_redirect(PATH, location, status)
    fetched = make_stand_in_site(server).fetch(ADDRESS, target)
    assert fetched.address.endswith("digital.nhs.uk/moved/april.csv")
    assert target.read_bytes() == CONTENT


def test_a_redirect_to_another_server_of_this_machine_is_not_followed(server: PublisherServer, target: Path) -> None:
    with PublisherServer() as other:
        server.add_redirect(PATH, other.add_file(PATH, CONTENT))
        with pytest.raises(UnsafeAddressError):
            make_site(server).fetch(server.find_address(PATH), target)
        assert other.requests == []
        make_site(server, other).fetch(server.find_address(PATH), target)
        assert target.read_bytes() == CONTENT


def test_redirects_come_to_an_end(server: PublisherServer, target: Path) -> None:
    server.add_redirect(PATH, PATH)
    with pytest.raises(UnavailableError, match="more than 3 redirects"):
        make_stand_in_site(server).fetch(ADDRESS, target)
    assert len(server.requests) == 4


def test_a_redirect_to_nowhere_is_asked_again(server: PublisherServer, target: Path) -> None:
    server.raw_answers[PATH] = [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"]
    make_stand_in_site(server).fetch(ADDRESS, target)
    assert target.read_bytes() == CONTENT


def test_a_proxy_of_the_environment_is_not_used(
    server: PublisherServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    make_site(server).fetch(server.find_address(PATH), target)
    assert target.read_bytes() == CONTENT


def test_where_no_connection_is_had_a_proxy_that_is_not_used_is_named(target: Path) -> None:
    with PublisherServer() as server:
        access = replace(make_access(server, attempts=1), ignored_proxy="HTTPS_PROXY")
        address = server.find_address(PATH)
    with pytest.raises(UnavailableError, match="HTTPS_PROXY is not used"):
        PublisherSite(access).fetch(address, target)


def test_no_credentials_and_no_cookies_are_sent(
    server: PublisherServer, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.add_page("/page", "<html></html>", headers={"Set-Cookie": "session=1; Path=/"})
    site = make_stand_in_site(server)
    site.read_page("https://files.digital.nhs.uk/page")
    site.fetch(ADDRESS, target)
    sent = {name for request in server.requests for name in request.headers}
    assert sent == {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_what_a_server_sends_beyond_one_answer_is_not_taken_for_the_next(server: PublisherServer, target: Path) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nx,y\n"
    server.raw_answers[PATH] = [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" + smuggled]
    make_stand_in_site(server).fetch(ADDRESS, target)
    assert target.read_bytes() == CONTENT
    assert {request.headers["connection"] for request in server.requests} == {"close"}


class Authority:
    """Makes certificates, and serves TLS under them on a port of this machine: one small file for every request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Invented Authority")])
        self.certificate_path = folder / "authority.pem"
        certificate = self._build(self._name, self._key, None)
        self.certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _build(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, host: str | None) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def write_certificate(self, host: str) -> Path:
        """Write a certificate of a host and its key into one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key, host)
        path = self.folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


class TlsNetwork(httpcore.NetworkBackend):
    """Connects to a server of this machine that shows a certificate, whatever is asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.count = 0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.count += 1
        return httpcore.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout)


@pytest.fixture
def serve_tls(server: PublisherServer, authority: Authority) -> Iterator[Callable[[str], TlsNetwork]]:
    """Give a function that lets the server show the certificate of a host, and returns the network that leads there."""
    listeners: list[threading.Thread] = []
    stop = threading.Event()

    def serve(host: str) -> TlsNetwork:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.write_certificate(host))
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)

        def run() -> None:
            while not stop.is_set():
                try:
                    plain, _ = listener.accept()
                except TimeoutError:
                    continue
                try:
                    with context.wrap_socket(plain, server_side=True) as stream:
                        stream.recv(65536)
                        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\nConnection: close\r\n\r\n"
                        stream.sendall(head.encode() + CONTENT)
                except (ssl.SSLError, OSError):
                    plain.close()
            listener.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        listeners.append(thread)
        return TlsNetwork(listener.getsockname()[1])

    yield serve
    stop.set()
    for thread in listeners:
        thread.join()


def test_a_certificate_that_proves_the_host_is_believed(
    serve_tls: Callable[[str], TlsNetwork], authority: Authority, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate_path))
    network = serve_tls("files.digital.nhs.uk")
    make_resolving_site(Names(["8.8.8.8"]), network).fetch(ADDRESS, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("host", "is_known", "why"),
    [
        ("files.digital.nhs.uk", False, "unable to get local issuer certificate"),
        ("files.example.org", True, "Hostname mismatch"),
    ],
)
def test_a_certificate_that_proves_nothing_ends_it_at_once(
    serve_tls: Callable[[str], TlsNetwork],
    authority: Authority,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    is_known: bool,
    why: str,
) -> None:
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate_path))
    network = serve_tls(host)
    with pytest.raises(UnsafeAddressError, match=f"expected a certificate that proves the host; found {why}"):
        make_resolving_site(Names(["8.8.8.8"]), network).fetch(ADDRESS, target)
    assert network.count == 1


def test_a_page_that_moved_off_the_list_is_not_read(server: PublisherServer) -> None:
    server.add_redirect("/page", "https://example.org/page")
    with pytest.raises(UnsafeAddressError):
        make_stand_in_site(server).read_page("https://digital.nhs.uk/page")


def test_the_publishers_own_addresses_can_be_served_here(server: PublisherServer) -> None:
    server.add_page("/page", "<html><title>Series</title></html>")
    page = make_stand_in_site(server).read_page("https://digital.nhs.uk/page")
    assert (page.address, page.status) == ("https://digital.nhs.uk/page", 200)
    with pytest.raises(NotThereError):
        make_stand_in_site(server).read_page("https://digital.nhs.uk/other")
