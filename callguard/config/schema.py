"""The schema of the configuration: strict, frozen, with a unit and a default for each key.

An unknown key is an error that names file, key path, the value found and the allowed values. The configuration never
holds secrets: they come from the environment or from files of their own, and no repr shows them.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from callguard.config.access import Access
from callguard.config.agi import Agi
from callguard.config.alerts import AlertsConfig
from callguard.config.base import Port, Secret, Section
from callguard.config.notify import Notify
from callguard.config.pbx import AsteriskConfig, Media
from callguard.config.redis import Redis
from callguard.config.source import ConfigError, read_document
from callguard.contracts import vocabulary
from callguard.contracts.vocabulary import JoinMode, LogLevel, Part, Role

__all__ = ["ConfigError", "Secret", "Section"]  # defined elsewhere, offered by this module too

Mode = Annotated[vocabulary.Mode, BeforeValidator(lambda given: "off" if given is False else given)]
"""YAML reads a bare `off` as false."""
Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _doubled(names: Iterable[str]) -> list[str]:
    counts = Counter(names)
    return sorted(name for name, count in counts.items() if count > 1)


class RoleRule(Section):
    """A role for the channels that match all given patterns. Patterns are shell-style (`PJSIP/trunk-*`)."""

    channel: str | None = Field(None, description="Pattern for the channel's name.")
    context: str | None = Field(None, description="Pattern for the dialplan context by which the channel entered.")
    number: str | None = Field(None, description="Pattern for the channel's own caller number.")
    role: Part = Field(description="Role of a matching channel.")


class Roles(Section):
    """Who is who. Channel variable CALLGUARD_ROLE wins, then the first matching rule, then what a queue says.

    Where none of them says, the call is unknown: it is shown, not judged, and nobody can join it.
    """

    rules: tuple[RoleRule, ...] = Field((), description="Tried in order.")
    dial_caller: Role | None = Field(
        None,
        description="The caller's role in a Dial where nothing else says; only where all such calls go one way.",
    )
    names: dict[str, str] = Field(
        {},
        description="Names by which people are shown, by endpoint, e.g. {PJSIP/201: Mia}. Queues name their members "
        "and `supervisors` theirs; this is for the others.",
    )


class QueueAnalysis(Section):
    """Settings for one queue."""

    mode: Mode | None = Field(None, description="Overrides analysis.mode.")
    language: str | None = Field(None, description="Language of the queue (BCP 47), for rules with a language scope.")
    team: str | None = Field(None, description="Team whose supervisors get this queue's alerts.")
    spoken: str | None = Field(None, description="Media URI of the queue's name for briefings, e.g. sound:sales.")


class Analysis(Section):
    """Analysis modes. No setting gives an agent's leg to the model."""

    mode: Mode = Field(
        "raised_voice", description="raised_voice: vocal effort only; emotion: adds anger; off: no taps."
    )
    queues: dict[str, QueueAnalysis] = Field({}, description="Per queue name; case does not matter, as in Asterisk.")
    model: Path | None = Field(None, description="ONNX file with its card beside it; default: the shipped model.")
    onnx_threads: int = Field(1, ge=1, le=16, description="Threads of one worker's ONNX session.")
    second_ear: bool = Field(
        True,
        description="A speech encoder judges windows with a trace of a raised voice again; false: the first ear alone.",
    )

    @field_validator("queues")
    @classmethod
    def _once_each(cls, given: dict[str, QueueAnalysis]) -> dict[str, QueueAnalysis]:
        if doubled := _doubled(name.casefold() for name in given):
            raise ValueError(f"{', '.join(doubled)} occurs twice; case does not matter")
        return given

    def spelled(self, queue: str) -> str:
        """Return a queue's name as it is configured; as it is given when it is not configured."""
        return next((name for name in self.queues if name.casefold() == queue.casefold()), queue)

    def language_of(self, queue: str | None) -> str | None:
        """Return the language of a queue's callers; None where it is not configured."""
        found = self.queues.get(queue or "")
        return found.language if found else None


class Rules(Section):
    """Rule files."""

    files: tuple[str, ...] = Field(
        ("rules/*.yaml",), description="Paths or patterns, relative to this configuration file."
    )


