"""Moves supervisors: into a call, between modes, out while the parties are apart or on hold, along with a transfer.

A cut comes before any bookkeeping. When customer and agent part, or the customer's phone holds, the supervisor's ear
and mouth are removed at once, before any event is published. State and event follow in order, under the session's lock,
once Asterisk has said that ear and mouth are gone. If it does not say so in `ESCALATE_S`, the session ends: its channel
and room are removed too.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.errors import AriError
from callguard.asterisk.supervision.announce import Announcer, Notices
from callguard.asterisk.supervision.room import CutError, LeaseError, Room
from callguard.asterisk.supervision.session import Briefed, Joined, Session, SupervisionError, Suspended
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.upkeep.removal import Removal
from callguard.asterisk.waiter import Waiter
from callguard.authority import Grant
from callguard.contracts.events import Event, SupervisionModeChanged, SupervisionStarted
from callguard.contracts.vocabulary import Door, Interruption, Right, SupervisionMode, Verdict

log = structlog.get_logger(__name__)

SETTLE_S: Final = 0.2
"""Seconds for which a parting is not published: Asterisk takes Local channels out of a call by moving a party between
bridges. Also the time without any snoop on the agent's channel before a new one; `Call.legs` gives the reason."""
NEWS_S: Final = 0.3
"""Seconds to wait after a failed request: the event of its cause, such as a hangup, may still be on its way."""
ESCALATE_S: Final = 0.6
"""Seconds for both means of removal, ARI and the manager interface, to remove an ear."""
LEFT_S: Final = 1.0
"""Seconds to wait for the agent's channel to go before a take-over is published."""
INSIST_S: Final = 30.0
"""Seconds after a take-over in which the agent's channel is hung up repeatedly; later it may serve another call."""
FOLLOW_S: Final = 60.0
"""Seconds that a supervisor waits for the agent to whom the customer is transferred."""
HOLD: Final = "wait-hold"
"""Prompt that a supervisor hears at the customer's hold, whose silence would not explain itself."""

By = Literal["command", "key", "policy", "call"]
_SOURCES: Final[Mapping[Door, By]] = {"keys": "key", "rule": "policy"}


@dataclass(frozen=True)
class Hooks:
    """Functions of other parts that supervision calls."""

    emit: Callable[[Event], None]
    hand_off: Callable[[Call, str, str], None]
    """Called with the id of a supervisor's channel that takes the agent's place, and with their name."""
    verdict: Callable[[Session, Verdict], None]
    permit: Callable[[Session, Right], Grant | None]
    """Returns the permission for a key on the supervisor's phone; publishes the refusal where there is none."""


