"""Addresses: only the publisher's are asked, only public ones are connected to, and names are plain file names."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iapt.sources.addresses import AddressRules, decode_file_name, is_public
from iapt.sources.remote_files import SourceError, UnsafeAddressError

RULES = AddressRules.make(["digital.nhs.uk", "files.digital.nhs.uk"], ["http://127.0.0.1:8123"])
FILE = "https://files.digital.nhs.uk/C1/1234AB/april%20v2.csv"

UNSAFE = {
    "plain http": "http://files.digital.nhs.uk/a.csv",
    "another scheme": "ftp://files.digital.nhs.uk/a.csv",
    "a file": "file:///etc/passwd",
    "no scheme": "//files.digital.nhs.uk/a.csv",
    "no host": "https:///a.csv",
    "a path alone": "/a.csv",
    "nothing": "",
    "another host": "https://example.org/a.csv",
    "a host that ends alike": "https://evilfiles.digital.nhs.uk.example.org/a.csv",
    "a host below one": "https://x.files.digital.nhs.uk/a.csv",
    "a host above one": "https://nhs.uk/a.csv",
    "a trailing dot": "https://files.digital.nhs.uk./a.csv",
    "a user": "https://files.digital.nhs.uk@example.org/a.csv",
    "a user before the right host": "https://user:secret@files.digital.nhs.uk/a.csv",
    "an empty user": "https://@files.digital.nhs.uk/a.csv",
    "a fragment that looks like the host": "https://example.org#@files.digital.nhs.uk/a.csv",
    "a query that looks like the host": "https://example.org?@files.digital.nhs.uk/a.csv",
    "a backslash": "https://example.org\\@files.digital.nhs.uk/a.csv",
    "a backslash in the path": "https://files.digital.nhs.uk/C1\\a.csv",
    "a host in percents": "https://files.digital.nhs%2euk/a.csv",
    "a slash in percents": "https://files.digital.nhs.uk%2f.example.org/a.csv",
    "letters that look alike": "https://files.digital.nhs.u\u212a/a.csv",
    "a wide full stop": "https://files\u3002digital.nhs.uk/a.csv",
    "punycode": "https://xn--files-xyz.digital.nhs.uk/a.csv",
    "an IPv4 address": "https://127.0.0.1/a.csv",
    "a decimal address": "https://2130706433/a.csv",
    "a hexadecimal address": "https://0x7f000001/a.csv",
    "an octal address": "https://0177.0.0.1/a.csv",
    "an IPv6 address": "https://[::1]/a.csv",
    "a mapped address": "https://[::ffff:127.0.0.1]/a.csv",
    "metadata of a cloud": "https://169.254.169.254/latest/meta-data/",
    "another port": "https://files.digital.nhs.uk:8443/a.csv",
    "port 80": "https://files.digital.nhs.uk:80/a.csv",
    "port 0": "https://files.digital.nhs.uk:0/a.csv",
    "no such port": "https://files.digital.nhs.uk:99999/a.csv",
    "a space": "https://files.digital.nhs.uk/a b.csv",
    "a leading space": " https://files.digital.nhs.uk/a.csv",
    "a line end": "https://files.digital.nhs.uk/a.csv\r\nHost: example.org",
    "a tab in the scheme": "ht\ttps://files.digital.nhs.uk/a.csv",
    "a NUL": "https://files.digital.nhs.uk/a.csv\0",
    "a letter that is not ASCII": "https://files.digital.nhs.uk/\u00e4.csv",
    "an endless path": "https://files.digital.nhs.uk/" + "a" * 2000,
    "a local server over https": "https://127.0.0.1:8123/a.csv",
    "another port of this machine": "http://127.0.0.1:8124/a.csv",
    "no port of this machine": "http://127.0.0.1/a.csv",
    "another name of this machine": "http://localhost:8123/a.csv",
    "another address of this machine": "http://127.0.0.2:8123/a.csv",
    "this machine in decimal": "http://2130706433:8123/a.csv",
}


@pytest.mark.parametrize("address", UNSAFE.values(), ids=UNSAFE.keys())
def test_an_address_that_is_not_the_publishers_is_refused(address: str) -> None:
    with pytest.raises(UnsafeAddressError, match=r"expected an https address of digital\.nhs\.uk"):
        RULES.check_address(address)


@pytest.mark.parametrize(
    ("address", "parsed"),
    [
        (FILE, FILE),
        ("HTTPS://FILES.Digital.NHS.uk/C1/1234AB/april%20v2.csv", FILE),
        ("https://files.digital.nhs.uk:443/C1/1234AB/april%20v2.csv", FILE),
        (FILE + "#top", FILE),
        ("https://digital.nhs.uk/feed?page=2", "https://digital.nhs.uk/feed?page=2"),
        ("http://127.0.0.1:8123/a.csv", "http://127.0.0.1:8123/a.csv"),
    ],
)
def test_an_address_of_the_publisher_is_taken_as_the_client_reads_it(address: str, parsed: str) -> None:
    assert str(RULES.check_address(address)) == parsed


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UnsafeAddressError) as caught:
        RULES.check_address("https://user:secret@files.digital.nhs.uk/a.csv")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        *("http://localhost:8000", "https://127.0.0.1:8000", "http://127.0.0.1", "http://127.0.0.1:0"),
        *("http://127.0.0.1:8000/", "http://127.0.0.1.example.org:8000", "http://10.0.0.1:8000", "http://127.0.0.2:80"),
    ],
)
def test_a_local_server_is_one_of_this_machine(server: str) -> None:
    with pytest.raises(ValueError, match="expected a server on this machine"):
        AddressRules.make(["digital.nhs.uk"], [server])


_HOSTS = st.sampled_from(
    ["files.digital.nhs.uk", "FILES.DIGITAL.NHS.UK", "example.org", "127.0.0.1", "[::1]", "2130706433", "localhost", ""]
)
_TRICKS = st.sampled_from(
    ["", "", "", ".", "@", ":", ":443", ":80", "%2e", "\\", "#", "?", "/", "\t", "\u3002", "..", "&"]
)
_SCHEMES = st.sampled_from(
    ["https://", "https://", "http://", "HTTPS://", "https:", "https:/", "//", "ftp://", "", " https://"]
)


@given(st.builds("".join, st.tuples(_SCHEMES, _TRICKS, _HOSTS, _TRICKS, _HOSTS, _TRICKS, st.just("/a.csv"))))
def test_whatever_is_put_together_of_hosts_and_tricks_only_the_publishers_is_asked(address: str) -> None:
    try:
        url = RULES.check_address(address)
    except UnsafeAddressError:
        return
    assert (url.scheme, url.host, url.port, url.userinfo) == ("https", "files.digital.nhs.uk", None, b"")
    assert address.lower().startswith("https://files.digital.nhs.uk")


@given(st.text(max_size=60))
def test_no_text_is_an_address_that_is_asked_or_an_error_of_another_kind(text: str) -> None:
    with pytest.raises(UnsafeAddressError):
        RULES.check_address(text)


NOT_PUBLIC = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
    *("100::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0"),
    *("fec0::1", "ff02::1", "2001:0:a00:1::1", "not an address", ""),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "104.16.1.1", "172.32.0.1", "2606:4700::6810:101", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_an_address_that_is_public_is_known(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_another_is_no_more_public_than_it_is(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | number))) == is_public(str(address))
    if not is_public(str(address)):
        assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        ("april.csv", "april.csv"),
        ("iapt_month_feb_2023_activity%20v2.csv", "iapt_month_feb_2023_activity v2.csv"),
        ("a%20%28final%29%2C%20b%20%26%20c.xlsx", "a (final), b & c.xlsx"),
        ("a(final),b&c;d=e+f.xlsx", "a(final),b&c;d=e+f.xlsx"),
        ("100%25.csv", "100%.csv"),
        ("a%252Fb.csv", "a%2Fb.csv"),  # decoded once: what is left is a per cent sign, not a slash
        ("caf%C3%A9.csv", "caf\u00e9.csv"),
        ("april.csv?x=/y", "april.csv"),
        ("april.csv#/y", "april.csv"),
        (".htaccess", ".htaccess"),
        ("CON.csv", "CON.csv"),
    ],
)
def test_a_file_name_is_decoded_once(encoded: str, name: str) -> None:
    assert decode_file_name(f"https://files.digital.nhs.uk/C1/1234AB/{encoded}") == name


@pytest.mark.parametrize(
    "encoded",
    [
        *("", ".", "..", "%2e%2e", "%2E", "...", "%20", "a%2Fb.csv", "..%2f..%2fetc%2fpasswd", "a%5Cb.csv"),
        *("a%00.csv", "a%0A.csv", "a%0D%0Ab.csv", "a%1B%5B2J.csv", "a%7F.csv", "a%C2%85.csv", "a%E2%80%AE.csv"),
        *("%FF.csv", "a%C3.csv", "a" * 201, "%C3%A9" * 101),
    ],
)
def test_a_name_that_is_no_plain_file_name_is_refused(encoded: str) -> None:
    with pytest.raises(UnsafeAddressError, match="expected a file name"):
        decode_file_name(f"https://files.digital.nhs.uk/C1/{encoded}")


def test_an_address_without_a_path_has_no_file_name() -> None:
    with pytest.raises(UnsafeAddressError, match="no name"):
        decode_file_name("https://files.digital.nhs.uk/")


@given(st.text(min_size=1, max_size=40))
def test_a_name_comes_back_as_it_was_encoded_or_is_no_file_name(name: str) -> None:
    try:
        encoded = quote(name, safe="")
    except UnicodeEncodeError:
        return
    is_plain = (
        name.isprintable() and not set(name) & set("/\\") and bool(name.strip(". ")) and len(name.encode()) <= 200
    )
    try:
        assert decode_file_name(f"https://files.digital.nhs.uk/{encoded}") == name
        assert is_plain
    except SourceError:
        assert not is_plain
