"""Release candidates: staged tables of synthetic data with the report of the gate on them, ready to be published."""

from __future__ import annotations

from pathlib import Path

from iapt.catalogue.disclosure_policy import load_policy
from iapt.release.metadata import Description
from iapt.release.publish import ReleaseCandidate, ReportBuilder
from iapt.validation import ValidationReport
from iapt.workspace import Workspace


def make_candidate(staged: Path, report: ValidationReport) -> ReleaseCandidate:
    """A candidate of staged tables, whose data docs stand beside them."""
    description = Description("synthetic", "a fingerprint", [], load_policy())
    return ReleaseCandidate(staged, report, staged.parent / "data_docs", description)


def make_candidate_of_home(
    home: Workspace,
    *,
    fingerprint: str = "a fingerprint",
    profile: str | None = None,
    report_builder: ReportBuilder | None = None,
) -> ReleaseCandidate:
    """A candidate of what a home has staged and validated."""
    report = ValidationReport.from_json((home.validation / "report.json").read_text("utf-8"))
    description = Description("synthetic", fingerprint, [], load_policy(profile=profile))
    return ReleaseCandidate(home.staging, report, home.validation / "data_docs", description, report_builder)
