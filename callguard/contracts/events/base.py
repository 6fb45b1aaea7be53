"""The base of all events. Pure."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.vocabulary import Basis


class Event(BaseModel):
    """Base of all payloads. `TYPE` is the wire name without prefix and version."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    TYPE: ClassVar[str]

    call: str | None = Field(None, description="linkedid of the call; absent for node events.")
    basis: Basis = Field("none", description="Kind of inference on which the event rests.")
