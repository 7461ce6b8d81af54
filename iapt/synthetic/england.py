"""England's totals: the published ones written down as facts, and invented ones where none is at hand.

Nothing below England is here. `PUBLISHED_*` are facts; `INVENTED_*` continue them smoothly, and the demonstration says
which is which. A month counts by the data set of its day: to February 2020 version 1.5, from September 2020 version
2.0, of which every month to March 2026 has its totals: the default demonstration writes some of them, the national one
as many of the latest as it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MonthTotals:
    """A month: referrals received, and the recovery rate in tenths of a per cent."""

    referrals: int
    recovery_tenths: int


@dataclass(frozen=True)
class YearTotals:
    """A financial year; the recovery rates by ethnic group are in tenths of a per cent."""

    referrals: int
    finished: int
    at_caseness: int
    not_at_caseness: int
    improvement: int
    no_reliable_change: int
    deterioration: int
    recovery: int
    reliable_recovery: int
    bme_recovery_tenths: int
    white_british_recovery_tenths: int


def _parse_months(text: str) -> dict[str, MonthTotals]:
    totals = {}
    for line in text.strip().splitlines():
        year, figures = line.split(":")
        for item in figures.split(","):
            month, referrals, rate = item.split()
            totals[f"{year.strip()}-{month}"] = MonthTotals(int(referrals), int(rate.replace(".", "")))
    return totals


PUBLISHED_MONTHS = _parse_months("""
2019: 02 137647 53.6, 03 146661 53.1, 04 133191 52.9, 05 144529 52.1, 06 137264 51.4, 07 145159 51.4
2019: 08 130601 52.2, 09 140325 51.9, 10 159497 51.3, 11 143418 50.6, 12 110838 50.7
2020: 01 163182 51.1, 02 149713 51.0
2021: 01 132008 51.8, 02 133720 52.8, 04 139757 48.4, 05 147394 52.5, 06 153472 51.5, 07 142485 51.0
2021: 08 138078 49.8, 09 152957 49.9, 10 152003 49.3, 11 164363 49.1, 12 124856 48.6
2022: 01 158475 49.7, 02 155502 50.7, 03 165631 51.0, 04 130064 50.4, 05 150082 50.1, 06 135381 49.5
2022: 08 145149 49.4, 09 142241 49.8, 10 152267 49.2, 11 159131 49.5, 12 110131 48.9
2023: 02 148669 50.2, 03 167407 51.2, 04 129753 50.9, 05 146659 50.5, 06 143475 50.6, 07 150292 50.3
2023: 08 150330 49.9, 09 150878 49.9, 10 161313 49.8, 11 162250 49.6, 12 120561 48.5
2024: 01 176760 49.8, 02 163419 51.2, 03 150636 50.9, 04 151975 49.6, 05 147369 50.8, 06 135213 50.9
2024: 07 151365 50.4, 08 136679 50.1, 09 146238 50.2, 11 149559 50.7, 12 125141 50.0
2025: 01 163748 50.6, 02 148164 50.6, 03 148668 51.6, 04 133908 51.3, 05 137449 50.9, 06 145215 50.1
2025: 08 132762 49.8, 09 154572 50.2, 10 164279 49.8, 11 150936 49.6, 12 128415 48.6
2026: 01 159819 49.7, 02 151810 50.0
""")
INVENTED_MONTHS = _parse_months("""
2020: 09 128700 51.7, 10 136900 51.6, 11 139500 51.5, 12 112400 51.4
2021: 03 157300 52.4
2022: 07 138600 49.6
2023: 01 161900 49.9
2024: 10 160200 50.3
2025: 07 146300 50.2
2026: 03 156700 50.6
""")
MONTHS = PUBLISHED_MONTHS | INVENTED_MONTHS

PUBLISHED_YEARS = {
    "2019-20": YearTotals(1694790, 606192, 569244, 36054, 406118, 158960, 35316, 291371, 276261, 488, 517),
    "2020-21": YearTotals(1456446, 634649, 595840, 37267, 433327, 157738, 34535, 306990, 291091, 498, 520),
    "2021-22": YearTotals(1812596, 664087, 624193, 38168, 444555, 169783, 38267, 313919, 296070, 489, 507),
    "2022-23": YearTotals(1759581, 672193, 633236, 37805, 446968, 174915, 39919, 316251, 297186, 476, 507),
    "2024-25": YearTotals(1813432, 670419, 634248, 35234, 452284, 170457, 39157, 321061, 301815, 477, 518),
}
INVENTED_YEARS = {
    "2018-19": YearTotals(1567400, 580400, 543300, 36400, 387300, 153300, 34100, 277400, 263300, 486, 516),
    "2023-24": YearTotals(1786500, 671300, 633700, 36500, 449600, 172700, 39500, 318700, 299500, 477, 513),
    "2025-26": YearTotals(1765000, 660000, 624600, 34400, 446200, 167600, 38600, 314500, 295900, 475, 514),
}
YEARS = PUBLISHED_YEARS | INVENTED_YEARS
# Before 2020-21 there is no BME group in the annual report, so the two rates of those years are invented.
YEARS_WITH_PUBLISHED_BME = ("2020-21", "2021-22", "2022-23", "2024-25")

# How a year's referrals fall on its quarters, per mille. 2020-21 began with the first lockdown.
QUARTER_SHARES = (254, 246, 249, 251)
QUARTER_SHARES_2020_21 = (168, 242, 287, 303)
