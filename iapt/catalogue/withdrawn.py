"""Withdrawn files: bytes that are never archived and never used, as reviewed in `catalogue/withdrawn.yml`."""

from pydantic import Field

from iapt.catalogue.strict_model import StrictModel


class WithdrawnFile(StrictModel):
    """A file that the publisher has withdrawn."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    file: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)
