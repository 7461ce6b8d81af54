"""What is published of the true counts: the measures of each series, their names by era, and their texts.

A measure says which true counts it is made of. How a figure is rounded or hidden is the publisher's rule (`publisher`);
where it is printed is the layout's (`layouts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from iapt.synthetic import publisher
from iapt.synthetic.allocation import IntArray
from iapt.synthetic.levels import ENGLAND
from iapt.synthetic.months import ACCESS_BANDS, ASSESSMENT_BANDS, ETHNIC_GROUPS, SECOND_BANDS, WAIT_LAST_DAYS
from iapt.synthetic.publisher import BoolArray, TextArray
from iapt.synthetic.truth import KEYS

Statistic = Literal["count", "percentage", "mean", "median", "extreme"]

_PUBLISHED: dict[str, Callable[[IntArray, IntArray, BoolArray], TextArray]] = {
    "count": lambda counts, _base, england: publisher.publish_counts(counts, england),
    "percentage": publisher.publish_percentages,
    "mean": publisher.publish_means,
    "median": publisher.publish_medians,
    "extreme": publisher.publish_extremes,
}


@dataclass(frozen=True)
class Measure:
    """A published measure: its statistic and the true counts whose sums are its figure and its base.

    `key` is the MEASURE_ID of the long files and the column of the wide ones. `names` are the names of the long files,
    each with the month it came into use; before the first of them the measure is not published.
    """

    key: str
    statistic: Statistic
    figure: tuple[str, ...]
    base: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    def exists_in(self, month: str) -> bool:
        """Whether the long files of that month have the measure."""
        return self.names[0][0] <= month

    def get_name(self, month: str) -> str:
        """The measure's name in the long files of that month."""
        return [name for start, name in self.names if start <= month][-1]


Counts = Mapping[str, IntArray]


def get_counts(frame: pd.DataFrame) -> Counts:
    """The counts of a truth table by their names, and nothing else of it."""
    return {name: frame[name].to_numpy(dtype=np.int64) for name in frame.columns if name not in KEYS}


def find_england_rows(frame: pd.DataFrame) -> BoolArray:
    """Which rows of a truth table are England's."""
    return (frame["level"] == ENGLAND).to_numpy(dtype=np.bool_)


def _sum_columns(counts: Counts, columns: tuple[str, ...]) -> IntArray:
    total = counts[columns[0]]
    for column in columns[1:]:
        total = total + counts[column]
    return total


def compute_median_in_halves(bands: IntArray, last_days: tuple[int, ...]) -> IntArray:
    """The median of counts in bands of days, in half days and evenly within a band; 0 where nobody is."""
    size = bands.sum(axis=1)
    below = np.cumsum(bands, axis=1)
    band = (2 * below >= size[:, None]).argmax(axis=1)
    rows = np.arange(len(bands))
    first = np.array((0, *last_days[:-1]), dtype=np.int64)[band]
    width = np.array(last_days, dtype=np.int64)[band] - first
    inside = np.maximum(bands[rows, band], 1)
    into_band = size - 2 * (below[rows, band] - bands[rows, band])
    halves: IntArray = 2 * first + (2 * width * into_band + inside) // (2 * inside)
    return np.where(size == 0, 0, halves)


def compute_true_figure(measure: Measure, counts: Counts) -> tuple[IntArray, IntArray]:
    """The true figure of a measure for each row of counts, and its base (for a count, itself).

    A percentage's figure is its numerator, a mean's the sum it is of, a median's is given in halves.
    """
    base = _sum_columns(counts, measure.base or measure.figure)
    if measure.statistic == "median":
        bands = np.stack([counts[column] for column in measure.figure], axis=1)
        return compute_median_in_halves(bands, WAIT_LAST_DAYS), base
    return _sum_columns(counts, measure.figure), base


def format_published_texts(frame: pd.DataFrame, shown: Sequence[Measure]) -> TextArray:
    """The published texts of a truth table: its rows by the measures."""
    counts, england = get_counts(frame), find_england_rows(frame)
    columns = [_PUBLISHED[measure.statistic](*compute_true_figure(measure, counts), england) for measure in shown]
    return np.stack(columns, axis=1)


