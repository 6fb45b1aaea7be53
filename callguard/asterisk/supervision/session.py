"""A supervisor's session as a state machine: only legal transitions exist as methods.

Requested ─ ring ─> Ringing ─ answer ─> Briefed ─ join ─> Joined ─ suspend ─> Suspended ─ resume ─> Joined
    └────────── fail ──┴─────── fail ──────┴─ fail ─> Ended <─ end ─┼──────── end ───────┤
                                                        └─── end ─ Cutting <──── cut ────┘
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from callguard.asterisk.names import SUPERVISOR, name
from callguard.authority import Grant
from callguard.config import SupervisorConfig
from callguard.contracts.events import SupervisionEvent
from callguard.contracts.vocabulary import Interruption, SupervisionMode

E = TypeVar("E", bound=SupervisionEvent)


class SupervisionError(Exception):
    """A request of supervision failed.

    `reason`: no_answer, busy, unreachable, no_call, refused, hold, asterisk, answered_elsewhere, stopped.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StillCuttingError(SupervisionError):
    """Asterisk has not confirmed in time that a supervisor is out; cutting goes on."""

    def __init__(self) -> None:
        super().__init__("asterisk")


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over. `lasted_s` is None when the supervisor never joined."""

    reason: str
    lasted_s: float | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The supervisor is in the call."""

    mode: SupervisionMode
    since: float

    def switch(self, mode: SupervisionMode) -> "Joined":
        """Change the mode."""
        return replace(self, mode=mode)

    def suspend(self, at: float, reason: Interruption) -> "Suspended":
        """Suspend: the agent no longer hears the customer."""
        return Suspended(self.mode, self.since, at, reason)

    def cut(self) -> "Cutting":
        """Leave, but Asterisk has not said yet that they are gone."""
        return Cutting(self.mode, self.since)

    def end(self, reason: str, at: float) -> Ended:
        """Leave."""
        return Ended(reason, max(0.0, at - self.since))


@dataclass(frozen=True, slots=True)
class Suspended:
    """The supervisor waits: customer and agent are apart, or on hold. They hear nobody and nobody hears them."""

    mode: SupervisionMode
    """Mode in which the session goes on."""
    since: float
    """When the supervisor joined."""
    parted_at: float
    reason: Interruption

    def go_on(self, reason: Interruption) -> "Suspended":
        """Go on waiting, for this reason now."""
        return replace(self, reason=reason)

    def switch(self, mode: SupervisionMode) -> "Suspended":
        """Choose the mode in which the session goes on."""
        return replace(self, mode=mode)

    def resume(self) -> Joined:
        """Resume: the customer hears the agent, or another agent, again."""
        return Joined(self.mode, self.since)

    def cut(self) -> "Cutting":
        """Leave, but Asterisk has not said yet that they are gone."""
        return Cutting(self.mode, self.since)

    def end(self, reason: str, at: float) -> Ended:
        """Leave."""
        return Ended(reason, max(0.0, at - self.since))


@dataclass(frozen=True, slots=True)
class Cutting:
    """The supervisor is to be out, and may still hear and be heard: Asterisk has not confirmed the removal."""

    mode: SupervisionMode
    since: float
    """When the supervisor joined."""

    def end(self, reason: str, at: float) -> Ended:
        """End: Asterisk has confirmed the removal."""
        return Ended(reason, max(0.0, at - self.since))


@dataclass(frozen=True, slots=True)
class Briefed:
    """The supervisor answered, hears the briefing, and is heard by nobody."""

    rang_s: float

    def join(self, mode: SupervisionMode, at: float) -> Joined:
        """Enter the call."""
        return Joined(mode, at)

    def fail(self, reason: str) -> Ended:
        """Give up."""
        return Ended(reason)


@dataclass(frozen=True, slots=True)
class Ringing:
    """The supervisor's phone rings."""

    since: float

    def answer(self, at: float) -> Briefed:
        """Answer: the phone was picked up."""
        return Briefed(max(0.0, at - self.since))

    def fail(self, reason: str) -> Ended:
        """Give up: nobody answered, or another supervisor did."""
        return Ended(reason)


@dataclass(frozen=True, slots=True)
class Requested:
    """A rule or a command has requested the session."""

    def ring(self, at: float) -> Ringing:
        """Start to ring."""
        return Ringing(at)

    def fail(self, reason: str) -> Ended:
        """Give up: the phone can't ring."""
        return Ended(reason)


NEVER_JOINED: Final = {
    "customer_left": "no_call",
    "agent_left": "no_call",
    "transfer": "no_call",
    "supervisor_left": "refused",
}
"""Reason of a failure before the join, by the reason that ended the session."""

