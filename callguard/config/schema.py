"""Configuration: strict, frozen, every key with its unit and default.

An unknown key is an error that names file, key path, what was found and what is allowed. Secrets never stand in it:
they come from the environment or from files of their own and never show in a repr.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from callguard.config.base import Port, Secret, Section, network, without_password
from callguard.config.notify import Notify
from callguard.config.source import ConfigError, read_document
from callguard.contracts import vocabulary
from callguard.contracts.vocabulary import JoinMode, LogLevel, Part, Role

__all__ = ["ConfigError", "Secret", "Section"]  # theirs, and part of what this module offers

Mode = Annotated[vocabulary.Mode, BeforeValidator(lambda given: "off" if given is False else given)]
"""YAML reads a bare `off` as false."""
Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Ari(Section):
    """Asterisk REST Interface: http.conf and ari.conf."""

    url: Annotated[str, AfterValidator(without_password)] = Field(
        "http://127.0.0.1:8088",
        pattern=r"^https?://",
        examples=["http://127.0.0.1:8088"],
        description="Base URL of Asterisk's HTTP server, without password.",
    )
    user: str = Field("callguard", description="User in ari.conf.")
    password: Secret = Field(Secret(env="CALLGUARD_ARI_PASSWORD"), description="Password of that user.")
    app: str = Field(
        "callguard",
        pattern=r"^[A-Za-z0-9_-]+$",
        examples=["callguard"],
        description="Stasis application; one name per node.",
    )
    timeout_s: float = Field(5.0, gt=0, le=60, description="Seconds that one REST call may take.")


class Ami(Section):
    """Asterisk Manager Interface: manager.conf. Gives queue membership, wait times, pause."""

    enabled: bool = Field(True, description="Whether to connect to AMI; without it queue facts come from ARI alone.")
    host: str = Field("127.0.0.1", description="Host of the manager interface.")
    port: Port = Field(5038, description="Port of the manager interface.")
    user: str = Field("callguard", description="User in manager.conf.")
    secret: Secret = Field(Secret(env="CALLGUARD_AMI_SECRET"), description="Secret of that user.")


class AsteriskConfig(Section):
    """The PBX."""

    ari: Ari = Field(Ari(), description="REST and events.")
    ami: Ami = Field(Ami(), description="Queue facts and pause.")


class Media(Section):
    """How call media reaches us."""

    tap: Literal["audiosocket", "external_media"] = Field(
        "audiosocket",
        description="audiosocket: one dialplan context, cheapest. external_media: RTP, needs no dialplan.",
    )
    tap_context: str = Field("callguard-tap", description="Dialplan context that holds the AudioSocket extension.")
    listen: str = Field("127.0.0.1", description="Address on which media is received.")
    advertise: str | None = Field(None, description="Address that Asterisk sends media to; default: `listen`.")
    audiosocket_port: Port = Field(
        9092, description="First AudioSocket port; worker n listens on port + n. 0: any free."
    )
    sources: tuple[Annotated[str, AfterValidator(network)], ...] = Field(
        (),
        examples=['["192.0.2.7"]'],
        description="Addresses and networks that media may come from. Empty: RTP from the address that Asterisk "
        "announces for each leg, AudioSocket from any, as it names its leg by a secret UUID. Needed where address "
        "translation lies between.",
    )
    rtp_codec: Literal["slin", "slin16", "ulaw", "alaw"] = Field("slin", description="Format asked of external_media.")
    rtp_start: Port = Field(20000, description="First UDP port for external_media; each leg takes an even one.")
    rtp_end: Port = Field(29998, description="Last UDP port for external_media.")
    workers: int = Field(1, ge=1, le=64, description="Media worker processes; one a core.")
    legs_per_worker: int = Field(2000, ge=2, le=20000, description="Legs that one worker has room for.")
    connect_timeout_s: float = Field(
        5.0,
        gt=0,
        le=60,
        description="Seconds that each step of a tap may take: port, snoop, dialplan or bridge, first frame.",
    )
    stall_timeout_s: float = Field(
        5.0, gt=0, le=60, description="Seconds without a frame before a leg counts as stalled."
    )

    @field_validator("rtp_end")
    @classmethod
    def _behind_the_start(cls, end: int, info: ValidationInfo) -> int:
        if end <= info.data.get("rtp_start", 0):
            raise ValueError(f"must be above rtp_start, which is {info.data['rtp_start']}")
        return end


class RoleRule(Section):
    """Gives channels that match every given pattern a role. Patterns are shell-style (`PJSIP/trunk-*`)."""

    channel: str | None = Field(None, description="Pattern for the channel's name.")
    context: str | None = Field(None, description="Pattern for the dialplan context the channel entered by.")
    number: str | None = Field(None, description="Pattern for the channel's own caller number.")
    role: Part = Field(description="What a matching channel is.")


class Roles(Section):
    """Who is who. Channel variable CALLGUARD_ROLE wins, then the first matching rule, then the defaults."""

    rules: tuple[RoleRule, ...] = Field((), description="Tried in order.")
    dial_caller: Role = Field("customer", description="The caller's role in a Dial that no rule settles.")


class QueueAnalysis(Section):
    """What differs for one queue."""

    mode: Mode | None = Field(None, description="Overrides analysis.mode.")
    language: str | None = Field(None, description="Language of the queue (BCP 47), for rules with a language scope.")
    team: str | None = Field(None, description="Team whose supervisors get this queue's alerts.")
    spoken: str | None = Field(None, description="Media URI of the queue's name for briefings, e.g. sound:sales.")


class Analysis(Section):
    """What is judged. The model is never given an agent's leg, whatever is set here."""

    mode: Mode = Field(
        "raised_voice", description="raised_voice: vocal effort only; emotion: adds anger; off: no taps."
    )
    queues: dict[str, QueueAnalysis] = Field({}, description="Per queue name.")
    model: Path | None = Field(None, description="ONNX file with its card beside it; default: the shipped model.")
    onnx_threads: int = Field(1, ge=1, le=16, description="Threads of one worker's ONNX session.")


