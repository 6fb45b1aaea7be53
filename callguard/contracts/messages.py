"""The messages between the control process and a media worker: small, picklable, rare.

Control owns calls and Asterisk. A worker owns legs: their media, signals and rules. No message is sent per frame.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from callguard.contracts.vocabulary import LogLevel, Mode, Role, Subject

Transport = Literal["audiosocket", "rtp"]
Codec = Literal["slin", "slin16", "ulaw", "alaw"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A leg's calm baseline at a time: sums over features of its speech. It is derived of a voice, and holds no audio.

    Attributes:
        sums: `audio.window.SUMS` numbers, 32-bit floating point.
        form: `audio.window.SUMS_FORM` of the version that summed.
        at: Unix time.
        loose: whether the parties were on hold or apart since, so that another voice may follow.
        memory: what the model remembers of the leg; 32-bit floating point.
        model: fingerprint of that model.
    """

    sums: bytes
    form: int
    at: float
    loose: bool = False
    memory: bytes = b""
    model: str = ""


# --- control -> worker ---


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Facts of a call that rules may use and that its audio does not tell. A later message replaces an earlier one."""

    call: str
    mode: Mode = "raised_voice"
    queue: str | None = None
    language: str | None = None
    on_hold: bool = False
    together: bool = True
    """False while the legs are in different bridges (a private consultation): no leg is judged then."""
    agent_request: int = 0
    started_at: float = 0.0
    """Unix time at which both parties were joined."""


@dataclass(frozen=True, slots=True)
class CloseCall:
    """The call is over: resolve its firing rules and delete its data."""

    call: str


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """Expect media for a leg. LegReady answers with the port; LegConnected follows at the first frame."""

    leg: str
    """UUID of the tap; the first AudioSocket frame carries it."""
    call: str
    role: Role
    transport: Transport = "audiosocket"
    codec: Codec = "slin"
    announced: bool = False
    """Whether a LegSource follows; before it comes, nothing that arrives for the leg is read. RTP only."""
    channel: str = ""
    """Id of the channel that is tapped: the same party on the same line has the same."""
    baseline: Baseline | None = None
    """What earlier taps of the channel have learnt."""


@dataclass(frozen=True, slots=True)
class LegSource:
    """Where Asterisk sends a leg's RTP from: address and port. None: not known; the first source of audio counts."""

    leg: str
    address: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """The leg has ended or was given up; its row is freed. A role's newest leg is the one that counts."""

    leg: str


@dataclass(frozen=True, slots=True)
class LoadRules:
    """Rule files as (name, text), which control has checked. Open alerts keep their state."""

    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SetLogging:
    """Change the settings of the log."""

    level: LogLevel
    json_lines: bool


@dataclass(frozen=True, slots=True)
class StopWorker:
    """End in an orderly way."""


ToWorker = CallFacts | CloseCall | OpenLeg | LegSource | CloseLeg | LoadRules | SetLogging | StopWorker

# --- worker -> control ---


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The worker listens for AudioSocket on this port."""

    worker: int
    audiosocket_port: int


@dataclass(frozen=True, slots=True)
class LegReady:
    """Media may be sent to this port now."""

    leg: str
    port: int


@dataclass(frozen=True, slots=True)
class LegConnected:
    """The first frame of a leg arrived."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegLost:
    """A leg's media ended or stalled without CloseLeg: eof, timeout (never connected), stalled, protocol, full."""

    leg: str
    reason: Literal["eof", "timeout", "stalled", "protocol", "full"]


TransitionKind = Literal["pending", "fired", "resolved", "cancelled"]


@dataclass(frozen=True, slots=True)
class Transition:
    """A rule changed state on a call. `cancelled`: it was pending and never fired."""

    kind: TransitionKind
    call: str
    rule: str
    leg: Subject
    at: float
    """Engine time in seconds: live, Unix time; offline, seconds of audio."""
    severity: str = "warning"
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    """Annotations with values filled in."""
    actions: tuple[str, ...] = ()
    shadow: bool = False
    private: bool = False
    """Whether the alert is for the agent only: its prompts are whispered, and no event is published."""
    reason: Literal["", "calm", "call_ended", "opt_out", "rule_removed", "unheard"] = ""
    """Why the rule resolved or was cancelled; empty otherwise."""
    score: float = 0.0
    """Rank, 0-1: the strongest model output or scaled excess in the expression."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """JSON-able: expr, values against thresholds, baseline, 30 s curve, confidence, quality, basis, runbook."""


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """Present signals of one call, for boards and history; sent about once a second. None = not judged."""

    call: str
    at: float
    customer: dict[str, float | None]
    agent: dict[str, float | None]
    signals: dict[str, float | None]
    unjudged: dict[str, str]
    """Why each role is not judged now; a judged role is absent."""


@dataclass(frozen=True, slots=True)
class LegBaseline:
    """The present baseline of a leg; sent every few seconds, for the leg's next tap."""

    leg: str
    baseline: Baseline


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Counters since start, and the last seconds' tick times; sent about once a second."""

    worker: int
    legs: int
    counters: dict[str, int]
    tick_ms: dict[str, float]
    each_tick_ms: tuple[float, ...] = ()
    """Every tick since the last report."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died with its state of these calls. LegLost follows for each of its legs."""

    worker: int
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartDown:
    """A part of the media plane has failed. worker: a worker is missing; room: a leg finds no free row."""

    part: Literal["worker", "room"]
    why: str


@dataclass(frozen=True, slots=True)
class PartUp:
    """A failed part works again."""

    part: Literal["worker", "room"]


FromWorker = (
    WorkerReady
    | LegReady
    | LegConnected
    | LegLost
    | Transition
    | CallSnapshot
    | LegBaseline
    | WorkerStats
    | WorkerLost
    | PartDown
    | PartUp
)


class MediaError(RuntimeError):
    """A leg can't be opened; the message says why."""


class NoRoomError(MediaError):
    """All rows or ports of the worker are in use."""