class SupervisorConfig(Section):
    """One supervisor."""

    name: str = Field(min_length=1, description="Name on the board and in commands.")
    endpoint: str = Field(
        pattern=r"^[A-Za-z0-9]+/\S+$",
        examples=["PJSIP/supervisor1"],
        description="Phone to ring, e.g. PJSIP/supervisor1.",
    )
    teams: tuple[str, ...] = Field((), description="Teams that the supervisor serves; empty: all.")
    tier: int = Field(1, ge=1, le=9, description="Tier; it is rung after all lower tiers have not answered.")
    days: tuple[Day, ...] = Field((), description="Working days; empty: every day.")
    hours: Hours | None = Field(
        None, examples=["09:00-17:30"], description="Working hours in local time, HH:MM-HH:MM; default: always."
    )
    role: str = Field("supervisor", description="Role, which gives the rights; see `access`.")


class SupervisionConfig(Section):
    """Ringing, joining and leaving."""

    ring_timeout_s: float = Field(15.0, gt=0, le=120, description="Seconds for which one tier is rung before the next.")
    default_mode: JoinMode = Field("whisper", description="Mode in which a supervisor joins who was rung for an alert.")
    caller_id: str = Field("CallGuard", description="Name shown on the supervisor's phone.")
    briefing: bool = Field(True, description="Whether the supervisor hears a briefing of 3-5 s before joining.")
    prompts: tuple[str, ...] = Field(
        (), description="Names of further prompts, sound:callguard/NAME, besides the shipped ones."
    )
    prompt_interval_s: float = Field(
        30.0, ge=0, le=3600, description="Least time between two prompts to one agent, in seconds."
    )
    cooldown_s: float = Field(
        0.0, ge=0, le=7200, description="Seconds for which an agent is paused in queues after a take-over; 0: none."
    )
    help_code: str = Field(
        "*55", pattern=r"^[*#0-9]+$", examples=['"*55"'], description="Feature code by which an agent asks for help."
    )
    abuse_code: str = Field(
        "*56", pattern=r"^[*#0-9]+$", examples=['"*56"'], description="Feature code by which an agent reports abuse."
    )
    abuse_ends_call: bool = Field(
        False, description="Whether a second abuse code ends a call after its warning was played."
    )

    @field_validator("abuse_code")
    @classmethod
    def _another_code(cls, code: str, info: ValidationInfo) -> str:
        if code == info.data.get("help_code"):
            raise ValueError("is already help_code; each code needs digits of its own")
        return code


class Console(Section):
    """Web console, health, metrics."""

    enabled: bool = Field(True, description="Whether to serve the console.")
    listen: str = Field("127.0.0.1", description="Address.")
    port: Port = Field(8090, description="Port; 0: any free port.")
    url: str | None = Field(
        None,
        pattern=r"^https?://",
        examples=["https://callguard.office"],
        description="Address at which people reach the console, for links in alerts; default: http://listen:port.",
    )
    token: Secret = Field(Secret(), description="Token for commands from the console; without one it is read-only.")
    role: str = Field("manager", description="Role of the token's holders, whose rights bound each of their commands.")
    supervisors: tuple[str, ...] = Field(
        (), description="Names of the supervisors for whom the token's holders may act; empty: all."
    )
    connections: int = Field(256, ge=8, le=65535, description="Connections at the same time.")
    connections_per_source: int = Field(
        64, ge=1, le=65535, description="Most connections of one address; all users behind a proxy share its address."
    )
    screens: int = Field(64, ge=1, le=65535, description="Boards that are kept up to date at the same time.")
    screens_per_source: int = Field(32, ge=1, le=65535, description="Boards of one address.")


class Privacy(Section):
    """Data that is kept."""

    store_audio: Literal[False] = Field(False, description="Always false: this version never stores audio.")
    number_hash_key: Secret = Field(
        Secret(), description="Key of the hash under which a caller's number is remembered; without a key it is not."
    )
    number_memory_days: float = Field(
        90.0, gt=0, le=3650, description="Days after a number's last call until its hash and counts are deleted."
    )


class JournalConfig(Section):
    """State on local disk that must survive a restart: alerts, undelivered messages and events, pending deletions."""

    folder: Path | None = Field(
        None,
        examples=["/var/lib/callguard"],
        description="Folder in which each node keeps NODE.journal, NODE.key (its command line's key) and NODE.audit "
        "(the audit chain's head); default: systemd's StateDirectory, else "
        "/var/lib/callguard where it can be written, else ~/.local/state/callguard.",
    )


