"""Names of organisations: whether each code has one name in a drop, and each name one code.

A code that has lost its place shows by the name beside it. Names are told and no reason to reject: the publisher has
printed old names beside new ones (docs/sources.md#names-of-organisations).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from iapt.catalogue.organisation_codes import OrganisationCodes
from iapt.ingest.loading import NAMED_IN_NOTICES
from iapt.ingest.notices import format_notice
from iapt.ingest.reading_context import ReadingContext, describe_row

_SEVERAL_NAMES: Final = "an organisation stands under several names in one period; look whose figures they are"
_SEVERAL_CODES: Final = "one name stands beside several codes in one period; look whose figures they are"
_NO_NAME: Final = "an organisation stands under a word for all organisations or for none"


@dataclass(frozen=True)
class PublishedName:
    """A code and the name beside it, and the first row that has both; `level` is that of the organisation itself."""

    level: str
    code: str
    name: str
    period: str
    place: str


def find_odd_names(context: ReadingContext, keys: str) -> tuple[str, ...]:
    """Return notices of the codes with several names, of the names with several codes, and of what is no name.

    `keys` are the distinct keys of the rows.
    """
    published = _list_published_names(context, keys)
    rules = context.catalogue.organisation_codes
    names: dict[tuple[str, str], dict[str, PublishedName]] = defaultdict(dict)
    codes: dict[tuple[str, str], dict[str, PublishedName]] = defaultdict(dict)
    for (level, code, _), same_period in _group_by_period(published).items():
        for entry in same_period.values() if len(same_period) > 1 else ():
            names[level, code].setdefault(entry.name, entry)
    by_name = [entry for entry in published if not _is_no_name(rules, entry.name)]
    for (level, name, _), same_period in _group_by_period(by_name, by_name=True).items():
        for entry in same_period.values() if len(same_period) > 1 else ():
            codes[level, name].setdefault(entry.code, entry)
    no_names = {
        entry.code: f"{entry.level} {entry.code}, {entry.name!r} ({entry.place})"
        for entry in published
        if _is_no_name(rules, entry.name) and not rules.names_no_organisation(entry.code)
    }
    has_names = any(entry.name for entry in published)
    return (
        *_make_notices(
            _SEVERAL_NAMES,
            [
                f"{level} {code}, {' and '.join(f'{name!r} ({entry.place})' for name, entry in found.items())}"
                for (level, code), found in names.items()
            ],
        ),
        *_make_notices(
            _SEVERAL_CODES,
            [
                f"{level} {name!r}, {' and '.join(f'{code} ({entry.place})' for code, entry in found.items())}"
                for (level, name), found in codes.items()
            ],
        ),
        *_make_notices(_NO_NAME, list(no_names.values()) if has_names else []),
    )


def _list_published_names(context: ReadingContext, keys: str) -> list[PublishedName]:
    """Return each code with each of its names in each period. A partner is a provider, as one that stands alone is."""
    parts = (
        ("case org_level {} else org_level end", "org", "org_level <> 'england'"),
        ("'provider'", "partner", "partner_code is not null"),
        ("'parent'", "parent", "parent_code is not null"),
    )
    pairs = " ".join(f"when '{level}_provider' then '{level}'" for level in ("region", "stp", "icb", "ccg", "sub_icb"))
    queries = [
        f"""
        select
            {level.format(pairs)} as level, {part}_code as code, coalesce({part}_name, '') as name, period_start,
            source_member, source_row
        from {keys} where {condition}
        """
        for level, part, condition in parts
    ]
    rows = context.fetch(
        f"""
        select
            level, code, name, cast(period_start as varchar), arg_min(source_member, source_row), min(source_row)
        from ({" union all ".join(queries)}) group by level, code, name, period_start
        order by min(source_row), level, code, name
        """
    )
    return [
        PublishedName(level, code, name[:60], period, describe_row(member, row))
        for level, code, name, period, member, row in rows
    ]


def _group_by_period(
    published: Iterable[PublishedName], *, by_name: bool = False
) -> Mapping[tuple[str, str, str], dict[str, PublishedName]]:
    """Return, by level, code and period, the names of each code; with `by_name`, the codes of each name."""
    groups: dict[tuple[str, str, str], dict[str, PublishedName]] = defaultdict(dict)
    for entry in published:
        key, other = (entry.name, entry.code) if by_name else (entry.code, entry.name)
        groups[entry.level, key, entry.period].setdefault(other, entry)
    return groups


def _is_no_name(rules: OrganisationCodes, name: str) -> bool:
    """Whether a name is blank, or a word for all organisations (`all Providers`) or for none."""
    return any(map(rules.stands_for_everyone, (name, name.removesuffix("s")))) or rules.names_no_organisation(name)


def _make_notices(what: str, subjects: list[str]) -> list[str]:
    """Return one notice for each of the first few subjects, and one of how many more there are."""
    named = subjects[:NAMED_IN_NOTICES]
    if rest := len(subjects) - len(named):
        named.append(f"{rest:,} more")
    return [format_notice(what, subject) for subject in named]