def _parse_names(text: str) -> tuple[tuple[str, str], ...]:
    """Names written `first name; 2022-09 second name`; a first name may have its month too."""
    names = []
    for item in text.split("; "):
        month, _, name = item.rpartition(" ")
        names.append((month, name))
    return tuple(names)


def _make_count(key: str, names: str, *figure: str) -> Measure:
    return Measure(key, "count", figure, (), _parse_names(names))


def _make_percentage(key: str, names: str, figure: tuple[str, ...], base: tuple[str, ...]) -> Measure:
    return Measure(key, "percentage", figure, base, _parse_names(names))


_FINISHED = ("finished",)
_RECOVERY_BASE = ("recovery_base",)
_OVER_28 = ("second_90_days", "second_more_days")
_ENDED = ("ended_before_treatment", "ended_treated_once", "finished")
_WITH_COURSE = "FinishedCourseTreatment"


def _add_renaming(text: str, month: str, old: str, new: str) -> str:
    return f"{text}; {month} {text.replace(old, new)}"


def _rename_first_treatment(text: str) -> str:
    return _add_renaming(text, "2022-09", "FirstTreatment", "AccessingServices")


def _rename_reliable(text: str, word: str) -> str:
    return _add_renaming(text, "2024-10", word, f"Reliable{word}")


