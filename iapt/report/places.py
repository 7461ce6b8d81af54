"""Which organisations are one place: bodies that followed one another, one for one, and since when the area is another.

A place keeps its page through new codes and new kinds of bodies. Where several became one, or one became several, the
page ends and others begin; each says what it came from and what it became.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from iapt.catalogue.report_config import Family, ReportConfig

PLACEHOLDER: Final = "placeholder"
Listed: TypeAlias = tuple[str, str]
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
    def listed(self) -> Listed:
        """What names it: a code alone does not, for a CCG and the sub-ICB location after it share one."""
        return self.level, self.code

    @property
    def is_placeholder(self) -> bool:
        """Whether it stands for rows without an organisation, such as UNKNOWN or a commissioning hub."""
        return self.kind == PLACEHOLDER


@dataclass(frozen=True)
class Place:
    """Bodies that followed one another, the oldest first, under the family of their levels."""

    family: str
    members: tuple[Organisation, ...]

    @property
    def newest(self) -> Organisation:
        """The last of its bodies, whose code is that of the place."""
        return self.members[-1]

    @property
    def area_today(self) -> int:
        """The number of the area that the place has now: that after every change there was."""
        return len(self.days_of_change())

    def list_areas(self, member: int, start: date, end: date) -> tuple[int, int]:
        """The numbers of the first and the last area that a figure of one member of a period can be about.

        They differ where a boundary moved within the period. Numbers count the changes of the area before.
        """
        before = sum(len(_moves_within(one)) + _ends_as_another(one) for one in self.members[:member])
        moves = _moves_within(self.members[member])
        return before + sum(day <= start for day in moves), before + sum(day <= end for day in moves)

    def days_of_change(self) -> tuple[date, ...]:
        """The days on which the area became another, in order; the number of an area counts those before it."""
        return tuple(
            day
            for member in self.members
            for day in (*_moves_within(member), *_days_of_end(member, is_last=member is self.newest))
        )


def _moves_within(organisation: Organisation) -> tuple[date, ...]:
    """The days on which its boundary moved while it lasted."""
    end = organisation.valid_to
    return tuple(day for day in organisation.boundary_moves if end is None or day <= end)


def _days_of_end(organisation: Organisation, *, is_last: bool) -> tuple[date, ...]:
    """The day after its last, where what followed had another area; none of what ends a place."""
    end = organisation.valid_to
    return () if is_last or end is None else tuple(day for day in organisation.boundary_moves if day > end)[:1]


def _ends_as_another(organisation: Organisation) -> bool:
    """Whether what followed it had another area."""
    return bool(_days_of_end(organisation, is_last=False))


def build_places(organisations: Mapping[Listed, Organisation], outline: ReportConfig) -> dict[Listed, Place]:
    """The place of each listed organisation of the levels that the report shows, placeholders left out."""
    shown = {
        listed: one
        for listed, one in organisations.items()
        if listed[0] in outline.family_of and not one.is_placeholder
    }
    followed_by = {listed: _follower(one, shown, outline.family_of[listed[0]]) for listed, one in shown.items()}
    followers = {after.listed for after in followed_by.values() if after is not None}
    places: dict[Listed, Place] = {}
    for listed, one in shown.items():
        if listed in followers:
            continue
        members = [one]
        # A list that goes round in a circle has no first, and so none of its members is reached here.
        while (after := followed_by[members[-1].listed]) is not None:
            members.append(after)
        place = Place(outline.family_of[listed[0]].slug, tuple(members))
        places |= {member.listed: place for member in members}
    return {listed: places.get(listed, Place(outline.family_of[listed[0]].slug, (shown[listed],))) for listed in shown}


def _follower(one: Organisation, shown: Mapping[Listed, Organisation], family: Family) -> Organisation | None:
    """The one organisation that began in its place and in no other's; none where it is not so.

    What went to several has no follower. What lasted beyond the change, and names this successor too, only gave it a
    part: that is a boundary that moved.
    """
    if len(one.successors) != 1:
        return None
    began = [after for after in _related(one, one.successors, shown, family, before=False) if not _overlap(one, after)]
    if len(began) != 1:
        return None
    founders = [
        before
        for before in _related(began[0], began[0].predecessors, shown, family, before=True)
        if not _overlap(before, began[0])
    ]
    return began[0] if founders == [one] else None


def _overlap(before: Organisation, after: Organisation) -> bool:
    """Whether the later of two organisations began while the earlier one lasted."""
    return before.valid_to is not None and after.valid_from is not None and after.valid_from <= before.valid_to


def find_neighbours(
    place: Place, organisations: Mapping[Listed, Organisation], outline: ReportConfig, *, before: bool
) -> tuple[Organisation, ...]:
    """The organisations that a place came from, or became, as the list names them; none of its own members."""
    family = next(one for one in outline.families if one.slug == place.family)
    own = {member.listed for member in place.members}
    found: dict[Listed, Organisation] = {}
    for member in place.members:
        codes = member.predecessors if before else member.successors
        for one in _related(member, codes, organisations, family, before=before):
            if one.listed not in own and not one.is_placeholder:
                found[one.listed] = one
    return tuple(found[listed] for listed in sorted(found, key=lambda listed: (listed[1], listed[0])))


def _related(
    one: Organisation,
    codes: Sequence[str],
    organisations: Mapping[Listed, Organisation],
    family: Family,
    *,
    before: bool,
) -> list[Organisation]:
    """The organisations of a family under some codes, each of which names `one` in its turn.

    The list gives codes alone, and a code can stand at two levels: the one meant is that which names it back.
    """
    found = []
    for code in codes:
        for level in family.levels:
            other = organisations.get((level, code))
            if other is None or other.listed == one.listed:
                continue
            if one.code in (other.successors if before else other.predecessors):
                found.append(other)
    return found
