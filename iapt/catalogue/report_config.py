"""The settings of the report, as `catalogue/report.yml` gives it: topics, charts, words and limits."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import TOPICS, Grain
from iapt.yaml_files import read_yaml


class ReportConfigError(Exception):
    """Raised where the file does not describe a report: says which entry, what was expected and what was found."""


class Report(StrictModel):
    """One of the reports: the figures of one grain of period."""

    slug: Literal["monthly", "quarterly", "annual"]
    grain: Grain
    title: str
    card_text: str
    notes: tuple[str, ...]


class Chart(StrictModel):
    """Lines of one unit over the periods."""

    title: str
    measures: tuple[str, ...] = Field(min_length=1, max_length=4)


class Topic(StrictModel):
    """A page of each report: the measures of one topic mart, and the charts drawn of them."""

    slug: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    title: str
    lead: str
    mart: str
    charts: tuple[Chart, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _charts_are_of_its_mart(self) -> Self:
        if self.mart not in TOPICS:
            raise ValueError(f"expected one of {', '.join(TOPICS)}; found {self.mart}")
        for chart in self.charts:
            unknown = [measure for measure in chart.measures if measure not in TOPICS[self.mart]]
            if unknown:
                raise ValueError(f"chart {chart.title!r}: expected measures of {self.mart}; found {unknown}")
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures of its tables, in the order of the mart."""
        return TOPICS[self.mart]


class MeasureWords(StrictModel):
    """What a measure is called on a page."""

    measure: str
    label: str
    short: str = Field(max_length=18)


class FormulaWords(StrictModel):
    """What a measure is called in a formula, where the report shows no figure of it."""

    measure: str
    label: str


class Variable(StrictModel):
    """Whom figures can be broken down by."""

    population_type: str
    label: str


class PopulationWords(StrictModel):
    """What a population is called beside its line in a chart."""

    population: str = Field(pattern=r"^[a-z_]+/[a-z0-9_]+$")
    short: str = Field(max_length=18)


class PlainWords(StrictModel):
    """Words of a release, and those that a page says instead."""

    released: str = Field(min_length=1)
    shown: str


class Family(StrictModel):
    """Organisations of one kind, whose code outlived a reorganisation."""

    slug: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$")
    label: str
    levels: tuple[str, ...] = Field(min_length=1)


class RecoveryRate(StrictModel):
    """The recovery rate pages, and how much may be compared at once."""

    measure: str
    variables: tuple[str, ...]
    max_populations: int = Field(ge=1)
    max_areas: int = Field(ge=1)


class Map(StrictModel):
    """The map page: whose areas, on the boundaries of which day, and what it shows first."""

    family: str
    boundaries_valid_on: date
    measure: str
    min_areas: int = Field(ge=1)


class ReportConfig(StrictModel):
    """The whole report."""

    reports: tuple[Report, ...] = Field(min_length=3, max_length=3)
    topics: tuple[Topic, ...] = Field(min_length=1)
    headlines: tuple[str, ...]
    measures: tuple[MeasureWords, ...]
    formula_measures: tuple[FormulaWords, ...] = ()
    variables: tuple[Variable, ...]
    short_populations: tuple[PopulationWords, ...] = ()
    families: tuple[Family, ...]
    plain_words: tuple[PlainWords, ...] = ()
    recovery_rate: RecoveryRate
    map: Map

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        shown = {measure for topic in self.topics for measure in topic.measures}
        worded = [words.measure for words in self.measures]
        if shown != set(worded) or len(worded) != len(set(worded)):
            odd = sorted(shown ^ set(worded)) or sorted({word for word in worded if worded.count(word) > 1})
            raise ValueError(f"expected words for each measure of the topics, once; look at {', '.join(odd)}")
        if shadowed := sorted(shown & {words.measure for words in self.formula_measures}):
            raise ValueError(f"formula_measures: expected measures without figures; found {', '.join(shadowed)}")
        types = {variable.population_type for variable in self.variables}
        if unknown := sorted(set(self.recovery_rate.variables) - types):
            raise ValueError(f"recovery_rate: expected some of the variables; found {', '.join(unknown)}")
        if self.map.family not in {family.slug for family in self.families}:
            raise ValueError(f"map: expected one of the families; found {self.map.family}")
        for measure in (self.recovery_rate.measure, self.map.measure, *self.headlines):
            if measure not in shown:
                raise ValueError(f"expected a measure of the topics; found {measure}")
        return self

    @cached_property
    def measure_order(self) -> tuple[str, ...]:
        """Every measure of the report, in the order of its words: where each stands in a data file."""
        return tuple(words.measure for words in self.measures)

    @cached_property
    def labels(self) -> dict[str, str]:
        """What each measure is called, those of formulas too."""
        return {words.measure: words.label for words in (*self.measures, *self.formula_measures)}

    def to_plain_words(self, statement: str) -> str:
        """What a release says of itself, as a page says it to the public."""
        for words in self.plain_words:
            statement = statement.replace(words.released, words.shown)
        return statement

    @cached_property
    def families_by_level(self) -> dict[str, Family]:
        """The family of each organisation level that the report shows."""
        return {level: family for family in self.families for level in family.levels}


def load_report_config(path: Path) -> ReportConfig:
    """Read and check the settings. Raises ReportConfigError."""
    try:
        return ReportConfig.model_validate(read_yaml(path))
    except (yaml.YAMLError, ValidationError) as error:
        raise ReportConfigError(f"{path}: {error}") from error
