"""Models of the commands that supervisors and programs send, and a parser with clear errors. Pure."""

import json
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from callguard.contracts.vocabulary import Right, SupervisionMode, Verdict

MAX_BYTES: Final = 65_536
"""Longest accepted command in bytes of UTF-8."""
MOST_READ_BYTES: Final = 1_048_576
"""Most bytes of an oversized command that are parsed for its identifier (some 5 ms), so that the answer can name it."""

Action = Literal[
    "listen", "whisper", "barge", "takeover", "set_mode", "stop", "prompt", "ack", "judge", "silence", "opt_out"
]
Text = Annotated[str, Field(min_length=1, max_length=256)]


class CommandError(Exception):
    """A command that can't be carried out; its sender is told the `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedCommandError(CommandError):
    """A command that can't be parsed.

    Attributes:
        command: identifier of the command, if it could be read.
        action: requested action, if it could be read.
    """

    def __init__(self, reason: str, command: str | None = None, action: str | None = None) -> None:
        super().__init__(reason)
        self.command = command
        self.action = action


class Args(BaseModel):
    """Base of the arguments of an action."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class JoinArgs(Args):
    """Arguments of listen, whisper, barge and takeover."""

    alert: Text | None = Field(None, description="Alert that the supervisor takes by joining.")


class SetModeArgs(Args):
    """Arguments of set_mode."""

    mode: SupervisionMode = Field(description="Mode from now on.")


class PromptArgs(Args):
    """Arguments of prompt."""

    prompt: Text = Field(description="Name of the prompt that the agent alone hears.")


class AckArgs(Args):
    """Arguments of ack."""

    alert: Text = Field(description="Alert that the supervisor takes.")


class JudgeArgs(Args):
    """Arguments of judge."""

    alert: Text = Field(description="Alert that fired, open or resolved.")
    verdict: Verdict = Field(description="Verdict on the alert; a later verdict replaces it.")


class SilenceArgs(Args):
    """Arguments of silence: the alerts that ring no phones, the duration and the reason. An absent pattern matches all.

    With `ends`, no silence begins: the silence that it names ends.
    """

    rule: Text | None = Field(None, description="Name of the rule.")
    queue: Text | None = Field(None, description="Queue.")
    agent: Text | None = Field(None, description="Agent.")
    duration_s: float = Field(3600.0, gt=0, le=7 * 86400, description="Seconds from now.")
    why: Text = Field(description="Reason, shown to all users.")
    ends: Text | None = Field(None, description="Identifier of a silence that ends now.")


class NoArgs(Args):
    """Arguments of stop and opt_out: none."""


class ActionSpec(NamedTuple):
    """The requirements of an action."""

    args: type[Args]
    meaning: str
    right: Right | None
    """Right that the action needs; None: the right of the mode in its arguments."""
    call: bool = True
    """Whether `call` must be given."""
    supervisor: bool = True
    """Whether `supervisor` must be given."""
    perishable: bool = True
    """Whether the action is refused after a long wait in the stream: a late whisper would surprise."""


ACTIONS: Final[dict[str, ActionSpec]] = {
    "listen": ActionSpec(JoinArgs, "ring the supervisor, who then hears both parties", "listen"),
    "whisper": ActionSpec(JoinArgs, "ring the supervisor, who then also speaks to the agent alone", "whisper"),
    "barge": ActionSpec(JoinArgs, "ring the supervisor, who then speaks to both parties", "barge"),
    "takeover": ActionSpec(JoinArgs, "ring the supervisor, who then replaces the agent", "takeover"),
    "set_mode": ActionSpec(
        SetModeArgs, "change the mode of the supervisor, or of the only one in the call", None, supervisor=False
    ),
    "stop": ActionSpec(NoArgs, "release the supervisor, or all of them", "stop", supervisor=False, perishable=False),
    "prompt": ActionSpec(PromptArgs, "play a prompt to the agent alone", "prompt", supervisor=False),
    "ack": ActionSpec(AckArgs, "take an alert", "ack", call=False, perishable=False),
    "judge": ActionSpec(JudgeArgs, "give a verdict on an alert", "judge", call=False, perishable=False),
    "silence": ActionSpec(SilenceArgs, "ring no phones for matching alerts", "silence", call=False, perishable=False),
    "opt_out": ActionSpec(
        NoArgs, "stop the analysis of the call, delete its data", "opt_out", supervisor=False, perishable=False
    ),
}
"""Every action by name."""


class Command(BaseModel):
    """One command; `args` is validated for the action and holds its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="Identifier made by the sender; the command is done once."
    )
    action: Action = Field(description="Action to carry out.")
    call: Text | None = Field(None, description="linkedid of the call.")
    supervisor: Text | None = Field(None, description="Name or endpoint of the supervisor.")
    args: dict[str, JsonValue] = Field(default_factory=dict, description="Arguments of the action.")

    @model_validator(mode="before")
    @classmethod
    def _fill_args(cls, given: Any) -> Any:
        spec = ACTIONS.get(_text(given.get("action"), 64) or "") if isinstance(given, dict) else None
        if spec is None:
            return given
        args = given.get("args")
        return given | {"args": spec.args.model_validate({} if args is None else args).model_dump()}

    @model_validator(mode="after")
    def _needs(self) -> Self:
        spec = ACTIONS[self.action]
        for name in ("call", "supervisor"):
            if getattr(spec, name) and getattr(self, name) is None:
                raise ValueError(f"{self.action} needs {name!r}")
        return self

    @property
    def spec(self) -> ActionSpec:
        """Return the requirements of the action."""
        return ACTIONS[self.action]

    @property
    def right(self) -> Right:
        """Return the right that the command needs."""
        return self.spec.right or cast(SupervisionMode, self.args["mode"])


def parse_command(text: str) -> Command:
    """Parse a command's JSON; raise MalformedCommandError, which gives the fault and the allowed values."""
    size = len(text.encode("utf-8", "replace"))
    oversized = f"oversized: {size} bytes, allowed {MAX_BYTES}" if size > MAX_BYTES else ""
    if size > MOST_READ_BYTES:
        raise MalformedCommandError(oversized)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedCommandError(oversized or f"not JSON: {_one_line(error)}") from None
    if oversized:
        raise MalformedCommandError(oversized, *(_readable(given) if isinstance(given, dict) else ()))
    if not isinstance(given, dict):
        raise MalformedCommandError(f"found {type(given).__name__}, expected a JSON object")
    try:
        return Command.model_validate(given)
    except ValidationError as error:
        raise MalformedCommandError(_problems(error), *_readable(given)) from None


def _problems(error: ValidationError) -> str:
    return "; ".join(_problem(item) for item in error.errors(include_url=False, include_context=False)[:5])


def _problem(item: Any) -> str:
    path = ".".join(map(str, item["loc"])) or "command"
    hint = f" (allowed: {', '.join(Command.model_fields)})" if item["type"] == "extra_forbidden" else ""
    return _clean(f"{path}: {item['msg']}{hint}")


def _readable(given: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the identifier and the action, each None unless it is a text of reasonable length."""
    return _text(given.get("id"), 128), _text(given.get("action"), 64)


def _text(value: object, limit: int) -> str | None:
    """Return a text that UTF-8 can encode, else None: JSON escapes can produce halves of surrogate pairs."""
    return value if isinstance(value, str) and 0 < len(value) <= limit and _clean(value) == value else None


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
