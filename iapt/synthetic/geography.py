"""The organisations of the demonstration: who is in it, under which code, name and parent on which day.

Codes and names of the commissioning regions, the STPs and ICBs and the commissioners are facts. Providers are invented,
and so is who works with whom. Every sub-national name published carries `MARK`. No counts here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from iapt.workspace import DBT_PROJECT

MARK = " (SYNTHETIC)"

STP_ODS_CODES = date(2020, 4, 1)  # STPs are published under their ODS code from 2020-21 on
ICB_DAY = date(2022, 7, 1)  # CCGs become sub-ICB locations, STPs become ICBs

UNKNOWN = "UNKNOWN"  # the publisher's word for an organisation that could not be told
NO_ICB = "InvalidCode"  # the parent of a commissioner that is no place, in the quarterly files

REGIONS = {
    "Y56": "LONDON COMMISSIONING REGION",
    "Y58": "SOUTH WEST COMMISSIONING REGION",
    "Y59": "SOUTH EAST COMMISSIONING REGION",
    "Y60": "MIDLANDS COMMISSIONING REGION",
    "Y61": "EAST OF ENGLAND COMMISSIONING REGION",
    "Y62": "NORTH WEST COMMISSIONING REGION",
    "Y63": "NORTH EAST AND YORKSHIRE COMMISSIONING REGION",
}


def add_synthetic_mark(name: str) -> str:
    """A sub-national name as a demonstration file publishes it."""
    return name + MARK


@dataclass(frozen=True, kw_only=True)
class Icb:
    """A sustainability and transformation partnership (STP), since July 2022 an integrated care board (ICB).

    `sub_icbs` are the codes of its sub-ICB locations; `early` is what the files before April 2020 call it.
    """

    region: str
    place: str
    sub_icbs: str
    stp_name: str
    early_stp_code: str
    early_stp_name: str

    @property
    def icb_name(self) -> str:
        """The unmarked name since July 2022."""
        return f"NHS {self.place} INTEGRATED CARE BOARD"


def _read_icbs() -> dict[str, Icb]:
    with Path(__file__).with_name("organisations.csv").open(encoding="utf-8", newline="") as file:
        return {row.pop("code"): Icb(**row) for row in csv.DictReader(file)}


ICBS = _read_icbs()  # by ODS code, which an STP keeps as an ICB


@dataclass(frozen=True, kw_only=True)
class Commissioner:
    """A clinical commissioning group (CCG), since July 2022 a sub-ICB location; its code stays.

    `earlier_icb` is the STP where it was not the ICB of today; `earlier` is the code and name before April 2020 of a
    CCG that was merged then.
    """

    ccg_name: str
    icb: str | None
    earlier_icb: str | None = None
    earlier: tuple[str, str] | None = None


# The commissioners of the default demonstration, by code since April 2020; the others are in the reviewed lists. CCGs
# of London and Nottinghamshire were merged that month; Bassetlaw changed ICB and region in July 2022; the commissioning
# hub is no place, so it belongs to no STP or ICB.
COMMISSIONERS = {
    "00L": Commissioner(ccg_name="NHS NORTHUMBERLAND CCG", icb="QHM"),
    "00P": Commissioner(ccg_name="NHS SUNDERLAND CCG", icb="QHM"),
    "01D": Commissioner(ccg_name="NHS HEYWOOD, MIDDLETON AND ROCHDALE CCG", icb="QOP"),
    "02Q": Commissioner(ccg_name="NHS BASSETLAW CCG", icb="QT1", earlier_icb="QF7"),
    "03N": Commissioner(ccg_name="NHS SHEFFIELD CCG", icb="QF7"),
    "07K": Commissioner(ccg_name="NHS WEST SUFFOLK CCG", icb="QJG"),
    "10Q": Commissioner(ccg_name="NHS OXFORDSHIRE CCG", icb="QU9"),
    "11J": Commissioner(ccg_name="NHS DORSET CCG", icb="QVV"),
    "11N": Commissioner(ccg_name="NHS KERNOW CCG", icb="QT6"),
    "13Q": Commissioner(ccg_name="NATIONAL COMMISSIONING HUB 1", icb=None),
    "15E": Commissioner(ccg_name="NHS BIRMINGHAM AND SOLIHULL CCG", icb="QHL"),
    "52R": Commissioner(
        ccg_name="NHS NOTTINGHAM AND NOTTINGHAMSHIRE CCG", icb="QT1", earlier=("04K", "NHS NOTTINGHAM CITY CCG")
    ),
    "93C": Commissioner(ccg_name="NHS NORTH CENTRAL LONDON CCG", icb="QMJ", earlier=("07M", "NHS BARNET CCG")),
    "99A": Commissioner(ccg_name="NHS LIVERPOOL CCG", icb="QYG"),
}
HUB = "13Q"
HUB_REGION = "Y63"  # where the organisation register puts it


@dataclass(frozen=True)
class ListedCcg:
    """A CCG as the reviewed lists have it, between the days on which its code stood for it."""

    code: str
    name: str
    first_day: date
    last_day: date


def _read_seed(name: str) -> Iterator[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def _read_listed_ccgs() -> dict[str, ListedCcg]:
    return {
        row["org_code"]: ListedCcg(
            row["org_code"],
            row["org_name"].upper(),
            date.fromisoformat(row["valid_from"]),
            date.fromisoformat(row["valid_to"]),
        )
        for row in _read_seed("organisations")
        if row["org_level"] == "ccg" and row["valid_from"] and row["valid_to"]
    }


@cache
def _list_merged_ccgs(code: str) -> tuple[str, ...]:
    """The codes of the CCGs that were merged into one, in their order."""
    return tuple(
        sorted(
            row["predecessor_code"]
            for row in _read_seed("organisation_successions")
            if (row["predecessor_level"], row["successor_level"], row["successor_code"]) == ("ccg", "ccg", code)
            and row["predecessor_code"] != code
        )
    )


def find_listed_ccg(key: str, on: date) -> ListedCcg:
    """The CCG that stood on a day before July 2022 where a sub-ICB location stands now.

    Of several that were merged into it, the first by code stands for them all. Raises ValueError where the reviewed
    lists have none for the day.
    """
    codes = [key]
    for code in codes:
        listed = _read_listed_ccgs().get(code)
        if listed is not None and listed.first_day <= on <= listed.last_day:
            return listed
        codes += _list_merged_ccgs(code)
    raise ValueError(
        f"expected a CCG in force on {on} under the code {key} or merged into it; found none in organisations.csv and "
        "organisation_successions.csv"
    )


# A provider is invented: no real code begins with Z. The names hold from their day on.
RENAMED_PROVIDERS = {
    "ZX004": [(date(2019, 10, 1), "DEMONSTRATION PARTNERSHIP 004")],
    "ZX009": [(date(2023, 10, 1), "DEMONSTRATION ALLIANCE 009")],
}
PROVIDER_OPENS = {"ZX021": date(2019, 6, 1), "ZX023": date(2022, 4, 1)}
PROVIDER_CLOSES = {"ZX019": date(2023, 4, 1)}

# Who treats whose patients: each provider and its weight, about the referrals of an average month. In the
# monthly and quarterly files these pairs are all of England. Disclosure control is about the small ones.
PAIRS = {
    "00L": "ZX001:5600 ZX017:65 ZX002:11 ZX020:3",
    "00P": "ZX002:4900 ZX001:28 ZX017:9 ZX021:2",
    "01D": "ZX003:3900 ZX018:140 ZX012:6",
    "02Q": "ZX004:1450 ZX005:75 ZX020:4",
    "03N": "ZX005:17800 ZX004:210 ZX018:19 ZX021:5",
    "07K": "ZX006:3100 ZX022:32 ZX019:8",
    "10Q": "ZX007:11200 ZX008:640 ZX023:22 ZX024:2",
    "11J": "ZX009:12400 ZX010:16 ZX023:5",
    "11N": "ZX010:6300 ZX009:38 ZX024:3",
    "13Q": "ZX011:34 ZX025:12 ZX012:4",
    "15E": "ZX011:24600 ZX013:7300 ZX018:90 ZX025:13 ZX026:2",
    "52R": "ZX005:5200 ZX017:24 ZX020:4",
    "93C": "ZX014:21500 ZX015:15800 ZX016:900 ZX022:48 ZX026:7",
    "99A": "ZX012:15400 ZX003:260 ZX016:24 ZX019:4",
}
# Pairs that end before, or begin after, the first files.
PAIR_OPENS = {("15E", "ZX025"): date(2019, 8, 1), ("10Q", "ZX024"): date(2020, 1, 1)}
PAIR_CLOSES = {("03N", "ZX004"): date(2019, 9, 1), ("01D", "ZX012"): date(2019, 6, 1)}
INVALID_PAIRS = "ZX005:31 ZX014:14 ZX026:2"  # commissioner code not valid: blank in the time-series workbook


@dataclass(frozen=True)
class Pair:
    """A provider treating the patients of a commissioner; `commissioner` is a key, or empty if invalid."""

    commissioner: str
    provider: str
    weight: int


def read_pairs(commissioner: str, text: str) -> list[Pair]:
    """The pairs of one commissioner, written as in PAIRS."""
    return [
        Pair(commissioner, provider, int(weight)) for provider, weight in (item.split(":") for item in text.split())
    ]


def list_demonstration_pairs() -> list[Pair]:
    """Every pair of the demonstration, in a fixed order."""
    return [pair for commissioner, text in PAIRS.items() for pair in read_pairs(commissioner, text)]


def is_pair_open(pair: Pair, on: date) -> bool:
    """Whether the provider treats the commissioner's patients on that day."""
    provider, both = pair.provider, (pair.commissioner, pair.provider)
    opens = max(PROVIDER_OPENS.get(provider, date.min), PAIR_OPENS.get(both, date.min))
    return opens <= on < min(PROVIDER_CLOSES.get(provider, date.max), PAIR_CLOSES.get(both, date.max))


