"""The suites: one module per kind of table, each a list of rules; this page puts them together."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from expectations.contracts import CONTRACTS, EXTRACT_GRAINS
from expectations.rules import Rule
from expectations.suites import dimensions, extracts

SUITES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        **{table: extracts.rules(table) for table in EXTRACT_GRAINS},
        "dim_period": dimensions.dim_period_rules(),
        "dim_organisation": dimensions.dim_organisation_rules(),
        "dim_measure": dimensions.dim_measure_rules(),
    }
)

if SUITES.keys() != CONTRACTS.keys():
    raise RuntimeError(f"every staged table needs its rules: {sorted(SUITES.keys() ^ CONTRACTS.keys())}")
