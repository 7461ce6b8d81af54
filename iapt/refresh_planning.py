"""What a build makes again, decided of the drops that are read; and what a refresh would do now, for whoever asks."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iapt.affected_periods import compute_foundation, find_affected_periods, list_period_inputs
from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.disclosure_policy import Policy, load_policy
from iapt.ingest.archive import ArchivedDrop
from iapt.ingest.completeness import list_home_inputs
from iapt.ingest.observation_store import DropSummary
from iapt.input_fingerprint import compute_input_fingerprint
from iapt.period_inputs import AffectedPeriod
from iapt.run_warnings import list_first, make_printable
from iapt.sources.folder_fingerprint import EMPTY, compute_folder_fingerprint
from iapt.sources.store_addresses import is_elsewhere, parse_store_address
from iapt.workspace import DISCLOSURE_POLICY, PROJECT_ROOT, Workspace
from iapt.workspace_state import BuildInputs, BuiltPeriods, RefreshPlan, read_ingested_fingerprint, read_last_release

#: How many affected periods a sentence names.
PERIODS_NAMED: Final = 3

ReadDrops = Sequence[tuple[ArchivedDrop, DropSummary]]


def plan_periods(
    workspace: Workspace, catalogue: Catalogue, policy: Policy, usable: ReadDrops, *, rebuild: str = ""
) -> tuple[BuiltPeriods, tuple[AffectedPeriod, ...], bool]:
    """Return what the figures of each period rest on, which are to be made again, and whether all tables are.

    `usable` are the drops in use. All periods are made again where there is no warehouse, and where `rebuild` says why.
    """
    built = BuiltPeriods.load_if_present(workspace.built_periods) if workspace.warehouse.is_file() else None
    built = built or BuiltPeriods()
    periods = BuiltPeriods(
        foundation=compute_foundation(PROJECT_ROOT, policy, salt=workspace.salt if workspace.is_restricted else None),
        periods=list_period_inputs(usable, catalogue),
    )
    affected = find_affected_periods(
        periods.periods,
        periods.foundation,
        built.periods,
        built.foundation,
        unfinished=built.unfinished,
        rebuild=rebuild,
    )
    return periods, tuple(affected), bool(rebuild) or periods.foundation != built.foundation


def plan_build(
    inputs: BuildInputs,
    workspace: Workspace,
    catalogue: Catalogue,
    policy: Policy,
    usable: ReadDrops,
    *,
    rebuild: str,
) -> RefreshPlan:
    """Return the plan of a build from some inputs, with the periods that it makes again, under a name of its own.

    `rebuild` says why all are, whatever they rest on; it is empty where there is no such reason.
    """
    periods, affected, is_full = plan_periods(workspace, catalogue, policy, usable, rebuild=rebuild)
    return RefreshPlan(
        action="build", inputs=inputs, affected=affected, periods=periods, is_full=is_full, build=uuid.uuid4().hex
    )


def describe_affected(affected: Sequence[AffectedPeriod], *, is_full: bool) -> str:
    """Return which periods are made again and why, as the end of a sentence: a few by name, of many how many."""
    if not affected:
        return "no period again"
    count = f"{len(affected):,} {'period' if len(affected) == 1 else 'periods'}"
    if is_full:
        return f"every period again ({count}): {make_printable(affected[0].why[0])}"
    named = [f"{period.grain} {period.label} ({_describe_why(period)})" for period in affected[:PERIODS_NAMED]]
    return f"{count} again: {list_first(named, len(affected))}"


def _describe_why(period: AffectedPeriod) -> str:
    return "; ".join(map(make_printable, period.why))


@dataclass(frozen=True)
class RefreshOutlook:
    """What a refresh would do now, as far as it is known before it reads anything.

    `unread` are archived drops to be read first: which periods they publish is not known. `has_folder_changed` is
    whether the drop folder holds something else than when it was ingested last; None where it lies in a store.
    """

    unread: int
    has_folder_changed: bool | None
    is_release_current: bool
    affected: tuple[AffectedPeriod, ...]
    is_full: bool

    @property
    def is_build(self) -> bool:
        """Whether it would build, of what is archived."""
        return self.unread > 0 or not self.is_release_current

    def describe(self) -> str:
        """Return it in sentences."""
        sentences = []
        if self.has_folder_changed:
            sentences.append("The drop folder has changed since it was ingested: a refresh looks at it first.")
        if self.unread:
            noun, they = f"{self.unread:,} drops that are", "they publish"
            if self.unread == 1:
                noun, they = "1 drop that is", "it publishes"
            sentences.append(f"A refresh now would read {noun} archived, and make what {they} again.")
        if not self.is_build:
            archived = " of what is archived" if self.has_folder_changed else ""
            sentences.append(f"Nothing is new{archived}: a refresh would keep the release.")
        elif self.affected or not self.unread:
            also = "also " if self.unread else ""
            affected = describe_affected(self.affected, is_full=self.is_full)
            sentences.append(f"A refresh now would {also}make {affected}{'' if affected.endswith('.') else '.'}")
        return " ".join(sentences)


def find_outlook(workspace: Workspace, catalogue: Catalogue, usable: ReadDrops, unread: int) -> RefreshOutlook:
    """Return what a refresh with the default profile and drop folder would do now. Nothing is read or changed.

    `usable` are the drops in use that are read, and `unread` is how many more are archived and not read.
    """
    policy, released = load_policy(catalogue.folder / DISCLOSURE_POLICY), read_last_release(workspace)
    fingerprint = compute_input_fingerprint(
        PROJECT_ROOT, usable, policy.profile, list_home_inputs(workspace, catalogue)
    )
    is_current = released is not None and released.input_fingerprint == fingerprint
    _, affected, is_full = plan_periods(workspace, catalogue, policy, usable) if not is_current else (None, (), False)
    return RefreshOutlook(unread, _has_folder_changed(workspace), is_current, affected, is_full)


def select_usable(read: ReadDrops, unused: Collection[str], origin: str) -> ReadDrops:
    """Return those of the drops that were read in full from which a release of an origin may be built."""
    return [
        (drop, summary)
        for drop, summary in read
        if drop.sha256 not in unused
        and drop.origin == origin
        and not (drop.origin == "published" and summary.has_synthetic_mark)
    ]


def _has_folder_changed(workspace: Workspace) -> bool | None:
    location = workspace.locate_drops()
    if is_elsewhere(location):
        return None
    folder = Path(parse_store_address(location).path)
    fingerprint = compute_folder_fingerprint(folder) if folder.exists() else EMPTY
    return fingerprint not in (EMPTY, read_ingested_fingerprint(workspace, folder))
