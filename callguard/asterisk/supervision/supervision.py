"""Brings supervisors into calls: rings them, joins the first to answer, switches modes, and releases all of them.

One task serves each session from request to end. Every cause of its end (supervisor, agent or customer hangs up, a
command, our own stop) cancels that task. The task's clean-up removes the snoop, the supervisor's channel and the room.
The session ends when Asterisk has said that they are gone; until then it is cutting. A supervisor who has taken a call
over is a party of it and stays when a command or the end of the service stops the session. `presence` moves the
supervisor in between.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from callguard.asterisk import events
from callguard.asterisk.client import AriClient
from callguard.asterisk.discovery.calls import Call, Change, Over
from callguard.asterisk.errors import AriError
from callguard.asterisk.names import name, new_id
from callguard.asterisk.stasis import quietly
from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.originate import Dial, pick_up
from callguard.asterisk.supervision.presence import Hooks, Presence
from callguard.asterisk.supervision.prompts import Prompter
from callguard.asterisk.supervision.session import (
    Cutting,
    Ended,
    Joined,
    Requested,
    Ring,
    Ringing,
    RingRequest,
    Session,
    StillCuttingError,
    SupervisionError,
    Suspended,
    act,
    supervisor_channel,
)
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.upkeep.removal import Removal, all_within
from callguard.asterisk.waiter import Waiter
from callguard.authority import Grant
from callguard.config import SupervisionConfig, SupervisorConfig
from callguard.contracts.events import (
    PromptPlayed,
    SupervisionEnded,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
)
from callguard.contracts.vocabulary import SupervisionMode, Verdict
from callguard.runtime.tasks import TaskKeeper, end

log = structlog.get_logger(__name__)

MODE_KEYS: Final[dict[str, SupervisionMode]] = {"4": "listen", "5": "whisper", "6": "barge", "7": "takeover"}
VERDICT_KEYS: Final[dict[str, Verdict]] = {"9": "useful", "8": "false"}
LEAVE_KEY: Final = "*"
OURS: Final = ("stopped", "asterisk")
"""Reasons of ours, not of a party: after a take-over the supervisor stays, as the customer has nobody else."""
TOLD_S: Final = 0.5
"""Seconds without proof of a removal after which a session is published as cutting; a healthy Asterisk takes 10 ms."""
PROOF_S: Final = 10.0
"""Seconds that a command to end a session waits for Asterisk's confirmation."""
CLOSE_S: Final = 4.0
"""The same at the end of the service."""


