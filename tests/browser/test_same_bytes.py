"""Two reports of one release are the same, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from iapt.report.site import build_report
from tests.browser.page_objects import Site

pytestmark = pytest.mark.browser


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_two_builds_are_byte_identical(site: Site, tmp_path: Path) -> None:
    build_report(site.release, tmp_path / "again", boundaries=site.folder.parent / "boards.geojson")
    first, second = digests(site.folder), digests(tmp_path / "again")
    assert len(first) > 150
    assert first == second
