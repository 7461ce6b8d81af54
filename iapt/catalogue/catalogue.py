"""The catalogue: the reviewed YAML files of one folder as typed data, each described in a module of its own."""

from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from iapt.catalogue.corrections import Correction
from iapt.catalogue.discovery_rules import DiscoveryRules
from iapt.catalogue.gaps import Gap
from iapt.catalogue.holds import HoldRules
from iapt.catalogue.impossible_values import ImpossibleValueRules
from iapt.catalogue.layouts import Layout, load_layouts
from iapt.catalogue.limits import Limits
from iapt.catalogue.misnamed_files import MisnamedFile
from iapt.catalogue.organisation_codes import OrganisationCodes
from iapt.catalogue.precedence import Precedence
from iapt.catalogue.publications import Publication, Publications
from iapt.catalogue.publisher import Publisher
from iapt.catalogue.re_issues import ReIssues
from iapt.catalogue.withdrawn import WithdrawnFile
from iapt.yaml_files import read_yaml


class Catalogue:
    """Everything in one catalogue folder, each part read on first use."""

    def __init__(self, folder: Path, *, restricted: bool = False) -> None:
        """Use the catalogue in `folder`; its files are not opened yet.

        A restricted one knows the layouts of unrounded counts and no published ones, so that neither kind of drop can
        ever be read as the other.
        """
        self.folder = folder
        self.restricted = restricted

    def _read(self, name: str) -> object:
        return read_yaml(self.folder / name)

    @cached_property
    def layouts(self) -> list[Layout]:
        """The published shapes; in a restricted catalogue, those of unrounded counts."""
        return load_layouts(self.folder / "layouts" / "restricted" if self.restricted else self.folder / "layouts")

    @cached_property
    def gaps(self) -> list[Gap]:
        """The known gaps."""
        return TypeAdapter(list[Gap]).validate_python(self._read("gaps.yml"))

    @cached_property
    def corrections(self) -> list[Correction]:
        """The known errors of the publications. Raises ValueError where two have one id."""
        corrections = TypeAdapter(list[Correction]).validate_python(self._read("corrections.yml"))
        ids = [correction.id for correction in corrections]
        if repeated := sorted({identifier for identifier in ids if ids.count(identifier) > 1}):
            raise ValueError(f"expected each id once in corrections.yml; found {', '.join(repeated)} more than once")
        return corrections

    @cached_property
    def misnamed_files(self) -> list[MisnamedFile]:
        """The files that may say another period in their name than in their rows."""
        return TypeAdapter(list[MisnamedFile]).validate_python(self._read("misnamed_files.yml"))

    @cached_property
    def re_issues(self) -> ReIssues:
        """What a later issue of a file does to the earlier one."""
        return ReIssues.model_validate(self._read("re_issues.yml"))

    @cached_property
    def precedence(self) -> Precedence:
        """Which drop is believed where several publish a cell."""
        return Precedence.model_validate(self._read("precedence.yml"))

    @cached_property
    def organisation_codes(self) -> OrganisationCodes:
        """What the codes of organisations look like, and what stands where there is none."""
        return OrganisationCodes.model_validate(self._read("organisation_codes.yml"))

    @cached_property
    def impossible_values(self) -> ImpossibleValueRules:
        """The values that measures cannot have; the first entry about a measure decides."""
        return ImpossibleValueRules.model_validate(self._read("impossible_values.yml"))

    @cached_property
    def limits(self) -> Limits:
        """What a drop may cost to open."""
        return Limits.model_validate(self._read("limits.yml"))

    @cached_property
    def holds(self) -> HoldRules:
        """Beyond which loss a re-issue that arrived by itself is held."""
        return HoldRules.model_validate(self._read("holds.yml"))

    @cached_property
    def publisher(self) -> Publisher:
        """The publisher's site: hosts, series pages, manners and calendar."""
        return Publisher.model_validate(self._read("publisher.yml"))

    @cached_property
    def publications(self) -> Publications:
        """Every publication that is listed. Raises ValueError where two rows contradict each other."""
        rows = TypeAdapter(list[Publication]).validate_python(self._read("publications.yml"))
        return Publications(rows, self.publisher)

    @cached_property
    def discovery_rules(self) -> DiscoveryRules:
        """How the files of a publication page are told apart."""
        rules = DiscoveryRules.model_validate(self._read("discovery.yml"))
        named = {series for kind in rules.file_kinds for series in kind.series}
        if unknown := sorted(named - set(self.publisher.series)):
            raise ValueError(f"discovery.yml: expected series of publisher.yml; found {', '.join(unknown)}")
        return rules

    @cached_property
    def withdrawn(self) -> list[WithdrawnFile]:
        """The files that are never archived and never used."""
        return TypeAdapter(list[WithdrawnFile]).validate_python(self._read("withdrawn.yml"))
