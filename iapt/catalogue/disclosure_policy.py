"""The disclosure policy: what may leave and how, as data from the catalogue, in the profile that was chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

import yaml
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from iapt.catalogue.strict_model import StrictModel
from iapt.contract import SNAKE_CASE
from iapt.workspace import CATALOGUE

DISCLOSURE_FILE: Final = CATALOGUE / "disclosure.yml"

Statistic: TypeAlias = Literal["count", "percentage", "mean", "median", "minimum", "maximum", "sum", "unknown"]
STATISTICS: Final[tuple[Statistic, ...]] = (
    *("count", "percentage", "mean", "median"),
    *("minimum", "maximum", "sum", "unknown"),
)
#: The kinds that the extracts know how to suppress: a count by its size, the others with what they rest on.
SUPPRESSIBLE: Final[tuple[Statistic, ...]] = ("count", "percentage", "mean", "median")
#: England's percentages are published with one decimal, and so are means; no figure has more to give.
FINEST_DECIMALS: Final = 1


class PolicyError(ValueError):
    """A disclosure policy that cannot be read, or that contradicts itself."""


class UnknownProfileError(PolicyError):
    """A profile that the policy does not have."""


class _Strict(StrictModel):
    # Strict: a "5" in quotes or a 5.0 is no count, and a rule about counts should not guess.
    model_config = ConfigDict(strict=True)


class StatisticRule(_Strict):
    """Whether a kind of statistic leaves, and with how many decimals; a count has none, it is rounded to a base."""

    leaves: bool
    decimals: int | None = Field(default=None, ge=0, le=FINEST_DECIMALS)


class Rule(_Strict):
    """What is the same in every profile."""

    suppress_counts_below: PositiveInt
    round_counts_to: PositiveInt
    statistics: Mapping[Statistic, StatisticRule]
    rests_on: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_one_that_can_be_kept(self) -> Self:
        if missing := [name for name in STATISTICS if name not in self.statistics]:
            raise ValueError(f"expected a rule for every kind of statistic; found none for {', '.join(missing)}")
        for name, statistic in self.statistics.items():
            if statistic.leaves and name not in SUPPRESSIBLE:
                raise ValueError(f"{name} cannot leave: the extracts suppress {', '.join(SUPPRESSIBLE)} only")
            if (statistic.decimals is not None) != (statistic.leaves and name != "count"):
                raise ValueError(f"{name}: expected decimals where a figure leaves that is no count, and only there")
        if self.nearest(self.suppress_counts_below) < self.suppress_counts_below:
            raise ValueError(
                f"a count of {self.suppress_counts_below} is shown, and rounded to {self.round_counts_to} it would be "
                f"{self.nearest(self.suppress_counts_below)}, which reads as a suppressed one"
            )
        return self

    @property
    def decimals(self) -> dict[str, int]:
        """The decimals of each kind of statistic that leaves with decimals."""
        return {name: rule.decimals for name, rule in self.statistics.items() if rule.decimals is not None}

    @property
    def released_statistics(self) -> tuple[str, ...]:
        """The kinds of statistic that leave."""
        return tuple(name for name in STATISTICS if self.statistics[name].leaves)

    def nearest(self, count: int) -> int:
        """A count to the nearest multiple of the base, half up."""
        return (count + self.round_counts_to // 2) // self.round_counts_to * self.round_counts_to

    def count_to_release(self, count: int) -> int | None:
        """What is shown of a count; None where it is suppressed."""
        return None if count < self.suppress_counts_below else self.nearest(count)

    def declared_bounds(self, shown: int | None) -> tuple[int, int]:
        """The least and the most a count can be of which this is shown, None being a suppressed one."""
        if shown is None:
            return 0, self.suppress_counts_below - 1
        least = max(self.suppress_counts_below, shown - self.round_counts_to // 2)
        return least, shown + (self.round_counts_to - 1) // 2


class Profile(_Strict):
    """A named choice of what to hide beyond the rule."""

    description: str = Field(min_length=1)
    hide_percentage_when_complement_at_most: NonNegativeInt | None = None
    hide_percentage_when_denominator_below: PositiveInt | None = None


class Policy(Rule, Profile):
    """The rule in the profile that was chosen: all that decides what a release shows."""

    version: PositiveInt
    profile: str

    def to_manifest(self) -> dict[str, Any]:
        """The policy as a release states it, and as it is kept beside the tables made under it."""
        return {"version": self.version, "profile": self.profile, **self.model_dump(mode="json")}

    @classmethod
    def from_manifest(cls, record: Mapping[str, Any]) -> Self:
        """The policy that `to_manifest` wrote down."""
        return cls.model_validate(record)


class _File(_Strict):
    """The catalogue's file."""

    version: PositiveInt
    default_profile: str
    rule: Rule
    profiles: Mapping[str, Profile]

    @model_validator(mode="after")
    def _names_its_profiles(self) -> Self:
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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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
