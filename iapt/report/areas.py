"""The places that have a page: their names, notes, ends, and links to what they came from and what they became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iapt.catalogue.report_config import Family, ReportConfig
from iapt.periods import format_day
from iapt.report.area_series import SUM, AreaFigures
from iapt.report.names import format_name, make_area_id
from iapt.report.places import Organisation, OrganisationKey, Place, find_relatives
from iapt.report.release_tables import GRAINS, Release, ReleaseUnreadableError


@dataclass(frozen=True)
class RelatedArea:
    """What a place came from, or became: its name, its code and, where it has one, its page."""

    area: str
    name: str
    code: str


@dataclass(frozen=True)
class Area:
    """A place, under whatever codes and levels it has had. `reports` are those that have figures of it.

    `ended` is the last day of one that is no more, in words. `before` and `after` are what it came from and became.
    """

    id: str
    family: str
    code: str
    name: str
    note: str
    reports: tuple[str, ...]
    ended: str = ""
    before: tuple[RelatedArea, ...] = ()
    after: tuple[RelatedArea, ...] = ()


def list_areas(
    release: Release, config: ReportConfig, figures: Mapping[str, Mapping[str, AreaFigures]]
) -> tuple[Area, ...]:
    """The places that have figures, in the order a list shows them.

    `figures` are those of each report, by place. Each place is described as the newest of its organisations that has
    any: the lists name organisations that never had one.
    """
    by_area: dict[str, dict[str, AreaFigures]] = {}
    for report, areas in figures.items():
        for area_figures in areas.values():
            by_area.setdefault(area_figures.area, {})[report] = area_figures
    described = {area: _find_place(area, [*reports.values()], release, config) for area, reports in by_area.items()}
    # What a page of one organisation says of it comes before what the page of the whole place says.
    by_size = sorted(described.items(), key=lambda item: -len(item[1][0].members))
    pages = {member.key: area for area, (place, _) in by_size for member in place.members}
    listed = [
        _describe_area(area, place, organisation, [*by_area[area]], pages, release, config)
        for area, (place, organisation) in described.items()
    ]
    order = [family.slug for family in config.families]
    return tuple(sorted(listed, key=lambda area: (order.index(area.family), area.name.lower(), area.code)))


def _describe_area(
    area: str,
    place: Place,
    organisation: Organisation,
    reports: Sequence[str],
    pages: Mapping[OrganisationKey, str],
    release: Release,
    config: ReportConfig,
) -> Area:
    before, after = (
        tuple(
            RelatedArea(pages.get(relative.key, ""), format_name(relative.name), relative.code)
            for relative in find_relatives(place, release.organisations, config, before=is_before)
        )
        for is_before in (True, False)
    )
    return Area(
        id=area,
        family=place.family,
        code=organisation.code,
        name="England" if place.family == "england" else format_name(organisation.name),
        note=_describe_codes(place, organisation),
        reports=tuple(report for report in GRAINS if report in reports),
        ended=_format_end(organisation),
        before=before,
        after=after,
    )


def _find_place(
    area: str, reports: Sequence[AreaFigures], release: Release, config: ReportConfig
) -> tuple[Place, Organisation]:
    """The place of a page, and the newest of its organisations that has figures: the current one where all are sums."""
    family, levels = _find_family(reports[0].prefix, config)
    with_figures = {(level, code) for report in reports for _, level, code in report.levels if level != SUM}
    keys = [*with_figures, *((level, reports[0].code) for level in levels)]
    place = next((release.places[key] for key in keys if key in release.places), None)
    missing = sorted(with_figures - release.organisations.keys())
    if place is None or missing:
        named = " ".join(missing[0] if missing else (levels[0], reports[0].code))
        raise ReleaseUnreadableError(f"dim_organisation: expected {named}, which has figures; not there")
    if area != make_area_id(family.slug, reports[0].code) and family.slug != "england":
        place = Place(family.slug, (release.organisations[next(iter(with_figures))],))
    newest = next((member for member in reversed(place.members) if member.key in with_figures), place.newest)
    return place, newest


def _find_family(prefix: str, config: ReportConfig) -> tuple[Family, tuple[str, ...]]:
    """The family and the levels of a page by the prefix of its address."""
    for family in config.families:
        if prefix == family.slug:
            return family, family.levels
        for level in family.levels:
            if prefix == level.replace("_", "-"):
                return family, (level,)
    raise ReleaseUnreadableError(f"expected a family of organisations; found {prefix!r}")


def _format_end(organisation: Organisation) -> str:
    """The last day of an organisation that is no more, in words."""
    if organisation.valid_to is None or organisation.current_comparability == "same":
        return ""
    return format_day(organisation.valid_to)


def _describe_codes(place: Place, organisation: Organisation) -> str:
    """The codes that a place had before, and what became of one that is no more, from the lists."""
    later = {member.code for member in place.members[place.members.index(organisation) :]}
    former = dict.fromkeys(member.code for member in place.members if member.code not in later)
    sentences = [f"Earlier code of this area: {', '.join(former)}."] if former else []
    if end := _format_end(organisation):
        sentences.append(f"Ended on {end}.")
        is_newest = organisation is place.newest
        if organisation.current_code and not (is_newest and organisation.current_comparability == "boundary_moved"):
            name = format_name(organisation.current_name)
            sentences.append(f"Its area is covered today by {name} ({organisation.current_code}).")
    return " ".join(sentences)
