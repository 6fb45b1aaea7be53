"""Scenarios in strict YAML: the calls, the parties' speech and acts, and the faults."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from callguard.config import ConfigError, Section
from callguard.config.error_text import did_you_mean
from callguard.config.source import read_document

SHIPPED: Final = Path(__file__).parent / "scenarios"
LONGEST_S: Final = 3600.0

Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
Length = Annotated[float, Field(gt=0, le=LONGEST_S)]
Who = Literal["customer", "agent"]
Endpoint = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+/[^,&\s]+$")]


class Piece(Section):
    """One piece of a phone's speech: a voice, a tone, music, silence or a file."""

    for_s: Length | None = Field(None, alias="for", description="Seconds; a file has its own length.")
    voice: Literal["calm", "raised"] | None = Field(None, description="Speech of this vocal effort.")
    text: str | None = Field(None, description="Words for `voice`, where espeak-ng is installed.")
    tone: float | None = Field(None, gt=0, lt=4000, description="Hz.")
    music: bool = Field(False, description="Music.")
    silence: bool = Field(False, description="Nothing.")
    file: Path | None = Field(None, description="WAV or FLAC, relative to the scenario.")
    gain_db: float = Field(0.0, ge=-60, le=40, description="Gain added to the level, dB.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = (self.voice, self.tone, self.music or None, self.silence or None, self.file)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of voice, tone, music, silence, file")
        if (self.for_s is None) != (self.file is not None):
            raise ValueError("give `for` in seconds, except with file")
        return self


class Press(Section):
    """An act of the person at a phone, after answering."""

    at: Seconds = Field(description="Seconds after answering.")
    digits: str = Field("", pattern=r"^[0-9A-D*#]*$", description="Keys to press, 0.2 s each.")
    hang_up: bool = Field(False, description="Hangs up.")


class PhoneScript(Section):
    """A phone and the person at it."""

    name: str = Field("", description="Caller name.")
    number: str = Field("", description="Caller number.")
    answers_after: Seconds | None = Field(1.0, description="Seconds of ringing; null: never answers.")
    busy: bool = Field(False, description="Refuses every call.")
    registered: bool = Field(True, description="False: unplugged, can't be reached.")
    speaker: int = Field(0, ge=0, description="Number of the synthetic speaker; each number has another voice.")
    says: tuple[Piece, ...] = Field((), description="Pieces of speech in order, from the first join on.")
    repeat: bool = Field(False, description="Whether the speech starts again at its end.")
    by_hand: tuple[Press, ...] = Field((), description="Key presses and hangups.")


class Action(Section):
    """Base of the actions in a call."""

    at: Seconds = Field(description="Seconds since customer and agent were joined.")


class Hold(Action):
    """A party puts the other on hold, or takes it off."""

    do: Literal["hold", "unhold"]
    who: Who = Field("agent", description="Party that presses the button.")


class HangUp(Action):
    """A party hangs up."""

    do: Literal["hangup"]
    who: Who = Field("customer", description="Party that hangs up.")


class Dtmf(Action):
    """A party presses keys. *55 and *56 are feature codes if the call's DYNAMIC_FEATURES offer them."""

    do: Literal["dtmf"]
    who: Who = Field("agent", description="Party that presses.")
    digits: str = Field(pattern=r"^[0-9A-D*#]+$", description="Keys, 0.2 s each.")


class Transfer(Action):
    """The agent sends the customer to another phone: blind, or after consulting it for `consult_s`."""

    do: Literal["transfer"]
    to: Endpoint = Field(description="The other phone.")
    consult_s: Length | None = Field(None, description="Seconds of consultation; without it the transfer is blind.")


class SetVariable(Action):
    """The dialplan sets a channel variable."""

    do: Literal["set_variable"]
    who: Who = Field("customer", description="Party whose channel gets the variable.")
    name: str = Field(min_length=1, description="Name, such as CALLGUARD.")
    value: str = Field(description="Value.")


class CallScript(Section):
    """One call."""

    at: Seconds = Field(0.0, description="Seconds after the start.")
    customer: Endpoint = Field(description="The phone that calls.")
    queue: str | None = Field(
        None, pattern=r"^[\w-]+$", description="Queue to call; without a queue the call is a Dial."
    )
    agents: tuple[Endpoint, ...] = Field(min_length=1, description="Phones to ring, in this order.")
    options: str = Field("", description="Options of Queue or Dial, such as tT.")
    variables: dict[str, str] = Field({}, description="Channel variables of the customer's channel.")
    actions: tuple[Annotated[Hold | HangUp | Dtmf | Transfer | SetVariable, Field(discriminator="do")], ...] = Field(
        (), description="What happens."
    )


class WeatherScript(Section):
    """A fault between CallGuard and the PBX."""

    at: Seconds = Field(description="Seconds after the start.")
    do: Literal["drop_sockets", "refuse_sockets", "slow_rest", "fail_rest", "hang_rest", "cut_media", "restart"]
    for_s: Length = Field(
        1.0, alias="for", description="Duration in seconds; for a restart, the time until the PBX is back."
    )
    delay_s: Length = Field(1.0, description="For slow_rest: seconds added to each answer.")
    status: int = Field(503, ge=500, le=599, description="For fail_rest: HTTP status of the answer.")
    path: str = Field("*", description="Pattern of the affected requests, such as `POST /ari/channels/*/snoop`.")


class Scenario(Section):
    """A scenario."""

    title: str = Field(min_length=1, description="Description of the scenario in one line.")
    phones: dict[Endpoint, PhoneScript] = Field(description="All phones by endpoint.")
    calls: tuple[CallScript, ...] = Field((), description="All calls.")
    weather: tuple[WeatherScript, ...] = Field((), description="Faults.")

    @model_validator(mode="after")
    def _phones_exist(self) -> Self:
        for call in self.calls:
            targets = [action.to for action in call.actions if isinstance(action, Transfer)]
            missing = sorted({call.customer, *call.agents, *targets} - self.phones.keys())
            if missing:
                near = did_you_mean(missing[0], self.phones)
                raise ValueError(f"no such phone: {', '.join(missing)}{near}; known: {', '.join(self.phones)}")
        return self


def shipped() -> dict[str, Path]:
    """Return the shipped scenarios by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(name: str) -> Path:
    """Return the file of a shipped scenario by its name, or the given path.

    Raises ConfigError for a bare word that names neither a shipped scenario nor a file.
    """
    known, path = shipped(), Path(name)
    if name in known:
        return known[name]
    if not path.suffix and path.name == name and not path.exists():
        near = did_you_mean(name, known)
        raise ConfigError([f"no scenario {name!r}{near}; shipped: {', '.join(known)}; or give the path of a YAML file"])
    return path


def load(path: Path) -> Scenario:
    """Read a scenario; raise ConfigError with every problem found."""
    try:
        document = read_document(str(path), path.read_text("utf-8"), "title, phones, calls and weather")
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: can't be read: not UTF-8"]) from error
    try:
        return Scenario.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(document.problems(error, Scenario)) from error
