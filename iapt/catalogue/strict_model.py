"""The base of every model of a reviewed file: nothing unknown is taken, nothing changes after it is read."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A frozen record that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