_MONTHLY = [
    _make_count("M001", "Count_ReferralsReceived", "referrals"),
    _make_count("M018", "Count_IAPTReferrals; 2023-05 Count_NHSTalkingTherapiesReferrals", "programme_referrals"),
    _make_count("M023", "Count_FirstAssessment", *ASSESSMENT_BANDS),
    _make_count("M024", "Count_FirstAssessment28days", ASSESSMENT_BANDS[0]),
    _make_count("M025", "Count_FirstAssessment29to56days", ASSESSMENT_BANDS[1]),
    _make_count("M026", "Count_FirstAssessment57to90days", ASSESSMENT_BANDS[2]),
    _make_count("M027", "Count_FirstAssessmentOver90days", ASSESSMENT_BANDS[3]),
    _make_count("M031", _rename_first_treatment("Count_FirstTreatment"), *ACCESS_BANDS),
    _make_count("M032", _rename_first_treatment("Count_FirstTreatment28days"), ACCESS_BANDS[0]),
    _make_count("M033", _rename_first_treatment("Count_FirstTreatment29to56days"), *ACCESS_BANDS[1:3]),
    _make_count("M034", _rename_first_treatment("Count_FirstTreatment57to90days"), ACCESS_BANDS[3]),
    _make_count("M035", _rename_first_treatment("Count_FirstTreatmentOver90days"), *ACCESS_BANDS[4:]),
    _make_count("M036", _rename_first_treatment("Count_FirstTreatment6Weeks"), *ACCESS_BANDS[:2]),
    _make_count("M037", _rename_first_treatment("Count_FirstTreatment18Weeks"), *ACCESS_BANDS[:5]),
    _make_count("M046", "Count_FirstToSecondTreatmentOver28days", *_OVER_28),
    _make_count("M047", "Count_FirstToSecondTreatmentOver90days", "second_more_days"),
    Measure(
        "M048",
        "mean",
        ("wait_days",),
        ACCESS_BANDS,
        _parse_names("Mean_WaitEnteredTreatment; 2025-02 Mean_WaitAccessingServices"),
    ),
    Measure(
        "M049",
        "median",
        ACCESS_BANDS,
        ACCESS_BANDS,
        _parse_names("Median_WaitEnteredTreatment; 2025-02 Median_WaitAccessingServices"),
    ),
    _make_count(
        "M052", _rename_first_treatment(f"Count_FirstTreatment6Weeks{_WITH_COURSE}"), "finished_within_6_weeks"
    ),
    _make_percentage(
        "M053",
        _rename_first_treatment(f"Percentage_FirstTreatment6Weeks{_WITH_COURSE}"),
        ("finished_within_6_weeks",),
        _FINISHED,
    ),
    _make_count(
        "M054", _rename_first_treatment(f"Count_FirstTreatment18Weeks{_WITH_COURSE}"), "finished_within_18_weeks"
    ),
    _make_percentage(
        "M055",
        _rename_first_treatment(f"Percentage_FirstTreatment18Weeks{_WITH_COURSE}"),
        ("finished_within_18_weeks",),
        _FINISHED,
    ),
    _make_count("M056", "Count_EndedReferrals", *_ENDED),
    _make_count("M075", "Count_EndedTreatedOnce", "ended_treated_once"),
    _make_count("M076", "Count_FinishedCourseTreatment", "finished"),
    _make_count("M121", "2024-04 Count_FirstToSecondTreatment28days", SECOND_BANDS[0]),
    _make_count("M122", "2024-04 Count_FirstToSecondTreatment29to90days", SECOND_BANDS[1]),
    _make_percentage("M123", "2024-04 Percentage_FirstToSecondTreatment28days", SECOND_BANDS[:1], SECOND_BANDS),
    _make_percentage("M124", "2024-04 Percentage_FirstToSecondTreatmentOver28days", _OVER_28, SECOND_BANDS),
    _make_percentage("M125", "2024-04 Percentage_FirstToSecondTreatment29to90days", SECOND_BANDS[1:2], SECOND_BANDS),
    _make_percentage("M126", "2024-04 Percentage_FirstToSecondTreatmentOver90days", SECOND_BANDS[2:], SECOND_BANDS),
    Measure("M143", "extreme", ("largest_appointments",), _FINISHED, _parse_names(f"Max_Appts{_WITH_COURSE}")),
    Measure("M144", "extreme", ("smallest_appointments",), _FINISHED, _parse_names(f"Min_Appts{_WITH_COURSE}")),
    _make_count("M153", "Count_EndedBeforeTreatment", "ended_before_treatment"),
    _make_count("M179", "Count_NotAtCaseness", "not_at_caseness"),
    _make_percentage("M180", "Percentage_NotAtCaseness", ("not_at_caseness",), _FINISHED),
    _make_count("M184", "Count_SecondTreatment", *SECOND_BANDS),
    _make_count("M185", _rename_reliable("Count_Improvement", "Improvement"), "improvement"),
    _make_percentage("M186", _rename_reliable("Percentage_Improvement", "Improvement"), ("improvement",), _FINISHED),
    _make_count("M187", "Count_NoReliableChange", "no_reliable_change"),
    _make_count("M189", _rename_reliable("Count_Deterioration", "Deterioration"), "deterioration"),
    _make_percentage(
        "M1010", _rename_reliable("Percentage_Deterioration", "Deterioration"), ("deterioration",), _FINISHED
    ),
    _make_count("M191", "Count_Recovery", "recovery"),
    _make_percentage("M192", "Percentage_Recovery", ("recovery",), _RECOVERY_BASE),
    _make_count("M193", "Count_ReliableRecovery", "reliable_recovery"),
    _make_percentage("M195", "Percentage_ReliableRecovery", ("reliable_recovery",), _RECOVERY_BASE),
    _make_count("M203", "Count_ADSMFinishedTreatment", "anxiety_measure_finished"),
    _make_count("M204", "Count_AppropriatePairedADSM", "anxiety_measure_paired"),
    _make_percentage(
        "M205", "Percentage_AppropriatePairedADSM", ("anxiety_measure_paired",), ("anxiety_measure_finished",)
    ),
    *(
        _make_percentage(
            f"M{206 + place}",
            f"2024-10 Percentage_ReliableRecovery_EthnicGroup{name}",
            (f"reliable_recovery_{group}",),
            (f"recovery_base_{group}",),
        )
        for place, (group, name) in enumerate(
            zip(
                ETHNIC_GROUPS[:-1],
                ("White", "AsianOrAsianBritish", "BlackOrBlackBritish", "Mixed", "Other"),
                strict=True,
            )
        )
    ),
]
MONTHLY = tuple(sorted(_MONTHLY, key=lambda measure: measure.key))  # as text, the publisher's order

# The measures of the quarterly files from 2023-24 on, over the counts of a quarter.
_QUARTERLY_FIGURES = {"M031": ("accessing",)}
_QUARTERLY_KEYS = (*("M001", "M031", "M052", "M053", "M076", "M179"), *("M185", "M186", "M191", "M192", "M193", "M195"))
LONG_QUARTERLY = tuple(
    replace(measure, figure=_QUARTERLY_FIGURES.get(measure.key, measure.figure))
    for measure in MONTHLY
    if measure.key in _QUARTERLY_KEYS
)

