"""Invented countries whose boundaries change at random, with the truth of every figure: to test current boundaries.

A country is made of neighbourhoods, whose true counts are known. Locations are sets of neighbourhoods and bodies sets
of locations; steps recode, merge and divide them and move boundaries. The lists say what the real ones would say, and
now and then lack a parent; the extract is rounded and suppressed, and now and then lacks a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final, TypeAlias

import duckdb

from tests.factories.model_sql import render_model

Area: TypeAlias = frozenset[int]
Listed: TypeAlias = tuple[str, str]

LOCATION, BODY = "sub_icb", "icb"
BEGIN: Final = date(2014, 4, 1)
#: The day of each step; the figures of a year are of what was there on its last day.
STEPS: Final = (date(2016, 4, 1), date(2018, 4, 1), date(2020, 4, 1), date(2022, 4, 1))
YEARS: Final = tuple(day - timedelta(days=1) for day in STEPS)
COUNTS: Final = ("count_recovery", "count_waited")
RATE: Final = "percentage_recovery"
#: The models that make current areas of the lists, each after those that it reads.
AREA_MODELS: Final = (
    "int_organisation_current",
    "int_reachable_organisations",
    "int_places_in_force",
    "int_location_parents",
    "int_area_locations",
    "int_location_successors",
    "int_current_area_locations",
    "int_current_area_overlaps",
    "int_current_area_links",
    "int_current_area_moves",
    "int_current_area_status",
    "int_unchanged_areas",
    "int_area_compositions",
    "int_current_areas",
)


@dataclass
class Country:
    """What is where, now and as it was, and what the lists say of it."""

    random: Random
    locations: dict[str, Area] = field(default_factory=dict)
    body_of: dict[str, str] = field(default_factory=dict)
    began: dict[Listed, date] = field(default_factory=dict)
    ended: dict[Listed, date] = field(default_factory=dict)
    parents: list[tuple[str, str, date, date | None]] = field(default_factory=list)
    parent_since: dict[str, date] = field(default_factory=dict)
    #: Locations with the days on which they went to another body, of which no succession tells.
    untold_moves: set[tuple[str, date]] = field(default_factory=set)
    successions: list[tuple[str, str, str, date, str, bool]] = field(default_factory=list)
    areas: dict[tuple[date | None, Listed], Area] = field(default_factory=dict)
    ons_codes: dict[Area, str] = field(default_factory=dict)
    ons_of: dict[str, str | None] = field(default_factory=dict)
    codes: int = 0

    def new_code(self, prefix: str) -> str:
        """Return a code that nothing has had."""
        self.codes += 1
        return f"{prefix}{self.codes}"

    def bodies(self) -> dict[str, Area]:
        """Return the area of every body as it is."""
        found: dict[str, set[int]] = {}
        for location, body in self.body_of.items():
            found.setdefault(body, set()).update(self.locations[location])
        return {body: frozenset(area) for body, area in found.items()}

    def open(self, level: str, code: str, day: date) -> None:
        """Let an organisation begin on a day."""
        self.began[level, code] = day

    def close(self, level: str, code: str, day: date) -> None:
        """Let an organisation have ended the day before."""
        self.ended[level, code] = day - timedelta(days=1)

    def succeed(self, level: str, before: str, after: str, day: date, change: str, *, comparable: bool) -> None:
        """List what became of an organisation."""
        self.successions.append((level, before, after, day, change, comparable))

    def put_under(self, location: str, body: str | None, day: date) -> None:
        """Let a location belong to a body from a day on, or to none where it has ended."""
        if location in self.body_of:
            until = day - timedelta(days=1)
            self.parents.append((location, self.body_of[location], self.parent_since[location], until))
            del self.body_of[location]
        if body is not None:
            self.body_of[location] = body
            self.parent_since[location] = day

    def remember(self, day: date | None) -> None:
        """Keep the areas as they are: those of a day, or with none those of today."""
        for location, area in self.locations.items():
            self.areas[day, (LOCATION, location)] = area
        for body, area in self.bodies().items():
            self.areas[day, (BODY, body)] = area

    def name_areas(self) -> None:
        """Give every body the ONS code of its area, which another area never has; that of the area it had last."""
        for body, area in self.bodies().items():
            code = self.ons_codes.setdefault(area, f"E{len(self.ons_codes):08}")
            self.ons_of.setdefault(body, code)
            if self.ons_of[body] != code:
                self.ons_of[body] = None  # the list has one code a body: of one whose area changed it tells nothing


def _recode_location(country: Country, day: date) -> None:
    old = country.random.choice(sorted(country.locations))
    new = country.new_code("L")
    _replace_location(country, old, {new: country.locations[old]}, day)
    country.succeed(LOCATION, old, new, day, "recoded", comparable=True)


def _replace_location(country: Country, old: str, into: dict[str, Area], day: date) -> None:
    body = country.body_of[old]
    country.put_under(old, None, day)
    country.close(LOCATION, old, day)
    del country.locations[old]
    for code, area in into.items():
        country.open(LOCATION, code, day)
        country.locations[code] = area
        country.put_under(code, body, day)


def _merge_locations(country: Country, day: date) -> None:
    body = country.random.choice(sorted(country.bodies()))
    within = sorted(code for code, parent in country.body_of.items() if parent == body)
    if len(within) < 2:
        return
    first, second = country.random.sample(within, 2)
    new = country.new_code("L")
    area = country.locations[first] | country.locations[second]
    _replace_location(country, first, {new: area}, day)
    _replace_location(country, second, {}, day)
    for old in (first, second):
        country.succeed(LOCATION, old, new, day, "merged", comparable=True)


def _split_location(country: Country, day: date) -> None:
    old = country.random.choice(sorted(country.locations))
    area = sorted(country.locations[old])
    if len(area) < 2:
        return
    at = country.random.randrange(1, len(area))
    into = {country.new_code("L"): frozenset(area[:at]), country.new_code("L"): frozenset(area[at:])}
    _replace_location(country, old, into, day)
    for new in into:
        country.succeed(LOCATION, old, new, day, "split", comparable=False)


def _move_a_neighbourhood(country: Country, day: date) -> None:
    giver, taker = country.random.sample(sorted(country.locations), 2)
    if len(country.locations[giver]) < 2:
        return
    moved = country.random.choice(sorted(country.locations[giver]))
    country.locations[giver] -= {moved}
    country.locations[taker] |= {moved}
    for code in (giver, taker):
        country.succeed(LOCATION, code, code, day, "boundary_moved", comparable=False)
    bodies = {country.body_of[giver], country.body_of[taker]}
    if len(bodies) == 2 and country.random.random() < 0.5:  # the list of bodies may be silent: the locations tell
        for body in bodies:
            country.succeed(BODY, body, body, day, "boundary_moved", comparable=False)


def _move_a_location(country: Country, day: date) -> None:
    location = country.random.choice(sorted(country.locations))
    giver = country.body_of[location]
    others = sorted(set(country.bodies()) - {giver})
    if not others or sum(body == giver for body in country.body_of.values()) < 2:
        return
    taker = country.random.choice(others)
    country.put_under(location, taker, day)
    if country.random.random() < 0.5:
        for body in (giver, taker):
            country.succeed(BODY, body, body, day, "boundary_moved", comparable=False)
    else:
        country.untold_moves.add((location, day))


def _recode_body(country: Country, day: date) -> None:
    old = country.random.choice(sorted(country.bodies()))
    new = country.new_code("B")
    country.open(BODY, new, day)
    _hand_over(country, old, new, day)
    country.succeed(BODY, old, new, day, "recoded", comparable=True)


def _hand_over(country: Country, old: str, new: str, day: date) -> None:
    for location in [code for code, body in country.body_of.items() if body == old]:
        country.put_under(location, new, day)
    country.close(BODY, old, day)


def _merge_bodies(country: Country, day: date) -> None:
    bodies = sorted(country.bodies())
    if len(bodies) < 2:
        return
    new = country.new_code("B")
    country.open(BODY, new, day)
    for old in country.random.sample(bodies, 2):
        _hand_over(country, old, new, day)
        country.succeed(BODY, old, new, day, "merged", comparable=True)


def _divide_a_body(country: Country, day: date) -> None:
    """Divide a body among a new one and either another new one or, as in April 2026, one that is there or ends too."""
    bodies = sorted(country.bodies())
    old = country.random.choice(bodies)
    within = sorted(code for code, body in country.body_of.items() if body == old)
    if len(within) < 2:
        return
    at = country.random.randrange(1, len(within))
    others = [body for body in bodies if body != old]
    kind = country.random.choice(("new", "there", "ends") if others else ("new",))
    first = country.new_code("B")
    country.open(BODY, first, day)
    second = country.random.choice(others) if kind == "there" else country.new_code("B")
    if kind != "there":
        country.open(BODY, second, day)
    for place, location in enumerate(within):
        country.put_under(location, first if place < at else second, day)
    country.close(BODY, old, day)
    for new in (first, second):
        country.succeed(BODY, old, new, day, "split", comparable=False)
    if kind == "there" and country.random.random() < 0.5:
        country.succeed(BODY, second, second, day, "boundary_moved", comparable=False)
    if kind == "ends":
        whole = country.random.choice(others)
        _hand_over(country, whole, second, day)
        country.succeed(BODY, whole, second, day, "merged", comparable=False)


CHANGES: Final = (
    *(_recode_location, _merge_locations, _split_location, _move_a_neighbourhood),
    *(_move_a_location, _recode_body, _merge_bodies, _divide_a_body),
)


def make_country(random: Random) -> Country:
    """Return a country after four steps, each of one change or none, with its areas on the last day of every year."""
    country = Country(random)
    neighbourhood = 0
    for _ in range(random.randint(1, 3)):
        body = country.new_code("B")
        country.open(BODY, body, BEGIN)
        for _ in range(random.randint(1, 3)):
            location = country.new_code("L")
            size = random.randint(1, 3)
            country.open(LOCATION, location, BEGIN)
            country.locations[location] = frozenset(range(neighbourhood, neighbourhood + size))
            country.put_under(location, body, BEGIN)
            neighbourhood += size
    country.name_areas()
    for day in STEPS:
        country.remember(day - timedelta(days=1))
        if len(country.locations) > 1 and random.random() < 0.8:
            random.choice(CHANGES)(country, day)
        country.name_areas()
    country.remember(None)
    return country


@dataclass(frozen=True)
class Truth:
    """The true counts of neighbourhoods by year and measure, and which area each rate was made up for."""

    counts: dict[tuple[date, str], dict[int, int]]
    rates: dict[int, Area]

    def count_of(self, year: date, measure: str, area: Area) -> int:
        """Return the true count of an area."""
        return sum(self.counts[year, measure][one] for one in area)


def build_country_release(country: Country, *, lacks: float = 0.0) -> tuple[duckdb.DuckDBPyConnection, Truth]:
    """Return a database with the figures of a country on current boundaries, and the truth of them.

    `lacks` is the share of rows of the extract that are not there, and half of it that of the parents in the list. What
    nothing tells cannot be known: where no succession tells of a location's move, one of its two parents is listed.
    """
    connection = duckdb.connect(config={"threads": 1})  # a country is small: more of them would only wait
    connection.execute(_TABLES)
    random = country.random
    organisations: list[tuple[object, ...]] = []
    for (level, code), began in country.began.items():
        ons = country.ons_of.get(code) if level == BODY else None
        ended = country.ended.get((level, code))
        organisations.append((level, code, code, ons, began, ended, True))
    _insert(connection, "organisations", organisations)
    spells = [
        *country.parents,
        *((code, body, country.parent_since[code], None) for code, body in country.body_of.items()),
    ]
    left_out: set[tuple[str, date]] = set()  # locations, with the day on which a spell without a row ends
    parents: list[tuple[object, ...]] = []
    for location, body, since, until in spells:
        is_dropped = random.random() < lacks / 2
        if (location, since) in country.untold_moves and (location, since - timedelta(days=1)) in left_out:
            is_dropped = False
        if not is_dropped:
            parents.append((LOCATION, location, BODY, body, since, until))
        elif until is not None:
            left_out.add((location, until))
    _insert(connection, "organisation_parents", parents)
    _insert(
        connection,
        "organisation_successions",
        [
            (level, before, level, after, day, change, comparable, "stated")
            for level, before, after, day, change, comparable in country.successions
        ],
    )
    truth = _publish(connection, country, lacks)
    for model in AREA_MODELS:
        connection.execute(f"create table {model} as {render_model(model, 'open_ended_date')}")
    sql = render_model("extract_annual_current_boundaries", "sums_of_parts", "current_boundaries", "value_markers")
    connection.execute(f"create table extract_annual_current_boundaries as {sql}")
    return connection, truth


_TABLES = """
create table organisations (
    org_level varchar, org_code varchar, org_name varchar, ons_code varchar, valid_from date, valid_to date,
    is_place boolean
);
create table organisation_parents (
    org_level varchar, org_code varchar, parent_level varchar, parent_code varchar, valid_from date, valid_to date
);
create table organisation_successions (
    predecessor_level varchar, predecessor_code varchar, successor_level varchar, successor_code varchar,
    changed_on date, change varchar, is_comparable boolean, certainty varchar
);
create table int_calendar_in_scope (period_end date);
create table int_calendar (period_grain varchar, period varchar, period_end date);
create table stg_gaps (period_grain varchar, period varchar);
create view dim_organisation as select *, org_level as org_type from organisations;
create table measures (measure varchar, statistic varchar, is_additive boolean);
insert into measures values ('count_recovery', 'count', true), ('count_waited', 'count', true),
    ('percentage_recovery', 'percentage', false);