class Rules(Section):
    """Rule files."""

    files: tuple[str, ...] = Field(
        ("rules/*.yaml",), description="Paths or patterns, relative to this configuration file."
    )


class SupervisorConfig(Section):
    """One supervisor."""

    name: str = Field(min_length=1, description="Shown to others; used by commands.")
    endpoint: str = Field(
        pattern=r"^[A-Za-z0-9]+/\S+$",
        examples=["PJSIP/supervisor1"],
        description="What is rung, e.g. PJSIP/supervisor1.",
    )
    teams: tuple[str, ...] = Field((), description="Teams served; empty: all.")
    tier: int = Field(1, ge=1, le=9, description="Rung when lower tiers have not answered.")
    days: tuple[Day, ...] = Field((), description="Working days; empty: every day.")
    hours: Hours | None = Field(
        None, examples=["09:00-17:30"], description="Working hours in local time, HH:MM-HH:MM; default: always."
    )


class SupervisionConfig(Section):
    """Ringing, joining and leaving."""

    ring_timeout_s: float = Field(15.0, gt=0, le=120, description="Seconds one tier is rung before the next.")
    default_mode: JoinMode = Field("whisper", description="Mode in which an alert's ring joins.")
    caller_id: str = Field("CallGuard", description="Name shown on the supervisor's phone.")
    briefing: bool = Field(True, description="Speak 3-5 s to the supervisor before they are heard.")
    prompts: tuple[str, ...] = Field((), description="Prompts of your own: sound:callguard/NAME; beside the shipped.")
    prompt_interval_s: float = Field(30.0, ge=0, le=3600, description="Least seconds between two prompts to one agent.")
    cooldown_s: float = Field(0.0, ge=0, le=7200, description="Queue pause of an agent after a take-over; 0: none.")
    help_code: str = Field(
        "*55", pattern=r"^[*#0-9]+$", examples=['"*55"'], description="Feature code by which an agent asks for help."
    )
    abuse_code: str = Field(
        "*56", pattern=r"^[*#0-9]+$", examples=['"*56"'], description="Feature code by which an agent reports abuse."
    )
    abuse_ends_call: bool = Field(
        False, description="Whether a second abuse code ends a call whose warning was played."
    )

    @field_validator("abuse_code")
    @classmethod
    def _another_code(cls, code: str, info: ValidationInfo) -> str:
        if code == info.data.get("help_code"):
            raise ValueError("is help_code already; each code needs digits of its own")
        return code


