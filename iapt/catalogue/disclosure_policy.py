"""The disclosure policy: what may be released and how, as data of the catalogue, in the profile that was chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import (
    AfterValidator,
    AliasChoices,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import SNAKE_CASE
from iapt.contract import STATISTICS as REVIEWED_STATISTICS
from iapt.workspace import CATALOGUE
from iapt.yaml_files import read_yaml

DISCLOSURE_FILE: Final = CATALOGUE / "disclosure.yml"

#: Every kind of statistic; of a measure that nobody has reviewed, it is unknown.
STATISTICS: Final = (*REVIEWED_STATISTICS, "unknown")
#: The kinds that the extracts know how to suppress: a count by its size, the others with what they rest on.
SUPPRESSIBLE: Final = ("count", "percentage", "mean", "median")
#: England's percentages are published with one decimal, and so are means; no value has more to give.
MAX_DECIMALS: Final = 1


class PolicyError(ValueError):
    """A disclosure policy that cannot be read, or that contradicts itself."""


class UnknownProfileError(PolicyError):
    """A profile that the policy does not have."""


class _Strict(StrictModel):
    # Strict: a "5" in quotes or a 5.0 is no count, and a rule about counts should not guess.
    model_config = ConfigDict(strict=True)


class StatisticRule(_Strict):
    """Whether a kind of statistic is released, and with how many decimals; a count is rounded to a base instead."""

    # `leaves` in what was written before; a home's warehouse may have been built under such a record.
    is_released: bool = Field(validation_alias=AliasChoices("is_released", "leaves"))
    decimals: int | None = Field(default=None, ge=0, le=MAX_DECIMALS)


def _validate_statistic(name: str) -> str:
    if name not in STATISTICS:
        raise ValueError(f"expected one of {', '.join(STATISTICS)}")
    return name


class Rule(_Strict):
    """What is the same in every profile."""

    suppress_counts_below: PositiveInt
    round_counts_to: PositiveInt
    statistics: Mapping[Annotated[str, AfterValidator(_validate_statistic)], StatisticRule]
    rests_on: str = Field(min_length=1)

    @model_validator(mode="after")
    def _validate_rule(self) -> Self:
        if missing := [name for name in STATISTICS if name not in self.statistics]:
            raise ValueError(f"expected a rule for every kind of statistic; found none for {', '.join(missing)}")
        for name, statistic in self.statistics.items():
            if statistic.is_released and name not in SUPPRESSIBLE:
                raise ValueError(f"{name} cannot be released: the extracts suppress {', '.join(SUPPRESSIBLE)} only")
            if (statistic.decimals is not None) != (statistic.is_released and name != "count"):
                raise ValueError(f"{name}: expected decimals where it is released and no count, and only there")
        if self.round_to_base(self.suppress_counts_below) < self.suppress_counts_below:
            raise ValueError(
                f"a count of {self.suppress_counts_below} is shown, and rounded to {self.round_counts_to} it would be "
                f"{self.round_to_base(self.suppress_counts_below)}, which reads as a suppressed one"
            )
        return self

    @property
    def decimals(self) -> dict[str, int]:
        """The decimals of each kind of statistic that is released with decimals."""
        return {name: rule.decimals for name, rule in self.statistics.items() if rule.decimals is not None}

    @property
    def released_statistics(self) -> tuple[str, ...]:
        """The kinds of statistic that are released."""
        return tuple(name for name in STATISTICS if self.statistics[name].is_released)

    def round_to_base(self, count: int) -> int:
        """Return a count to the nearest multiple of the base, half up."""
        return (count + self.round_counts_to // 2) // self.round_counts_to * self.round_counts_to

    def count_to_release(self, count: int) -> int | None:
        """Return what is shown of a count; None where it is suppressed."""
        return None if count < self.suppress_counts_below else self.round_to_base(count)

    def declared_bounds(self, shown: int | None) -> tuple[int, int]:
        """Return the least and the greatest count of which this is shown, None being a suppressed one."""
        if shown is None:
            return 0, self.suppress_counts_below - 1
        least = max(self.suppress_counts_below, shown - self.round_counts_to // 2)
        return least, shown + (self.round_counts_to - 1) // 2


class Profile(_Strict):
    """A named choice of what to suppress beyond the rule."""

    description: str = Field(min_length=1)
    hide_percentage_when_complement_at_most: NonNegativeInt | None = None
    hide_percentage_when_denominator_below: PositiveInt | None = None


class Policy(Rule, Profile):
    """The rule in the profile that was chosen: all that decides what a release shows."""

    version: PositiveInt
    profile: str

    def to_manifest(self) -> dict[str, Any]:
        """Return the policy as a release states it, and as it is kept with the tables made under it."""
        return {"version": self.version, "profile": self.profile, **self.model_dump(mode="json")}

    @classmethod
    def from_manifest(cls, record: Mapping[str, Any]) -> Self:
        """Return the policy of a record that `to_manifest` made."""
        return cls.model_validate(record)


class _File(_Strict):
    """The catalogue's file."""

    version: PositiveInt
    default_profile: str
    rule: Rule
    profiles: Mapping[str, Profile]

    @model_validator(mode="after")
    def _validate_profiles(self) -> Self:
        if misnamed := [name for name in self.profiles if not SNAKE_CASE.fullmatch(name)]:
            raise ValueError(f"a profile is named in snake_case, not {', '.join(map(repr, misnamed))}")
        if self.default_profile not in self.profiles:
            raise ValueError(f"default_profile is {self.default_profile!r}; there are {_listed(self.profiles)}")
        return self


def load_policy(path: Path = DISCLOSURE_FILE, profile: str | None = None) -> Policy:
    """Read the disclosure policy in one of its profiles; None is the default profile.

    Raises UnknownProfileError, naming those there are, and PolicyError where the file is no policy.
    """
    policy = _read(path)
    name = policy.default_profile if profile is None else profile
    if name not in policy.profiles:
        raise UnknownProfileError(f"there is no disclosure profile {name!r}; there are {_listed(policy.profiles)}")
    return Policy(**dict(policy.rule), **dict(policy.profiles[name]), version=policy.version, profile=name)


def _read(path: Path) -> _File:
    try:
        content = read_yaml(path)
    except FileNotFoundError as error:
        raise PolicyError(f"expected a disclosure policy in {path}; found no file") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"expected a disclosure policy in {path}; found no YAML: {error}") from error
    try:
        return _File.model_validate(content)
    except ValidationError as error:
        wrong = [f"- {'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()]
        raise PolicyError("\n".join([f"{path} is no disclosure policy:", *wrong])) from error


def _listed(profiles: Mapping[str, Profile]) -> str:
    return ", ".join(profiles)