class Supervision:
    """All sessions of this node. `calls` are the present calls by id."""

    def __init__(
        self,
        ari: AriClient,
        watch: Waiter,
        reconciler: Reconciler,
        config: SupervisionConfig,
        calls: Mapping[str, Call],
        hooks: Hooks,
    ) -> None:
        self._ari = ari
        self._watch = watch
        self._reconciler = reconciler
        self._config = config
        self._calls = calls
        self._hooks = hooks
        self._announcer = Announcer(ari, watch, reconciler)
        self.prompter = Prompter(self._announcer, config.prompt_interval_s)
        self._sessions: dict[str, Session] = {}
        self._briefings: dict[str, str] = {}
        self._chores = TaskKeeper()
        self._presence = Presence(ari, watch, reconciler, calls, hooks, self._chores.spawn)

    @property
    def sessions(self) -> list[Session]:
        """Sessions that have not ended."""
        return list(self._sessions.values())

    @property
    def cutting(self) -> int:
        """Number of supervisors who are to be out of a call and whose removal Asterisk has not confirmed."""
        return sum(isinstance(session.state, Cutting) for session in self._sessions.values())

    def apply(self, config: SupervisionConfig) -> None:
        """Put other settings in force; supervisors who are in a call stay."""
        self._config = config
        self.prompter.interval_s = config.prompt_interval_s

    # --- requests ---

    async def ring(self, request: RingRequest) -> Session:
        """Ring all supervisors of a request at once; return the session of the first to answer, once joined.

        Raises:
            SupervisionError: nobody joined.
        """
        ring = Ring(request)
        for supervisor in request.supervisors:
            self._request(ring, supervisor)
        if not ring.sessions:
            raise SupervisionError("busy" if request.supervisors else "unreachable")
        for session in ring.sessions:
            session.task = asyncio.create_task(self._serve(session, ring), name=f"supervision {session.id}")
        try:
            return await asyncio.shield(ring.outcome)
        except asyncio.CancelledError:
            for session in list(ring.sessions):
                session.end("stopped")
            raise

    async def set_mode(self, call: str, supervisor: str | None, mode: SupervisionMode, grant: Grant) -> None:
        """Change the mode of a supervisor in a call; None: of the only one. Raises SupervisionError."""
        await self._presence.switch(self._joined(call, supervisor), mode, grant)

    async def stop(self, call: str, supervisor: str | None = None) -> None:
        """Release a supervisor, or all of a call, ringing or joined. Returns when Asterisk has confirmed it.

        Raises:
            StillCuttingError: Asterisk has not confirmed it in `PROOF_S`; cutting goes on.
            SupervisionError: there is nobody to release.
        """
        sessions = [session for session in self._of(call) if supervisor in (None, *session.names)]
        if not sessions:
            raise SupervisionError("no_call" if call not in self._calls else "refused")
        if not await self._end_all(sessions, "stopped", PROOF_S):
            raise StillCuttingError

    async def stop_ringing(self, alert: str) -> None:
        """Stop the phones that ring for an alert; a supervisor who has picked up stays."""
        ringing = [s for s in self.sessions if s.alert == alert and isinstance(s.state, Requested | Ringing)]
        await self._end_all(ringing, "stopped", PROOF_S)

    async def prompt(
        self, call: str, prompt: str, command: str | None = None, *, private: bool = False, grant: Grant | None = None
    ) -> bool:
        """Play a prompt to the agent alone; return False if the agent has turned prompts off. Raises SupervisionError.

        A `private` prompt leaves no event: nobody else learns of it.
        """
        present = self._calls.get(call)
        if present is None:
            raise SupervisionError("no_call")
        if not await self.prompter.prompt(present, prompt):
            return False
        if not private:
            self._hooks.emit(PromptPlayed(call=call, prompt=prompt, command=command, **act(grant)))
        return True

    async def close(self) -> None:
        """Release all supervisors: the service ends."""
        await self._end_all(self.sessions, "stopped", CLOSE_S)
        await end(*(session.task for session in self.sessions if session.task))
        await self._chores.end()

    # --- inputs ---

    def see(self, event: events.AriEvent) -> None:
        """Take in an ARI event."""
        if isinstance(event, events.ChannelDestroyed):
            for each in self.sessions:
                self._presence.lost(each, lambda room: room.lost(event.subject))
        session = next((s for s in self._sessions.values() if s.channel == event.subject), None)
        if session is None:
            return
        if isinstance(event, events.ChannelDestroyed):
            self._supervisor_gone(session)
        elif isinstance(event, events.ChannelDtmfReceived):
            self._key(session, event.digit)

    def _supervisor_gone(self, session: Session) -> None:
        call = self._calls.get(session.call)
        if isinstance(session.state, Requested | Ringing):
            return  # the session's task waits for this event and reads its cause
        if call is None or call.agent != session.channel:  # after a take-over the call's end tells who left
            ran_out = self._reconciler.leases.has_run_out(session.channel)
            session.end("asterisk" if ran_out else "supervisor_left")

    def call_changed(self, call: Call, change: Change) -> None:
        """Suspend, resume or move supervisors with the customer; after a take-over the supervisor stays as a party."""
        self.prompter.follow(call)
        for session in self._of(call.id):
            if call.agent == session.channel:
                continue
            if change == "handoff":
                session.end("agent_left")
            elif session.joined and session.present_mode == "takeover":
                if call.agent is not None:  # without any agent it is not known yet whether the customer hung up
                    session.end("transfer")
            else:
                self._presence.follow(session)

    def call_over(self, over: Over) -> None:
        """End the sessions of a call that is over."""
        for session in self._of(over.call.id):
            if over.reason == "opt_out":
                session.end("stopped")
            elif over.left == "customer":
                session.end("customer_left")
            else:
                session.end("supervisor_left" if over.call.agent == session.channel else "agent_left")

    def settle(self, alive: set[str], asked_at: float) -> None:
        """End the sessions whose supervisor's channel is gone without an event.

        `alive`: ids of all channels, requested at `asked_at` (monotonic clock); later channels may be missing.
        """
        for session in self.sessions:
            self._presence.lost(session, lambda room: room.missed(alive, asked_at))
            if session.channel not in alive and session.rung_at < asked_at:
                session.end("no_answer" if isinstance(session.state, Ringing) else "supervisor_left")

    def _key(self, session: Session, digit: str) -> None:
        if session.id in self._briefings:
            self._chores.spawn(quietly(self._ari.stop_playback(self._briefings.pop(session.id))))
        elif session.joined is None:
            return
        elif digit == LEAVE_KEY:
            session.end("supervisor_left")
        elif digit in MODE_KEYS:
            self._chores.spawn(self._switch_by_key(session, MODE_KEYS[digit]))
        elif digit in VERDICT_KEYS and self._hooks.permit(session, "judge"):
            self._hooks.verdict(session, VERDICT_KEYS[digit])

    async def _switch_by_key(self, session: Session, mode: SupervisionMode) -> None:
        grant = self._hooks.permit(session, mode)
        if grant is None:
            return
        try:
            await self._presence.switch(session, mode, grant)
        except SupervisionError as error:
            log.info("key_without_effect", session=session.id, mode=mode, reason=error.reason)

    # --- one session ---

    def _request(self, ring: Ring, supervisor: SupervisorConfig) -> None:
        request = ring.request
        present = self._calls.get(request.call)
        session_id = new_id()
        session = Session(
            id=session_id,
            call=request.call,
            supervisor=supervisor.name,
            endpoint=supervisor.endpoint,
            mode=request.mode,
            alert=request.alert,
            command=request.command,
            grant=request.grant,
            channel=supervisor_channel(self._ari.app, session_id),
            agent=(present and present.agent) or "",
        )
        self._hooks.emit(session.event(SupervisionRequested))
        refusal = self._refusal(session)
        if refusal:
            self._hooks.emit(session.event(SupervisionFailed, reason=refusal))
            if refusal == "no_call":
                raise SupervisionError(refusal)
            return
        self._sessions[session.id] = session
        ring.sessions.append(session)

    def _refusal(self, session: Session) -> str | None:
        if not session.agent:
            return "no_call"
        busy = any(session.endpoint == other.endpoint and other.why is None for other in self._sessions.values())
        return "busy" if busy else None

    async def _serve(self, session: Session, ring: Ring) -> None:
        timeout_s = ring.request.timeout_s or self._config.ring_timeout_s
        try:
            await self._quiet(session)
            dial = Dial(session.endpoint, self._config.caller_id, timeout_s, f"{session.call} {session.supervisor}")
            ringing = session.event(SupervisionRinging)
            self._reconciler.hold(session.channel)
            leases = self._reconciler.leases
            await pick_up(self._ari, self._watch, leases, session, dial, lambda: self._hooks.emit(ringing))
            ring.claim(session)
            await self._brief(session, ring.request.briefing)
            await self._presence.enter(session)
            ring.joined(session)
            await asyncio.get_running_loop().create_future()  # until the session is ended
        except asyncio.CancelledError:
            session.why = session.why or "stopped"
        except SupervisionError as error:
            session.why = session.why or error.reason
        except AriError as error:
            log.warning("supervision_failed", session=session.id, call=session.call, error=str(error))
            session.why = session.why or "asterisk"
        finally:
            await self._clean_up(session, ring)

    async def _quiet(self, session: Session) -> None:
        """Wait until an earlier session has left the same phone. Raises SupervisionError if it is still busy."""
        leaving = [s.task for s in self.sessions if s.endpoint == session.endpoint and s is not session and s.task]
        if leaving and (await asyncio.wait(leaving, timeout=PROOF_S))[1]:
            raise SupervisionError("busy")

    async def _brief(self, session: Session, briefing: Sequence[str]) -> None:
        """Play the parts of a briefing, until a key ends it.

        Asterisk carries out a channel's requests in series, so no lease is renewed during a part. A briefing played as
        one could outlast the lease (measured: 6 s with an agent's number of three digits), and its phone be hung up.
        """
        for number, part in enumerate(briefing):
            self._briefings[session.id] = name(self._ari.app, "playback", f"{session.id}.{number}")
            try:
                await self._announcer.play(session.channel, part, self._briefings[session.id])
            finally:
                is_over = self._briefings.pop(session.id, None) is None
            if is_over:
                return

    async def _clean_up(self, session: Session, ring: Ring) -> None:
        reason = session.reason
        channel = self._presence.silence(session)  # at once, without the lock
        async with session.lock:
            removals = self._presence.leave(session)
            if session.took_over and reason in OURS:
                self._reconciler.let_go(session.channel)
            else:
                removals.append(channel or self._reconciler.remove(session.channel))
            if not await all_within(removals, TOLD_S):
                ring.failed(session, reason)  # the request goes on: another phone may ring
                await self._keep_cutting(session, removals)
            self._finish(session, reason)
        ring.failed(session, reason)

    async def _keep_cutting(self, session: Session, removals: Sequence[Removal]) -> None:
        """Mark the session as cutting until Asterisk has confirmed all removals."""
        if isinstance(session.state, Joined | Suspended):
            session.state = session.state.cut()
            by = "command" if session.why == "stopped" else "call"
            mode = session.present_mode
            self._hooks.emit(session.event(SupervisionModeChanged, previous=mode, by=by, cutting=True))
        for removal in removals:
            await removal.wait()

    def _finish(self, session: Session, reason: str) -> None:
        del self._sessions[session.id]
        if isinstance(session.state, Joined | Suspended | Cutting):
            ended = session.state.end(reason, time.time())
            self._hooks.emit(session.event(SupervisionEnded, reason=reason, lasted_s=ended.lasted_s))
            session.state = ended
        elif not isinstance(session.state, Ended):
            self._hooks.emit(session.event(SupervisionFailed, reason=reason))
            session.state = session.state.fail(reason)

    # --- internals ---

    def _of(self, call: str) -> list[Session]:
        return [session for session in self._sessions.values() if session.call == call]

    def _joined(self, call: str, supervisor: str | None) -> Session:
        if call not in self._calls:
            raise SupervisionError("no_call")
        found = [s for s in self._of(call) if s.joined and supervisor in (None, *s.names)]
        if len(found) != 1:
            raise SupervisionError("refused")
        return found[0]

    async def _end_all(self, sessions: Sequence[Session], reason: str, within_s: float) -> bool:
        """End sessions; return whether Asterisk has confirmed all ends within `within_s` seconds."""
        for session in sessions:
            session.end(reason)
        tasks = [session.task for session in sessions if session.task]
        return not tasks or not (await asyncio.wait(tasks, timeout=within_s))[1]
