"""Fingerprints of code: a path that is named in code names a file, or nothing that rests on it would be made again."""

from pathlib import Path

import pytest

from iapt.input_fingerprint import FINGERPRINT_PATTERNS, compute_input_fingerprint, digest_files
from iapt.report.site import FINGERPRINT_PATTERNS as REPORT_PATTERNS
from iapt.workspace import PROJECT_ROOT


@pytest.mark.parametrize("pattern", sorted({*FINGERPRINT_PATTERNS, *REPORT_PATTERNS}))
def test_every_pattern_names_a_file(pattern: str) -> None:
    assert digest_files(PROJECT_ROOT, [pattern])


def test_a_pattern_that_names_nothing_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "model.sql").write_text("select 1", "utf-8")
    with pytest.raises(ValueError, match=r"expected files at moved/\*\.py; found none"):
        digest_files(tmp_path, ["*.sql", "moved/*.py"])


def test_what_a_home_knows_of_publications_is_an_input_in_any_order() -> None:
    known = (["found", "held"], ["held", "found"], ["found"], [])
    fingerprints = [compute_input_fingerprint(PROJECT_ROOT, [], "publisher", publications) for publications in known]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 3