class Presence:
    """The rooms of all sessions. `calls` are the present calls by id; `spawn` runs tasks in the background."""

    def __init__(
        self,
        ari: AriClient,
        watch: Waiter,
        reconciler: Reconciler,
        calls: Mapping[str, Call],
        hooks: Hooks,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._ari = ari
        self._watch = watch
        self._reconciler = reconciler
        self._calls = calls
        self._hooks = hooks
        self._spawn = spawn
        self._notices = Notices(ari, Announcer(ari, watch, reconciler))
        self._rooms: dict[str, Room] = {}

    async def enter(self, session: Session) -> None:
        """Take a session from Briefed to Joined. Raises SupervisionError or AriError."""
        async with session.lock:
            if not isinstance(session.state, Briefed):
                raise SupervisionError("refused")
            room = self._rooms[session.id] = Room(
                self._ari, self._watch, self._reconciler, session=session.id, supervisor=session.channel
            )
            await room.open()
            try:
                await self._enter_mode(session, room, session.mode)
            except LeaseError as error:
                raise SupervisionError("asterisk") from error
            rang_s = session.state.rang_s
            session.state = session.state.join(session.mode, time.time())
            self._hooks.emit(session.event(SupervisionStarted, ring_s=rang_s))
        self.follow(session)

    async def switch(self, session: Session, mode: SupervisionMode, grant: Grant) -> None:
        """Change the mode; a suspended session goes on in it later. Raises SupervisionError."""
        async with session.lock:
            joined = session.joined
            if joined is None or joined.mode == "takeover":
                raise SupervisionError("refused")
            if joined.mode == mode:
                return
            try:
                await self._enter_mode(session, self._rooms[session.id], mode)
            except LeaseError as error:
                log.warning("takeover_failed", session=session.id, error=str(error))
                raise SupervisionError("asterisk") from error
            except AriError as error:
                self._fail(session, error)
                raise SupervisionError("asterisk") from error
            session.state = joined.switch(mode)
            self._tell(session, joined.mode, _SOURCES.get(grant.door, "command"), grant=grant)

    def follow(self, session: Session) -> None:
        """Cut at once if the supervisor hears the wrong channel; then bring room and state in line with the call."""
        room = self._rooms.get(session.id)
        if room is None or self._took_over(session):
            return
        if room.agent not in (None, self._in_talk(session)):
            self._spawn(self._cut(session, room))
        self._spawn(self._align(session, room))

    def lost(self, session: Session, is_lost: Callable[[Room], bool]) -> None:
        """Give a session a new ear when Asterisk has ended its ear unasked and the call goes on."""
        room = self._rooms.get(session.id)
        if room is not None and is_lost(room):
            log.warning("ear_lost", session=session.id)
            self._spawn(self._align(session, room))

    def silence(self, session: Session) -> Removal | None:
        """Start removing a session's ear, mouth and channel, whatever is under way; return the channel's removal.

        A supervisor who has taken the call over, or is about to, keeps the channel for now.
        """
        room = self._rooms.get(session.id)
        if room:
            room.cut()
        if not session.took_over and not (room and room.taking_over):
            return self._reconciler.remove(session.channel)
        return None

    def leave(self, session: Session) -> list[Removal]:
        """Give up a session's room, if it has one; return the removals to be proved. The caller holds the lock."""
        room = self._rooms.pop(session.id, None)
        ear = room.close() if room else None
        return [ear] if ear else []

    async def _cut(self, session: Session, room: Room) -> None:
        removal = room.cut()
        if removal and not await removal.within(ESCALATE_S):
            log.warning("ear_not_gone", session=session.id, object=removal.id)
            session.end("asterisk")

    def _in_talk(self, session: Session) -> str | None:
        """Return the channel of the agent who hears the customer now."""
        call = self._calls.get(session.call)
        return call.agent if call and call.interrupted_by is None else None

    def _took_over(self, session: Session) -> bool:
        call = self._calls.get(session.call)
        return call is not None and call.agent == session.channel

    # --- changes of a room; the caller holds the lock ---

    async def _enter_mode(self, session: Session, room: Room, mode: SupervisionMode) -> None:
        """Put a mode in force, unless the parties are apart. Raises SupervisionError or AriError."""
        agent = self._in_talk(session)
        try:
            if mode == "takeover":
                await self._take_over(session, room)
            elif agent is not None:
                session.agent = agent
                await room.tune(mode, agent)
        except CutError:
            if mode == "takeover":
                raise SupervisionError("refused") from None

    async def _take_over(self, session: Session, room: Room) -> None:
        call = self._calls.get(session.call)
        if call is None or call.agent is None or call.agent_channel is None:
            raise SupervisionError("no_call")
        if call.interrupted_by:
            raise SupervisionError("hold" if call.interrupted_by == "hold" else "refused")
        session.agent = call.agent
        await room.take_over(call.agent, call.agent_channel)
        session.took_over = True
        self._hooks.hand_off(call, session.channel, session.supervisor)
        if not await self._reconciler.remove(call.agent).within(LEFT_S):
            asyncio.get_running_loop().call_later(INSIST_S, self._reconciler.abandon, call.agent)

    async def _align(self, session: Session, room: Room) -> None:
        """Suspend or resume a session. A parting that is over within `SETTLE_S` is not published."""
        if room.agent is None:
            await asyncio.sleep(SETTLE_S)
        async with session.lock:
            agent, joined = self._in_talk(session), session.joined
            if joined is None or self._took_over(session):
                return
            try:
                if agent is None:
                    await self._suspend(session, room, joined)
                else:
                    await self._resume(session, room, joined, agent)
            except CutError:
                return  # the parties have parted again; that change calls `follow` too
            except AriError as error:
                await asyncio.sleep(NEWS_S)
                if self._in_talk(session) == agent:
                    self._fail(session, error)

    async def _suspend(self, session: Session, room: Room, joined: Joined | Suspended) -> None:
        await room.silence()
        call = self._calls.get(session.call)
        reason: Interruption = (call.interrupted_by if call else None) or "transfer"
        before = joined.reason if isinstance(joined, Suspended) else None
        waiting = joined.go_on(reason) if isinstance(joined, Suspended) else joined.suspend(time.time(), reason)
        session.state = waiting
        if before is None or (before != reason and "hold" in (before, reason)):
            self._tell(session, joined.mode, "call", reason)
        if reason == "hold" and before != "hold":
            self._spawn(self._notices.say(session.channel, HOLD))
        if reason == "transfer":
            asyncio.get_running_loop().call_later(FOLLOW_S, self._give_up, session, waiting)

    async def _resume(self, session: Session, room: Room, joined: Joined | Suspended, agent: str) -> None:
        moved = agent != session.agent
        await self._notices.hush(session.channel)
        if room.agent != agent:
            await room.tune(joined.mode, agent)
        session.agent = agent
        if isinstance(joined, Suspended):
            session.state = joined.resume()
        if moved or isinstance(joined, Suspended):
            self._tell(session, joined.mode, "call", "transfer" if moved else "together")

    def _give_up(self, session: Session, waiting: Suspended) -> None:
        state = session.state
        if isinstance(state, Suspended) and (state.parted_at, state.reason) == (waiting.parted_at, waiting.reason):
            session.end("transfer")

    def _fail(self, session: Session, error: AriError) -> None:
        """End a session whose room could not be changed: it would be uncertain who hears whom."""
        log.warning("mode_change_failed", session=session.id, error=str(error))
        session.end("asterisk")

    def _tell(
        self,
        session: Session,
        previous: SupervisionMode,
        by: By,
        reason: Interruption | Literal["together"] | None = None,
        grant: Grant | None = None,
    ) -> None:
        suspended = isinstance(session.state, Suspended)
        facts: dict[str, Any] = {"previous": previous, "by": by, "suspended": suspended, "reason": reason}
        self._hooks.emit(session.event(SupervisionModeChanged, **facts, **({"grant": grant} if grant else {})))