class Inhibit(Section):
    """While an alert with the source's labels fires, alerts of the same call with the target's labels ring nobody.

    Labels are those of the rule, and `rule` and `severity`.
    """

    source: dict[str, str] = Field(min_length=1, description="Labels of the alert that speaks for others.")
    target: dict[str, str] = Field(min_length=1, description="Labels of the alerts that it speaks for.")


class AlertsConfig(Section):
    """How alerts are kept from becoming noise."""

    budget_per_hour: int = Field(
        12, ge=1, le=1000, description="Rings per supervisor and hour; more are merged and ranked."
    )
    escalate_after_s: float = Field(20.0, gt=0, le=3600, description="Seconds without an answer before the next tier.")
    inhibit: tuple[Inhibit, ...] = Field(
        (Inhibit(source={"severity": "critical"}, target={"severity": "warning"}),),
        description="Which alerts speak for which others of the same call.",
    )
    ring_again_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="Seconds after the last tier went unanswered before an alert rings from the first tier again, "
        "within the budget; 0: never.",
    )


class Redis(Section):
    """Redis or Valkey."""

    url: Annotated[str, AfterValidator(without_password)] = Field(
        "redis://127.0.0.1:6379/0",
        pattern=r"^(redis|rediss|unix)://",
        examples=["redis://127.0.0.1:6379/0"],
        description="Server, without password.",
    )
    password: Secret = Field(Secret(), description="Password, if the server wants one.")
    prefix: str = Field(
        "callguard:", pattern=r"^\S+:$", examples=["callguard:"], description="Prefix of every key; ends in a colon."
    )
    events_maxlen: int = Field(100_000, ge=100, description="About how many events the stream keeps.")
    buffer: int = Field(10_000, ge=100, description="Events kept in memory while Redis can't be reached.")


class Console(Section):
    """Web console, health, metrics."""

    enabled: bool = Field(True, description="Whether to serve it.")
    listen: str = Field("127.0.0.1", description="Address.")
    port: Port = Field(8090, description="Port; 0: any free.")
    token: Secret = Field(Secret(), description="Token for commands from the console; without one it is read-only.")


class Privacy(Section):
    """What is kept."""

    store_audio: Literal[False] = Field(False, description="Audio is never stored by this version; the key says so.")
    number_hash_key: Secret = Field(
        Secret(), description="Key of the hash by which a caller's number is remembered; none: not."
    )
    number_memory_days: float = Field(
        90.0, gt=0, le=3650, description="Days after its last call that a number's hash and counts are forgotten."
    )


class JournalConfig(Section):
    """What must survive a restart, on local disk: alerts, undelivered messages and events, deletions that are due."""

    folder: Path | None = Field(
        None,
        examples=["/var/lib/callguard"],
        description="Where each node keeps a file NODE.journal; default: systemd's StateDirectory, else "
        "/var/lib/callguard where it can be written, else ~/.local/state/callguard.",
    )


class Logging(Section):
    """Logs go to standard error."""

    level: LogLevel = Field("info", description="Least level written.")
    json_lines: bool = Field(False, description="One JSON object a line instead of text.")


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
    roles: Roles = Field(Roles(), description="Who is customer, who is agent.")
    analysis: Analysis = Field(Analysis(), description="What is judged.")
    rules: Rules = Field(Rules(), description="Rule files.")
    supervisors: tuple[SupervisorConfig, ...] = Field((), description="Who is called to help.")
    supervision: SupervisionConfig = Field(SupervisionConfig(), description="Ringing, joining, leaving.")
    alerts: AlertsConfig = Field(AlertsConfig(), description="Budget and escalation.")
    notify: Notify = Field(Notify(), description="Further ways out.")
    redis: Redis = Field(Redis(), description="Events and commands.")
    console: Console = Field(Console(), description="Web console, health, metrics.")
    privacy: Privacy = Field(Privacy(), description="What is kept.")
    logging: Logging = Field(Logging(), description="Logs.")
    journal: JournalConfig = Field(JournalConfig(), description="What must survive a restart.")

    @field_validator("supervisors")
    @classmethod
    def _names_of_their_own(cls, given: tuple[SupervisorConfig, ...]) -> tuple[SupervisorConfig, ...]:
        names = [supervisor.name for supervisor in given]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(doubled)} stands twice; each supervisor needs a name of their own")
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
