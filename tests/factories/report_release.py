"""A small release made here, with every case a page must show: no drops, no dbt, a second to write.

Figures follow from a digest of what they are about, so they differ from each other and are the same each time.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from iapt.contract import CONTRACTS, CURRENT_BOUNDARIES, EXTRACT_GRAINS, TOPICS, parquet_name
from iapt.sql import quote_literal
from iapt.workspace import CATALOGUE

HOSTILE_NAME = '<script>alert("1")</script> & Söhne'
HOSTILE_CODE = "../<b>"
GAP_REASON = "Made here: this quarter was never published."
STATEMENT = "SYNTHETIC DATA. Made to test the pages. Do not quote it."

MONTHS = ["2022-05", "2022-06", "2022-07", "2022-08", "2022-09", "2022-10", "2022-11", "2022-12"]
QUARTERS = ["2020-21 Q1", "2020-21 Q2", "2020-21 Q3", "2020-21 Q4", "2021-22 Q1", "2021-22 Q2"]
YEARS = ["2019-20", "2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
NOT_LOADED = {"2022-09", "2020-21 Q4", "2023-24"}
GAP = "2020-21 Q2"
#: The code of an STP before it took that of the board after it: one place, by the list of organisations.
OLD_CODE = "E54000099"
#: Two CCGs that became one sub-ICB location, whose counts of before are their sum, and which has figures of later.
MERGED, MERGED_INTO = ("00A", "00B"), "00C"
#: A placeholder: it has figures, and is no place.
PLACEHOLDER = "UNKNOWN"
#: The boundary of one board moved when it took over from its STP; of a region, while it lasted.
MOVED = {("stp", "QF7"): "2022-07-01", ("region", "Y63"): "2022-07-01"}
#: Figures that cannot be, or that stand far from all others, by code, measure and period.
ODD = {
    ("RXM", "mean_wait_accessing_services", "2022-12"): 1357.6,
    ("RXM", "median_wait_accessing_services", "2022-11"): -1.8,
}
#: A note is on one of them and on figures like any other; the last is of a measure that no page shows.
NOTES = [
    ("a-wait-of-years", "month", "2022-12", "provider", "RXM", "mean_wait_accessing_services"),
    ("a-name-of-another", "month", "2022-11", "provider", "RGD", "mean_wait_accessing_services"),
    ("a-name-of-another", "month", "2022-11", "england", "E92000001", "count_referrals_received"),
    ("fewer-than-none", "month", "2022-11", "provider", "RGD", "mean_hi_sessions"),
]
FOLLOWED_BY = {
    ("stp", OLD_CODE): ("stp", "QHM"),
    ("stp", "QHM"): ("icb", "QHM"),
    ("stp", "QF7"): ("icb", "QF7"),
    ("ccg", "02P"): ("sub_icb", "02P"),
    ("ccg", "00A"): ("sub_icb", MERGED_INTO),
    ("ccg", "00B"): ("sub_icb", MERGED_INTO),
}
BREAKS = {
    "2022-07": ("CCGs became sub-ICB locations", "Some boundaries moved.", False),
    "2020-21": ("Dataset version 2.0", "Patients are counted differently.", True),
    "2022-23": ("CCGs became sub-ICB locations", "Some boundaries moved.", False),
}
GRAIN_OF = {"month": MONTHS, "quarter": QUARTERS, "year": YEARS}

POPULATIONS = [
    ("Total", None, None, "total", "total", "Everyone", 1, None, None),
    ("Age Group", "18 to 25", None, "age_band", "18_to_25", "Aged 18 to 25", 1, "2021-22", "Other age bands"),
    ("Age Group", "26 to 64", None, "age_band", "26_to_64", "Aged 26 to 64", 2, "2021-22", "Other age bands"),
    ("Age Group", "65 and over", None, "age_band", "65_and_over", "Aged 65 and over", 3, None, None),
    ("BME Group", "BME", None, "bme_group", "bme", "Minority ethnic groups", 1, None, None),
    ("BME Group", "White British", None, "bme_group", "white_british", "White British", 2, None, None),
    ("BME Group", "Not stated", None, "bme_group", "not_stated", "Ethnic group not stated", 99, None, None),
    ("Ethnic Group", "Asian", None, "ethnic_group", "asian_or_asian_british", "Asian or Asian British", 1, None, None),
    ("Ethnic Group", "Black", None, "ethnic_group", "black_or_black_british", "Black or Black British", 2, None, None),
    ("Ethnic Group", "Mixed", None, "ethnic_group", "mixed", "Mixed", 3, None, None),
    ("Ethnic Group", "White", None, "ethnic_group", "white", "White", 5, None, None),
]


@dataclass(frozen=True)
class Body:
    """An organisation at one level: its code, its name, and which periods it has figures of."""

    level: str
    code: str
    name: str
    grains: tuple[str, ...]
    first: str = ""
    last: str = "9999"


def bodies() -> list[Body]:
    """England, two regions, the 42 boards (two of them STPs before), two sub-ICB locations and three providers."""
    with (CATALOGUE / "area_tiles.csv").open(encoding="utf-8", newline="") as file:
        boards = [(row["code"], row["short_label"]) for row in csv.DictReader(file)]
    everything = ("month", "quarter", "year")
    found = [
        Body("england", "E92000001", "England", everything),
        Body("region", "Y56", "LONDON", ("month", "year")),
        Body("region", "Y63", "NORTH EAST AND YORKSHIRE", ("year",)),
    ]
    found += [
        Body("icb", code, f"NHS {label.upper()} INTEGRATED CARE BOARD", ("month", "year"), "2022-07")
        for code, label in boards
    ]
    found += [
        Body("stp", "QF7", "QF7 STP", ("year",), "2019", "2021-99"),
        Body("stp", OLD_CODE, "QHM STP", ("year",), "2019", "2019-99"),
        Body("stp", "QHM", "QHM STP", ("year",), "2020", "2021-99"),
        Body("ccg", "00A", "NHS FIRST CCG", ("year",), "2019", "2021-99"),
        Body("ccg", "00B", "NHS SECOND CCG", ("year",), "2019", "2021-99"),
        Body("sub_icb", MERGED_INTO, "NHS JOINT ICB - 00C", ("year",), "2022-07"),
        Body("icb", PLACEHOLDER, "UNKNOWN", ("year",)),
        Body("region", PLACEHOLDER, "UNKNOWN", ("year",)),
        Body("ccg", "13Q", "NATIONAL COMMISSIONING HUB 1", ("year",)),
    ]
    found += [
        Body("ccg", "02P", "NHS BARNSLEY CCG", everything, "2019", "2022-06"),
        Body("sub_icb", "02P", "NHS SOUTH YORKSHIRE ICB - 02P", ("month",), "2022-07"),
        Body("ccg", "15E", "NHS BIRMINGHAM AND SOLIHULL CCG", ("quarter", "year"), "2019", "2021-99"),
        Body("provider", "RGD", "LEEDS AND YORK PARTNERSHIP NHS FOUNDATION TRUST", everything),
        Body("provider", "RXM", "DERBYSHIRE HEALTHCARE NHS FOUNDATION TRUST", ("month", "year")),
        Body("provider", HOSTILE_CODE, HOSTILE_NAME, ("month",)),
    ]
    return found


def _number(*about: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(about).encode()).digest()[:6], "big")


def _period_fields(grain: str, period: str) -> tuple[date, date, str, str]:
    """First day, last day, financial year and label of a period."""
    if grain == "month":
        start = date(int(period[:4]), int(period[5:]), 1)
        end = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        label = start.strftime("%B %Y")
        first_year = start.year if start.month >= 4 else start.year - 1
    else:
        first_year = int(period[:4])
        quarter = int(period[-1]) if grain == "quarter" else 0
        month = 4 + 3 * (quarter - 1) if quarter else 4
        start = date(first_year + (month > 12), (month - 1) % 12 + 1, 1)
        months = 3 if quarter else 12
        end_month = start.month + months
        end = date(start.year + (end_month > 12), (end_month - 1) % 12 + 1, 1)
        label = f"Q{quarter} {first_year}/{period[5:7]}" if quarter else f"{first_year}/{period[5:7]}"
    return start, date.fromordinal(end.toordinal() - 1), f"{first_year}-{(first_year + 1) % 100:02d}", label


def _cell(body: Body, population: str, measure: str, grain: str, period: str) -> tuple[float | None, str | None]:
    """The value and the status of a cell; no status where there is no cell."""
    if (odd := ODD.get((body.code, measure, period))) is not None and population == "total/total":
        return odd, "published"
    if grain == "quarter" and period == GAP:
        return (None, "not_published") if body.level in ("ccg", "provider") else (None, None)
    if body.level in ("region", "icb") and grain == "month" and not measure.startswith("count_"):
        return None, None
    if population.startswith("age_band") and measure.startswith("mean_"):
        return None, "not_applicable"
    chance = _number(body.level, body.code, population, measure, grain, period)
    if body.level not in ("england", "icb") and chance % 9 == 0:
        return None, "suppressed"
    if chance % 31 == 0 and body.level != "england":
        return None, None
    if measure.startswith("count_"):
        return 5.0 * (1 + chance % (40_000 if body.level == "england" else 400)), "published"
    if measure.startswith("percentage_"):
        return float(chance % 101), "published"
    return (chance % 900) / 10, "published"


def _periods() -> Iterator[dict[str, Any]]:
    for grain, periods in GRAIN_OF.items():
        for order, period in enumerate(periods):
            start, end, year, label = _period_fields(grain, period)
            name, reason, breaks_sums = BREAKS.get(period, (None, None, False))
            status = "not_published" if period == GAP else "not_loaded" if period in NOT_LOADED else "published"
            yield {
                **{"period": period, "period_grain": grain, "period_start": start, "period_end": end},
                **{"financial_year": year, "publication_status": status},
                **{"reason": GAP_REASON if period == GAP else None, "period_label": label, "period_sort": order},
                **{"breaks_sums": breaks_sums, "series_break": name, "series_break_reason": reason},
            }


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of the topic marts and the extracts, each with its table."""
    for body in bodies():
        for grain in body.grains:
            for period in GRAIN_OF[grain]:
                if period in NOT_LOADED or not body.first <= period.replace(" Q", "-") <= body.last:
                    continue
                start, end, year, label = _period_fields(grain, period)
                for variable_type, variable_a, variable_b, kind, population, name, *_ in POPULATIONS:
                    if kind != "total" and (grain == "month" or (grain == "quarter" and body.level != "england")):
                        continue
                    common = {
                        **{"period": period, "period_start": start, "period_end": end, "financial_year": year},
                        **{"org_level": body.level, "org_code": body.code, "org_name": body.name},
                        **{"variable_type": variable_type, "variable_a": variable_a, "variable_b": variable_b},
                    }
                    is_derived = grain == "month" and body.level in ("region", "icb")
                    cells = {
                        measure: _cell(body, f"{kind}/{population}", measure, grain, period)
                        for measure in sorted({measure for measures in TOPICS.values() for measure in measures})
                    }
                    yield from _mart_rows(common, cells, grain, label, kind, population, name, is_derived=is_derived)
                    yield from _extract_rows(common, cells, grain, is_derived=is_derived)


