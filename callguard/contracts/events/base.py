"""The base of all events. Pure."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.vocabulary import Basis, Door, Right


class Event(BaseModel):
    """Base of all payloads. `TYPE` is the wire name without prefix and version."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    TYPE: ClassVar[str]

    call: str | None = Field(None, description="linkedid of the call; absent for node events.")
    basis: Basis = Field("none", description="Kind of inference on which the event rests.")


class Act(Event):
    """Facts shared by the events that tell people's and programs' acts: by whom, by which door, by which right."""

    sender: str | None = Field(
        None, description="Proved name of the program or person who asked; rules, for door rule."
    )
    door: Door | None = Field(None, description="How the request came.")
    right: Right | None = Field(None, description="Right by which it was granted.")