# The columns of the wide files that carry figures.
WIDE_QUARTERLY = (
    Measure("ReferralsReceived", "count", ("referrals",)),
    Measure("FirstTreatment", "count", ("accessing",)),
    Measure("EndedTreatedOnce", "count", ("ended_treated_once",)),
    Measure("FinishedCourseTreatment", "count", _FINISHED),
    Measure("NotCaseness", "count", ("not_at_caseness",)),
    Measure("Recovery", "count", ("recovery",)),
    Measure("Improvement", "count", ("improvement",)),
    Measure("Deterioration", "count", ("deterioration",)),
    Measure("NoReliableChange", "count", ("no_reliable_change",)),
    Measure("ReliableRecovery", "count", ("reliable_recovery",)),
    Measure("FirstTreatment6WeeksFinishedCourse", "count", ("finished_within_6_weeks",)),
    Measure("FirstTreatment18WeeksFinishedCourse", "count", ("finished_within_18_weeks",)),
    Measure("RecoveryRate", "percentage", ("recovery",), _RECOVERY_BASE),
    Measure("ImprovementRate", "percentage", ("improvement",), _FINISHED),
    Measure("ReliableRecoveryRate", "percentage", ("reliable_recovery",), _RECOVERY_BASE),
    Measure("FirstTreatment6WeeksFinishedCourseRate", "percentage", ("finished_within_6_weeks",), _FINISHED),
    Measure("FirstTreatment18WeeksFinishedCourseRate", "percentage", ("finished_within_18_weeks",), _FINISHED),
    Measure("CountAppropriatePairedADSM", "count", ("anxiety_measure_paired",)),
    Measure("CountADSMFinishedTreatment", "count", ("anxiety_measure_finished",)),
    Measure(
        "PercentageAppropriatePairedADSM", "percentage", ("anxiety_measure_paired",), ("anxiety_measure_finished",)
    ),
)

# The annual columns that carry figures, without underscores and under the name of the first year.
ANNUAL = (
    Measure("CountReferralsReceived", "count", ("referrals",)),
    Measure("CountFirstTreatment", "count", ("accessing",)),
    Measure("CountFinishedCourseTreatment", "count", _FINISHED),
    Measure("MeanWaitEnteredTreatment", "mean", ("wait_days",), ("accessing",)),
    Measure("CountAtCaseness", "count", ("at_caseness",)),
    Measure("CountNotAtCaseness", "count", ("not_at_caseness",)),
    Measure("CountImprovement", "count", ("improvement",)),
    Measure("PercentageImprovement", "percentage", ("improvement",), _FINISHED),
    Measure("CountNoReliableChange", "count", ("no_reliable_change",)),
    Measure("PercentageNoReliableChange", "percentage", ("no_reliable_change",), _FINISHED),
    Measure("CountDeterioration", "count", ("deterioration",)),
    Measure("PercentageDeterioration", "percentage", ("deterioration",), _FINISHED),
    Measure("CountRecovery", "count", ("recovery",)),
    Measure("PercentageRecovery", "percentage", ("recovery",), _RECOVERY_BASE),
    Measure("CountReliableRecovery", "count", ("reliable_recovery",)),
    Measure("PercentageReliableRecovery", "percentage", ("reliable_recovery",), _RECOVERY_BASE),
)
ANNUAL_TOTALS_ONLY = frozenset({"MeanWaitEnteredTreatment"})  # not applicable to a breakdown

WORKBOOK = (
    Measure("Referrals Received", "count", ("referrals",)),
    Measure("First Treatment", "count", ACCESS_BANDS),
    Measure("Ended Referrals", "count", _ENDED),
    Measure("Finished a Course of Treatment", "count", _FINISHED),
    Measure(
        "First Treatment within 6 weeks Finished a Course of Treatment",
        "percentage",
        ("finished_within_6_weeks",),
        _FINISHED,
    ),
    Measure(
        "First Treatment within 18 weeks Finished a Course of Treatment",
        "percentage",
        ("finished_within_18_weeks",),
        _FINISHED,
    ),
    Measure("Recovery rate", "percentage", ("recovery",), _RECOVERY_BASE),
    Measure("Improvement rate", "percentage", ("improvement",), _FINISHED),
    Measure("Reliable Recovery rate", "percentage", ("reliable_recovery",), _RECOVERY_BASE),
)