class Logging(Section):
    """Logs go to standard error."""

    level: LogLevel = Field("info", description="Least level written.")
    json_lines: bool = Field(False, description="Whether each line is a JSON object instead of text.")


_Acting = TypeVar("_Acting", tuple[SupervisorConfig, ...], Redis, Console)


def _roles_of(section: Redis | Console) -> dict[str, str]:
    """Return the roles that a section names, by their owners."""
    if isinstance(section, Console):
        return {"role": section.role}
    return {f"senders.{name}": sender.role for name, sender in section.senders.items()}


class Config(Section):
    """callguard.yaml."""

    node: str = Field(
        "callguard-1",
        pattern=r"^[A-Za-z0-9_.-]+$",
        examples=["callguard-1"],
        description="Name of this node; the CloudEvents source.",
    )
    asterisk: AsteriskConfig = Field(AsteriskConfig(), description="The PBX.")
    media: Media = Field(Media(), description="Taps and workers.")
    roles: Roles = Field(Roles(), description="Roles of customers and agents.")
    analysis: Analysis = Field(Analysis(), description="Analysis modes.")
    rules: Rules = Field(Rules(), description="Rule files.")
    access: Access = Field(Access(), description="Who may do what.")
    supervisors: tuple[SupervisorConfig, ...] = Field((), description="Supervisors and their phones.")
    supervision: SupervisionConfig = Field(SupervisionConfig(), description="Ringing, joining and leaving.")
    alerts: AlertsConfig = Field(AlertsConfig(), description="Budget and escalation.")
    notify: Notify = Field(Notify(), description="Further receivers of alerts.")
    redis: Redis = Field(Redis(), description="Events and commands.")
    console: Console = Field(Console(), description="Web console, health, metrics.")
    agi: Agi = Field(Agi(), description="Questions of the dialplan.")
    privacy: Privacy = Field(Privacy(), description="Data that is kept.")
    logging: Logging = Field(Logging(), description="Logs.")
    journal: JournalConfig = Field(JournalConfig(), description="State that must survive a restart.")

    @field_validator("supervisors")
    @classmethod
    def _names_of_their_own(cls, given: tuple[SupervisorConfig, ...]) -> tuple[SupervisorConfig, ...]:
        if doubled := _doubled(supervisor.name for supervisor in given):
            raise ValueError(f"{', '.join(doubled)} occurs twice; each supervisor needs a name of their own")
        return given

    @field_validator("supervisors", "redis", "console")
    @classmethod
    def _roles_that_exist(cls, given: _Acting, info: ValidationInfo) -> _Acting:
        if isinstance(access := info.data.get("access"), Access):
            roles = {each.name: each.role for each in given} if isinstance(given, tuple) else _roles_of(given)
            for owner, role in roles.items():
                if role not in access.rights:
                    raise ValueError(f"{owner}: no role {role!r}; allowed: {', '.join(sorted(access.rights))}")
        return given


def load_config(path: Path) -> Config:
    """Read and validate `callguard.yaml`; raise ConfigError with every problem found."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: can't be read: {error}"]) from error
    return parse_config(text, str(path))


def parse_config(text: str, source: str) -> Config:
    """Validate the text of a configuration file; `source` names it in errors."""
    document = read_document(source, text, "sections")
    try:
        return Config.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(document.problems(error, Config)) from error


def read_rule_files(config: Config, config_path: Path) -> tuple[tuple[str, str], ...]:
    """Return (name, text) of every rule file, in order; raise ConfigError where one is missing or unreadable."""
    found: list[tuple[str, str]] = []
    for pattern in config.rules.files:
        paths = sorted(_matching(config_path.parent, pattern))
        if not paths:
            raise ConfigError([f"{config_path}: rules.files: {pattern!r} matches no file below {config_path.parent}"])
        found += [(str(path), _read_rules(path)) for path in paths]
    return tuple(found)


def _matching(base: Path, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute():
        base, pattern = Path("/"), pattern.lstrip("/")
    return list(base.glob(pattern))


def _read_rules(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: can't be read: {error}"]) from error