def list_provider_names(code: str) -> list[tuple[date, str]]:
    """The provider's unmarked names, each with the day it holds from, oldest first."""
    return [(date.min, f"DEMONSTRATION PROVIDER {code[2:]}"), *RENAMED_PROVIDERS.get(code, [])]


def get_provider_name(code: str, on: date) -> str:
    """The provider's marked name on that day."""
    return add_synthetic_mark([name for start, name in list_provider_names(code) if start <= on][-1])


def get_commissioner_code(key: str, on: date) -> str:
    """The code the commissioner is published under on that day."""
    commissioner = COMMISSIONERS.get(key)
    if commissioner is not None:
        return commissioner.earlier[0] if commissioner.earlier is not None and on < STP_ODS_CODES else key
    if on >= ICB_DAY or key in ("", UNKNOWN):
        return key
    return find_listed_ccg(key, on).code


def find_icb(key: str, on: date) -> str | None:
    """The STP or ICB a commissioner belongs to on that day; the hub and invalid codes have none."""
    if key not in COMMISSIONERS:
        return _find_icbs_of_others().get(key)
    commissioner = COMMISSIONERS[key]
    return commissioner.earlier_icb if commissioner.earlier_icb and on < ICB_DAY else commissioner.icb


@cache
def _find_icbs_of_others() -> dict[str, str]:
    """The first ICB that lists each sub-ICB location; a national month asks for thousands."""
    return {key: code for code, icb in reversed(ICBS.items()) for key in icb.sub_icbs.split()}