State = Requested | Ringing | Briefed | Joined | Suspended | Cutting | Ended


@dataclass(eq=False)
class Session:
    """One supervisor's phone and one call. The task that serves it is the only one that ends it."""

    id: str
    call: str
    supervisor: str
    endpoint: str
    mode: SupervisionMode
    """Requested mode; once joined, the state's mode counts."""
    alert: str | None
    command: str | None
    channel: str
    """Id of the supervisor's channel."""
    agent: str
    """Id of the supervised agent's channel; it changes at a transfer."""
    state: State = Requested()
    task: "asyncio.Task[None] | None" = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the room changes."""
    took_over: bool = False
    """Whether the supervisor is in the call itself; hanging up on them would drop the customer."""
    why: str | None = None
    """Reason why the session is to end."""
    rung_at: float = float("inf")
    """Time at which its phone began to ring (monotonic clock)."""
    grant: Grant | None = None
    """Permission by which the supervisor is rung."""

    def end(self, reason: str) -> None:
        """Ask the session to end; the first reason stands."""
        if self.why is None and not isinstance(self.state, Ended):
            self.why = reason
            if self.task is not None:
                self.task.cancel()

    @property
    def joined(self) -> Joined | Suspended | None:
        """The state, if the supervisor is in the call and is not to leave."""
        return self.state if isinstance(self.state, Joined | Suspended) and self.why is None else None

    @property
    def names(self) -> tuple[str, str]:
        """Names of the supervisor that commands may use."""
        return self.supervisor, self.endpoint

    @property
    def reason(self) -> str:
        """Reason of the end, as in SupervisionEnded, or as in SupervisionFailed when the supervisor never joined."""
        why = self.why or "asterisk"
        return why if isinstance(self.state, Joined | Suspended | Cutting) else NEVER_JOINED.get(why, why)

    @property
    def present_mode(self) -> SupervisionMode:
        """The present mode, or the requested one."""
        return self.state.mode if isinstance(self.state, Joined | Suspended | Cutting) else self.mode

    def event(self, kind: type[E], **facts: Any) -> E:
        """Return a supervision.* event about this session."""
        return kind(
            **act(facts.pop("grant", self.grant)),
            call=self.call,
            session=self.id,
            supervisor=self.supervisor,
            mode=self.present_mode,
            command=self.command,
            alert=self.alert,
            **facts,
        )


def act(grant: Grant | None) -> dict[str, Any]:
    """Return the facts by which an event tells who did something by which right."""
    return {"sender": grant.sender, "door": grant.door, "right": grant.right} if grant else {}


def supervisor_channel(app: str, session: str) -> str:
    """Return the id of a session's supervisor channel."""
    return name(app, SUPERVISOR, session)


@dataclass(frozen=True, slots=True)
class RingRequest:
    """Ring these supervisors at once; the first to answer joins the call in `mode`."""

    call: str
    supervisors: tuple[SupervisorConfig, ...]
    mode: SupervisionMode
    alert: str | None = None
    command: str | None = None
    timeout_s: float | None = None
    """Longest ring in seconds; None: as configured."""
    briefing: tuple[str, ...] = ()
    """Media URIs that the supervisor hears before anybody hears them; any key skips the rest."""
    grant: Grant | None = None
    """Permission for it."""


class Ring:
    """Phones that ring together: the first to answer wins, the others stop."""

    def __init__(self, request: RingRequest) -> None:
        self.request = request
        self.sessions: list[Session] = []
        self.winner: Session | None = None
        self.outcome: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        """The winner's session once joined; SupervisionError when nobody joined."""

    def claim(self, session: Session) -> None:
        """Take the call for the session that answered; raise SupervisionError when another was first."""
        if self.winner is not None:
            raise SupervisionError("answered_elsewhere")
        self.winner = session
        for other in self.sessions:
            if other is not session:
                other.end("answered_elsewhere")

    def joined(self, session: Session) -> None:
        """Settle the outcome: the winner is in the call."""
        if not self.outcome.done():
            self.outcome.set_result(session)

    def failed(self, session: Session, reason: str) -> None:
        """Remove a session from the ring; the reason of the last one, or of the winner, is the outcome."""
        if session not in self.sessions:
            return
        self.sessions.remove(session)
        if not self.outcome.done() and (session is self.winner or not self.sessions):
            self.outcome.set_exception(SupervisionError(reason))
            self.outcome.exception()  # retrieved, so that asyncio does not report it when nobody waits any more