create table extract_annual (
    period varchar, period_start date, period_end date, financial_year varchar, org_level varchar, org_code varchar,
    variable_type varchar, variable_a varchar, variable_b varchar, measure varchar, measure_id varchar,
    statistic varchar, value double, value_status varchar, value_marker varchar, is_derived boolean,
    lower_bound bigint, upper_bound bigint, suppressed_parts integer
);
"""


def _publish(connection: duckdb.DuckDBPyConnection, country: Country, lacks: float) -> Truth:
    random = country.random
    figures: list[tuple[object, ...]] = []
    everywhere = sorted(frozenset().union(*country.locations.values()))
    truth = Truth({}, {})
    for year in YEARS:
        connection.execute("insert into int_calendar_in_scope values (?)", [year])
        for measure in COUNTS:
            truth.counts[year, measure] = {one: random.choice((0, 1, 3, 7, 40)) for one in everywhere}
        in_force = [(listed, area) for (day, listed), area in sorted(country.areas.items(), key=str) if day == year]
        for listed, area in in_force:
            for measure in (*COUNTS, RATE):
                if random.random() < lacks:
                    continue
                number = len(truth.rates)
                if measure == RATE:
                    truth.rates[number] = area
                row = _row(measure, number if measure == RATE else truth.count_of(year, measure, area))
                dates = (str(year), year - timedelta(days=364), year, str(year))
                statistic, value, status, marker, lower, upper = row
                figure = (statistic, value, status, marker, False, lower, upper, None)
                figures.append((*dates, *listed, "Total", None, None, measure, None, *figure))
    _insert(connection, "extract_annual", figures)
    return truth


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[object, ...]]) -> None:
    """Insert rows in one statement: one for each of them takes longer than all the models."""
    if rows:
        places = f"({', '.join('?' * len(rows[0]))})"
        connection.execute(
            f"insert into {table} values {', '.join([places] * len(rows))}", [cell for row in rows for cell in row]
        )


def _row(measure: str, number: int) -> tuple[object, ...]:
    """Return statistic, value, status, marker and bounds of a figure, a count rounded to 5 and hidden below."""
    if measure == RATE:
        return ("percentage", float(number), "published", None, None, None)
    if number < 5:
        return ("count", None, "suppressed", "[c]", 0, 4)
    rounded = (number + 2) // 5 * 5
    return ("count", float(rounded), "published", None, max(5, rounded - 2), rounded + 2)