@cache
def _read_commissioner_spells() -> tuple[tuple[str, str, date, date], ...]:
    return tuple(
        (
            row["org_code"],
            row["parent_code"],
            date.fromisoformat(row["valid_from"]),
            date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max,
        )
        for row in _read_seed("organisation_parents")
        if row["org_level"] in ("ccg", "sub_icb")
    )


def shows_every_commissioner(icb: str, on: date) -> bool:
    """Whether the demonstration shows every commissioner that an STP or ICB has on that day, by the reviewed lists."""
    listed = {
        code
        for code, parent, first, last in _read_commissioner_spells()
        if parent == get_icb_code(icb, on) and first <= on <= last
    }
    shown = {get_commissioner_code(key, on) for key in COMMISSIONERS if find_icb(key, on) == icb}
    return bool(listed) and listed <= shown


def find_region(key: str, on: date) -> str:
    """The commissioning region a commissioner is counted in on that day."""
    icb = find_icb(key, on)
    return HUB_REGION if icb is None else ICBS[icb].region


def get_commissioner_name(key: str, on: date) -> str:
    """The commissioner's marked name on that day."""
    if key == "":
        return add_synthetic_mark("Invalid commissioner code")
    if key == UNKNOWN:
        return add_synthetic_mark(UNKNOWN)
    icb = find_icb(key, on)
    if on >= ICB_DAY and icb is not None:
        return add_synthetic_mark(f"NHS {ICBS[icb].place} ICB - {key}")
    commissioner = COMMISSIONERS.get(key)
    if commissioner is None:
        return add_synthetic_mark(find_listed_ccg(key, on).name)
    if commissioner.earlier is not None and on < STP_ODS_CODES:
        return add_synthetic_mark(commissioner.earlier[1])
    return add_synthetic_mark(commissioner.ccg_name)


def get_icb_code(key: str, on: date) -> str:
    """The code an STP or ICB is published under on that day."""
    return ICBS[key].early_stp_code if key in ICBS and on < STP_ODS_CODES else key


def get_icb_name(key: str, on: date) -> str:
    """The marked name of an STP or ICB on that day."""
    if key == UNKNOWN:
        return add_synthetic_mark(UNKNOWN)
    icb = ICBS[key]
    if on < STP_ODS_CODES:
        return add_synthetic_mark(icb.early_stp_name)
    return add_synthetic_mark(icb.stp_name if on < ICB_DAY else icb.icb_name)


def get_region_name(code: str) -> str:
    """The marked name of a commissioning region."""
    return add_synthetic_mark(REGIONS.get(code, UNKNOWN))
