"""What the fast tier shows of a few made sources, of many: the audit never excludes the truth."""

from __future__ import annotations

from hypothesis import given, settings

from iapt.contract import Grain
from iapt.disclosure.model import Rounding
from tests.unit.test_audit_soundness import SOURCES, Gaps, assert_the_audit_of_made_sources_is_sound


@settings(max_examples=15)
@given(**SOURCES)
def test_the_truth_is_within_the_bounds_of_many_sources(
    grain: Grain, rounding: Rounding, seed: int, gaps: Gaps
) -> None:
    assert_the_audit_of_made_sources_is_sound(grain, rounding, seed, gaps)
