"""A file about which a person has said something: named by its bytes, or by its whole name."""

from typing import Self

from pydantic import Field, model_validator

from iapt.catalogue.strict_model import StrictModel


class ReviewedFile(StrictModel):
    """One file, by its sha256 or its name, with the reason of what is said of it and where that is known from."""

    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    file: str | None = Field(default=None, min_length=1)
    reason: str = Field(min_length=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if (self.sha256 is None) == (self.file is None):
            raise ValueError("expected either the sha256 of the file or its whole name in `file`")
        return self

    def is_file(self, sha256: str, file: str) -> bool:
        """Whether a file is meant, by its bytes or its name."""
        return self.sha256 == sha256 or self.file == file
