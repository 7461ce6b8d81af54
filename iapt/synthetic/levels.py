"""Where activity is counted: the parts that cannot be split further, and the organisations they add up to.

A part is a provider treating the patients of one commissioner. Each published level puts every part in
exactly one organisation, so that every level adds up to England.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from iapt.synthetic import geography
from iapt.synthetic.allocation import IntArray
from iapt.synthetic.geography import Pair

ENGLAND = "england"


@dataclass(frozen=True)
class Part:
    """A provider treating the patients of a commissioner, with the commissioner's parents of the day."""

    region: str
    body: str
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
    body_code: str = ""
    body_name: str = ""


@dataclass(frozen=True)
class Grouping:
    """The organisations of one level and, for each part, which of them it belongs to."""

    organisations: list[Organisation]
    member_of: IntArray


def parts_of(pairs: Iterable[Pair], on: date) -> list[Part]:
    """The pairs that are open, as parts of that day."""
    return [
        Part(
            region=geography.region_of(pair.commissioner, on),
            body=geography.body_of(pair.commissioner, on) or "",
            commissioner=pair.commissioner,
            provider=pair.provider,
            weight=pair.weight,
        )
        for pair in pairs
        if geography.pair_is_open(pair, on)
    ]


def _body(part: Part, on: date) -> tuple[str, str]:
    if not part.body:
        return "", ""
    return geography.body_code(part.body, on), geography.body_name(part.body, on)


def _england(_part: Part, _on: date) -> Organisation:
    return Organisation(ENGLAND, "England", "England")


def _region(part: Part, _on: date) -> Organisation:
    return Organisation("region", part.region, geography.region_name(part.region))


def _body_level(part: Part, on: date) -> Organisation:
    return Organisation("icb" if on >= geography.ICB_DAY else "stp", *_body(part, on))


def _commissioner(part: Part, on: date) -> Organisation:
    # Those of no shown commissioner stand together, whatever their parent.
    code, name = _body(part, on) if part.commissioner != geography.UNKNOWN else ("", "")
    return Organisation(
        "sub_icb" if on >= geography.ICB_DAY else "ccg",
        geography.commissioner_code(part.commissioner, on),
        geography.commissioner_name(part.commissioner, on),
        body_code=code,
        body_name=name,
    )


def _provider(part: Part, on: date) -> Organisation:
    return Organisation("provider", part.provider, geography.provider_name(part.provider, on))


def _pair(part: Part, on: date) -> Organisation:
    commissioner, provider = _commissioner(part, on), _provider(part, on)
    return Organisation(
        f"{commissioner.level}_provider",
        commissioner.code,
        commissioner.name,
        provider.code,
        provider.name,
        commissioner.body_code,
        commissioner.body_name,
    )


_LEVELS: dict[str, Callable[[Part, date], Organisation]] = {
    "england": _england,
    "region": _region,
    "body": _body_level,
    "commissioner": _commissioner,
    "provider": _provider,
    "pair": _pair,
}


def grouping(level: str, parts: Sequence[Part], on: date) -> Grouping:
    """The organisations of a level, by code. The levels: england, region, body, commissioner, provider, pair.

    A commissioner's level is CCG or sub-ICB and a body's is STP or ICB, by the day.
    """
    of_part = [_LEVELS[level](part, on) for part in parts]
    organisations = sorted(set(of_part), key=lambda one: (one.code, one.partner_code))
    position = {organisation: place for place, organisation in enumerate(organisations)}
    return Grouping(organisations, np.array([position[one] for one in of_part], dtype=np.int64))
