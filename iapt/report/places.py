"""Which organisations are one place: those that followed one another, one for one, and when its area changed.

A place keeps its page through new codes and new kinds of organisations. Where several became one, or one became
several, the page ends and others begin; each says what it came from and what it became.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from iapt.catalogue.report_config import Family, ReportConfig

PLACEHOLDER: Final = "placeholder"
OrganisationKey: TypeAlias = tuple[str, str]
"""The level and the code of an organisation."""


@dataclass(frozen=True)
class Organisation:
    """A row of the released list of organisations. `boundary_moves` are the days on which its area changed."""

    level: str
    code: str
    name: str
    kind: str
    valid_from: date | None
    valid_to: date | None
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]
    boundary_moves: tuple[date, ...]
    current_code: str
    current_name: str
    current_comparability: str

    @property
    def key(self) -> OrganisationKey:
        """Its level and code: a code alone does not name it, for a CCG and the sub-ICB location after it share one."""
        return self.level, self.code

    @property
    def is_placeholder(self) -> bool:
        """Whether it stands for rows without an organisation, such as UNKNOWN or a commissioning hub."""
        return self.kind == PLACEHOLDER


@dataclass(frozen=True)
class Place:
    """Organisations that followed one another, the oldest first, under the family of their levels."""

    family: str
    members: tuple[Organisation, ...]

    @property
    def newest(self) -> Organisation:
        """The last of its organisations, whose code is that of the place."""
        return self.members[-1]

    @property
    def current_area(self) -> int:
        """The number of the area that the place has now: that after every change there was."""
        return len(self.list_days_of_change())

    def list_areas(self, member: int, start: date, end: date) -> tuple[int, int]:
        """The numbers of the first and the last area that a figure of one member of a period can be about.

        They differ where a boundary moved within the period. Numbers count the changes of the area before.
        """
        before = sum(len(_list_moves(earlier)) + _ends_with_change(earlier) for earlier in self.members[:member])
        moves = _list_moves(self.members[member])
        return before + sum(day <= start for day in moves), before + sum(day <= end for day in moves)

    def list_days_of_change(self) -> tuple[date, ...]:
        """The days on which the area changed, in order; the number of an area counts those before it."""
        return tuple(
            day
            for member in self.members
            for day in (*_list_moves(member), *_list_change_at_end(member, is_last=member is self.newest))
        )


def _list_moves(organisation: Organisation) -> tuple[date, ...]:
    """The days on which its boundary moved while it lasted."""
    end = organisation.valid_to
    return tuple(day for day in organisation.boundary_moves if end is None or day <= end)


def _list_change_at_end(organisation: Organisation, *, is_last: bool) -> tuple[date, ...]:
    """The day after its last, where what followed had another area; none of what ends a place."""
    end = organisation.valid_to
    return () if is_last or end is None else tuple(day for day in organisation.boundary_moves if day > end)[:1]


def _ends_with_change(organisation: Organisation) -> bool:
    """Whether what followed it had another area."""
    return bool(_list_change_at_end(organisation, is_last=False))


def build_places(
    organisations: Mapping[OrganisationKey, Organisation], config: ReportConfig
) -> dict[OrganisationKey, Place]:
    """The place of each listed organisation of the levels that the report shows, placeholders left out."""
    shown = {
        key: organisation
        for key, organisation in organisations.items()
        if organisation.level in config.families_by_level and not organisation.is_placeholder
    }
    successors = {
        key: _find_successor(organisation, shown, config.families_by_level[organisation.level])
        for key, organisation in shown.items()
    }
    not_first = {successor.key for successor in successors.values() if successor is not None}
    places: dict[OrganisationKey, Place] = {}
    for key, organisation in shown.items():
        if key in not_first:
            continue
        members = [organisation]
        # A list that goes round in a circle has no first, and so none of its members is reached here.
        while (successor := successors[members[-1].key]) is not None:
            members.append(successor)
        place = Place(config.families_by_level[organisation.level].slug, tuple(members))
        places |= {member.key: place for member in members}
    return {
        key: places.get(key, Place(config.families_by_level[organisation.level].slug, (organisation,)))
        for key, organisation in shown.items()
    }


def _find_successor(
    organisation: Organisation, shown: Mapping[OrganisationKey, Organisation], family: Family
) -> Organisation | None:
    """The one organisation that began in its place and in no other's; none where it is not so.

    What went to several has no successor. What lasted beyond the change, and names this successor too, only gave it a
    part: that is a boundary that moved.
    """
    if len(organisation.successors) != 1:
        return None
    began = [
        after
        for after in _find_named(organisation, organisation.successors, shown, family, before=False)
        if not _overlaps(organisation, after)
    ]
    if len(began) != 1:
        return None
    founders = [
        before
        for before in _find_named(began[0], began[0].predecessors, shown, family, before=True)
        if not _overlaps(before, began[0])
    ]
    return began[0] if founders == [organisation] else None


def _overlaps(before: Organisation, after: Organisation) -> bool:
    """Whether the later of two organisations began while the earlier one lasted."""
    return before.valid_to is not None and after.valid_from is not None and after.valid_from <= before.valid_to


def find_relatives(
    place: Place, organisations: Mapping[OrganisationKey, Organisation], config: ReportConfig, *, before: bool
) -> tuple[Organisation, ...]:
    """The organisations that a place came from, or became, as the list names them, by code; none of its own members."""
    family = next(family for family in config.families if family.slug == place.family)
    relatives = {
        relative.key: relative
        for member in place.members
        for relative in _find_named(
            member, member.predecessors if before else member.successors, organisations, family, before=before
        )
        if relative not in place.members and not relative.is_placeholder
    }
    return tuple(sorted(relatives.values(), key=lambda relative: (relative.code, relative.level)))


def _find_named(
    organisation: Organisation,
    codes: Sequence[str],
    organisations: Mapping[OrganisationKey, Organisation],
    family: Family,
    *,
    before: bool,
) -> list[Organisation]:
    """The organisations of a family under some codes, each of which names this one in its turn.

    The list gives codes alone, and a code can stand at two levels: the one meant is that which names it back.
    """
    candidates = [organisations.get((level, code)) for code in codes for level in family.levels]
    return [
        other
        for other in candidates
        if other is not None
        and other.key != organisation.key
        and organisation.code in (other.successors if before else other.predecessors)
    ]
