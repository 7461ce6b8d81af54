"""The suites: one module per kind of table, each a list of rules; this page puts them together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.rules import Rule
from expectations.suites import derived, dimensions, extracts, publications
from iapt.contract import CONTRACTS, CURRENT_BOUNDARIES, EXTRACT_GRAINS, TOPICS

_RULES_OF_TABLES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        **{table: extracts.rules(table) for table in EXTRACT_GRAINS},
        **{table: derived.current_boundaries_rules(table) for table in CURRENT_BOUNDARIES},
        **{table: derived.topic_rules(table) for table in TOPICS},
        "mart_recovery_rate": derived.recovery_rate_rules(),
        "mart_rolling_totals": derived.rolling_totals_rules(),
        "mart_data_quality": derived.data_quality_rules(),
        "dim_period": dimensions.dim_period_rules(),
        "dim_date": dimensions.dim_date_rules(),
        "dim_organisation": dimensions.dim_organisation_rules(),
        "dim_organisation_history": dimensions.dim_organisation_history_rules(),
        "dim_population": dimensions.dim_population_rules(),
        "dim_measure": dimensions.dim_measure_rules(),
        "dim_measure_name": dimensions.dim_measure_name_rules(),
        "dim_standard": dimensions.dim_standard_rules(),
        "dim_note": dimensions.dim_note_rules(),
        "publications": publications.publications_rules(),
    }
)

SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {table: (*rules, *publications.drop_rules(table)) for table, rules in _RULES_OF_TABLES.items()}
)

if SUITES.keys() != CONTRACTS.keys():
    raise RuntimeError(f"every staged table needs its rules: {sorted(SUITES.keys() ^ CONTRACTS.keys())}")
