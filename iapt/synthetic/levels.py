"""Where activity is counted: the parts that cannot be split further, and the organisations they add up to.

A part is a provider treating the patients of one commissioner. Each published level puts every part in exactly one
organisation, so that every level adds up to England.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

import numpy as np

from iapt.synthetic import geography
from iapt.synthetic.allocation import IntArray
from iapt.synthetic.geography import Pair

ENGLAND = "england"


@dataclass(frozen=True)
class Part:
    """A provider treating the patients of a commissioner, with the commissioner's parents of the day."""

    region: str
    icb: str
    commissioner: str
    provider: str
    weight: int


@dataclass(frozen=True)
class Organisation:
    """An organisation, or a pair of commissioner and provider, as it is published on a day."""

    level: str
    code: str
    name: str
    partner_code: str = ""
    partner_name: str = ""
    icb_code: str = ""
    icb_name: str = ""


@dataclass(frozen=True)
class Grouping:
    """The organisations of one level and, for each part, which of them it belongs to."""

    organisations: list[Organisation]
    member_of: IntArray


def list_parts(pairs: Iterable[Pair], on: date) -> list[Part]:
    """The pairs that are open, as parts of that day."""
    return [
        Part(
            region=geography.find_region(pair.commissioner, on),
            icb=geography.find_icb(pair.commissioner, on) or "",
            commissioner=pair.commissioner,
            provider=pair.provider,
            weight=pair.weight,
        )
        for pair in pairs
        if geography.is_pair_open(pair, on)
    ]


def _make_icb(part: Part, on: date) -> tuple[str, str]:
    if not part.icb:
        return "", ""
    return geography.get_icb_code(part.icb, on), geography.get_icb_name(part.icb, on)


def _make_england(_part: Part, _on: date) -> Organisation:
    return Organisation(ENGLAND, "England", "England")


def _make_region(part: Part, _on: date) -> Organisation:
    return Organisation("region", part.region, geography.get_region_name(part.region))


def _make_icb_level(part: Part, on: date) -> Organisation:
    return Organisation("icb" if on >= geography.ICB_DAY else "stp", *_make_icb(part, on))


def _make_commissioner(part: Part, on: date) -> Organisation:
    # Those of no shown commissioner stand together, whatever their parent.
    code, name = _make_icb(part, on) if part.commissioner != geography.UNKNOWN else ("", "")
    return Organisation(
        "sub_icb" if on >= geography.ICB_DAY else "ccg",
        geography.get_commissioner_code(part.commissioner, on),
        geography.get_commissioner_name(part.commissioner, on),
        icb_code=code,
        icb_name=name,
    )


def _make_provider(part: Part, on: date) -> Organisation:
    return Organisation("provider", part.provider, geography.get_provider_name(part.provider, on))


def _make_pair(part: Part, on: date) -> Organisation:
    commissioner, provider = _make_commissioner(part, on), _make_provider(part, on)
    return Organisation(
        f"{commissioner.level}_provider",
        commissioner.code,
        commissioner.name,
        provider.code,
        provider.name,
        commissioner.icb_code,
        commissioner.icb_name,
    )


_LEVELS: dict[str, Callable[[Part, date], Organisation]] = {
    "england": _make_england,
    "region": _make_region,
    "icb": _make_icb_level,
    "commissioner": _make_commissioner,
    "provider": _make_provider,
    "pair": _make_pair,
}


def group_parts(level: str, parts: Sequence[Part], on: date) -> Grouping:
    """The organisations of a level, by code. The levels: england, region, icb, commissioner, provider, pair.

    A commissioner's level is CCG or sub-ICB and an ICB's is STP or ICB, by the day.
    """
    by_part = [_LEVELS[level](part, on) for part in parts]
    organisations = sorted(set(by_part), key=attrgetter("code", "partner_code"))
    positions = {organisation: position for position, organisation in enumerate(organisations)}
    return Grouping(organisations, np.array([positions[organisation] for organisation in by_part], dtype=np.int64))
