"""What an audit needs of a workspace: the auditor of its warehouse, and the owner's findings about a period."""

from __future__ import annotations

from pathlib import Path

from iapt.catalogue.disclosure_policy import Policy
from iapt.checked_periods import PeriodMemory, digest
from iapt.contract import EXTRACT_GRAINS
from iapt.disclosure.auditor import FACT_TABLES, MEASURES, Auditor
from iapt.disclosure.findings import write_findings
from iapt.disclosure.model import Rounding
from iapt.disclosure.period_audits import SourceTables
from iapt.workspace import Workspace
from iapt.workspace_state import BuildInputs


class NotVerifiableError(Exception):
    """Raised where there is nothing to verify: no table of a release, or no source at hand to compare it with."""


def open_auditor(workspace: Workspace) -> Auditor:
    """Return the auditor of extracts made from a workspace's warehouse, under the policy they were made with.

    Raises NotVerifiableError where the warehouse was built before it said under which policy.
    """
    built = BuildInputs.load(workspace.built)
    if not built.disclosure:
        raise NotVerifiableError(
            f"{workspace.built}: expected the disclosure policy; found none. Refresh this home once more."
        )
    policy = Policy.from_manifest(built.disclosure)
    rounding = Rounding(policy.suppress_counts_below, policy.round_counts_to)
    return Auditor(
        workspace.warehouse,
        workspace.audits,
        rounding,
        source_is_public=not workspace.is_restricted,
        memory=PeriodMemory(workspace.checked_parts, digest(built.disclosure)),
        spill=workspace.spill,
    )


def write_period_findings(workspace: Workspace, period: str) -> tuple[Path, int]:
    """Write the findings about single cells of a period to the owner's folder; return the file and how many there are.

    Raises NotVerifiableError where the warehouse holds no values of the period.
    """
    if not workspace.warehouse.is_file():
        raise NotVerifiableError(
            f"{workspace.warehouse}: not found. Findings are of a home that was refreshed from its drops."
        )
    auditor = open_auditor(workspace)
    for table, grain in EXTRACT_GRAINS.items():
        with auditor.connect(None, table) as connection:
            facts = FACT_TABLES[table]
            if connection.execute(f"select 1 from {facts} where period = ? limit 1", [period]).fetchone():
                tables = SourceTables(facts, MEASURES, rounding=auditor.source_rounding)
                return write_findings(connection, grain, tables, period, workspace.audits / "findings")
    raise NotVerifiableError(
        f"{period}: the warehouse in {workspace.root} holds no values of such a month, quarter or year."
    )