def _mart_rows(
    common: dict[str, Any],
    cells: dict[str, tuple[float | None, str | None]],
    grain: str,
    label: str,
    kind: str,
    population: str,
    name: str,
    *,
    is_derived: bool,
) -> Iterator[tuple[str, dict[str, Any]]]:
    labels = {
        **{"period_grain": grain, "period_label": label, "population_type": kind, "population": population},
        **{"population_name": name, "is_derived": is_derived},
    }
    for mart, measures in TOPICS.items():
        row = {**common, **labels}
        for measure in measures:
            value, status = cells[measure]
            row |= {measure: value, f"{measure}_status": status}
            if measure.startswith("count_") and value is not None:
                row |= {f"{measure}_lower": value - (8 if is_derived else 2), f"{measure}_upper": value + 12}
        if any(row[f"{measure}_status"] for measure in measures):
            yield mart, row


def _extract_rows(
    common: dict[str, Any], cells: dict[str, tuple[float | None, str | None]], grain: str, *, is_derived: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    markers = {"suppressed": "[c]", "not_published": "[x]", "published": None}
    table = {"month": "extract_monthly", "quarter": "extract_quarterly", "year": "extract_annual"}[grain]
    for measure, (value, status) in cells.items():
        if status in (None, "not_applicable"):
            continue
        yield (
            table,
            {
                **common,
                "measure": measure,
                "measure_id": None,
                "statistic": measure.split("_")[0],
                "value": value,
                "value_status": status,
                "value_marker": markers[status],
                "is_derived": is_derived,
                "suppressed_parts": 1 if is_derived else None,
                "lower_bound": value - (8 if is_derived else 2) if value is not None else None,
                "upper_bound": value + 12 if value is not None else None,
                "drop_sha256": None,
            },
        )


def _measures() -> Iterator[dict[str, Any]]:
    units = {"count": "referrals", "percentage": "%", "mean": "days", "median": "days"}
    for measure in sorted({measure for measures in TOPICS.values() for measure in measures}):
        statistic = measure.split("_")[0]
        yield {
            **{"measure": measure, "name": "".join(word.title() for word in measure.split("_"))},
            **{"statistic": statistic, "unit": units[statistic]},
            "definition": f"What {measure.replace('_', ' ')} counts.",
        }


def _current_boundaries() -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables of current boundaries: what the report takes of them, and what it must not."""
    for (level, code), (current_level, current_code) in FOLLOWED_BY.items():
        for year in YEARS[:3]:
            start, end, financial_year, _ = _period_fields("year", year)
            first = MERGED[0] == code
            if code not in MERGED or first:
                yield (
                    "extract_annual_current_boundaries",
                    {
                        **{"period": year, "period_start": start, "period_end": end, "financial_year": financial_year},
                        **{"org_level": current_level, "org_code": current_code, "org_name": current_code},
                        **{"level_as_published": level, "codes_as_published": "; ".join(MERGED) if first else code},
                        **{"comparability": "merged" if first else "recoded", "variable_type": "Total"},
                        **{"measure": "count_referrals_received", "statistic": "count"},
                        **{"value": 1000.0 + int(year[:4]), "value_status": "published", "is_derived": first},
                        **{"lower_bound": 1000 + int(year[:4]) - 4, "upper_bound": 1000 + int(year[:4]) + 8},
                        "suppressed_parts": 1,
                    },
                )


def _organisations() -> Iterator[dict[str, Any]]:
    predecessors: dict[tuple[str, str], list[str]] = {}
    for (_, code), successor in FOLLOWED_BY.items():
        predecessors.setdefault(successor, []).append(code)
    for body in bodies():
        successor = FOLLOWED_BY.get((body.level, body.code))
        is_placeholder = body.code in (PLACEHOLDER, "13Q")
        end = date(2020, 3, 31) if body.code == OLD_CODE else date(2022, 6, 30)
        start = {"icb": date(2022, 7, 1), "sub_icb": date(2022, 7, 1)}.get(body.level, date(2017, 4, 1))
        yield {
            **{"org_level": body.level, "org_code": body.code, "org_name": body.name},
            **{"org_type": "placeholder" if is_placeholder else body.level, "is_in_drops": True, "ons_code": None},
            "valid_from": date(2020, 4, 1) if (body.level, body.code) == ("stp", "QHM") else start,
            "predecessors": "; ".join(predecessors.get((body.level, body.code), [])) or None,
            **{"successors": successor[1] if successor else None, "boundary_moves": MOVED.get((body.level, body.code))},
            "valid_to": end if body.level in ("ccg", "stp") else None,
            "current_level": "sub_icb" if body.code == "15E" else body.level,
            **{"current_code": successor[1] if successor else body.code, "current_name": body.name},
            "current_comparability": "recoded" if body.level in ("ccg", "stp") else "same",
        }


def _populations() -> Iterator[dict[str, Any]]:
    for variable_type, variable_a, variable_b, kind, population, name, order, since, reason in POPULATIONS:
        yield {
            **{"variable_type": variable_type, "variable_a": variable_a, "variable_b": variable_b},
            **{"population_type": kind, "population": population, "population_name": name, "sort_order": order},
            **{"comparable_from": since, "change_reason": reason, "first_period_start": date(2019, 4, 1)},
        }


def _standards() -> Iterator[dict[str, Any]]:
    for measure, threshold, label, certainty in (
        ("percentage_recovery", 50, "50% recovery standard", "stated"),
        ("percentage_accessing_services_6_weeks_finished_course_treatment", 75, "75% within 6 weeks", "stated"),
        ("percentage_reliable_recovery", 48, "48% reliable recovery", "background"),
    ):
        yield {
            **{"measure": measure, "threshold": threshold, "comparison": "at_least", "valid_from": date(2015, 4, 1)},
            **{"certainty": certainty, "label": label},
        }


def _notes() -> Iterator[dict[str, Any]]:
    for note, grain, period, level, code, measure in NOTES:
        yield {
            **{"note_id": note, "period_grain": grain, "period": period, "org_level": level, "org_code": code},
            **{"variable_type": "Total", "measure": measure, "cell_status": "released", "action": "note"},
            **{"note": f"Made here: {note.replace('-', ' ')}.", "source": "A made source"},
        }
    # What is about no released figure is about none on a page.
    yield {
        **{"note_id": "mended", "period_grain": "month", "period": "2022-10", "org_level": "provider"},
        **{"org_code": "RGD", "variable_type": "Total", "measure": "count_referrals_received", "cell_status": "mended"},
        **{"note": "Made here: mended.", "source": "A made source"},
    }


def rewrite_table(release: Path, table: str, query: str) -> None:
    """Write a table of a release folder anew, as a query of `original` says."""
    path = release / parquet_name(table)
    temp_path = path.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.execute(f"create view original as from read_parquet({quote_literal(path)})")
        connection.execute(f"copy ({query}) to {quote_literal(temp_path)} (format parquet)")
    temp_path.rename(path)


def copy_release(release: Path, target: Path, **queries: str) -> Path:
    """A copy of a release folder whose tables named here are written anew, each by a query of `original`."""
    shutil.copytree(release, target)
    for table, query in queries.items():
        rewrite_table(target, table, query)
    return target


def write_report_release(folder: Path) -> Path:
    """Write the tables a report is made from, and a manifest, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[dict[str, Any]]] = {
        "dim_period": list(_periods()),
        "dim_organisation": list(_organisations()),
        "dim_population": list(_populations()),
        "dim_measure": list(_measures()),
        "dim_standard": list(_standards()),
        "dim_note": list(_notes()),
        **{table: [] for table in (*TOPICS, *EXTRACT_GRAINS, *CURRENT_BOUNDARIES)},
    }
    for table, row in (*_rows(), *_current_boundaries()):
        tables[table].append(row)
    with duckdb.connect() as connection:
        for table, rows in tables.items():
            columns = CONTRACTS[table]
            frame = pd.DataFrame(rows).reindex(columns=list(columns)).astype(object)
            frame = frame.where(frame.notna(), None)
            connection.register("frame", frame)
            typed = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in columns.items())
            target = quote_literal(folder / parquet_name(table))
            connection.execute(f"copy (select {typed} from frame) to {target} (format parquet)")
            connection.unregister("frame")
    manifest = {
        **{"release_id": "2026.11.9", "released_on": "2026-11-22", "data_origin": "synthetic", "statement": STATEMENT},
        "attribution": "Made here.",
        "rounding_and_suppression": "Counts are rounded to the nearest 5 and 0 to 4 are suppressed.",
        **{"drops": [{"file": "made.csv"}], "files": {}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
