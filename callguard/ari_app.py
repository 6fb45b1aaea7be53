"""The ARI app: connects Asterisk's events with discovery, taps and supervision.

Events are handled one after another, without waiting: discovery interprets them; taps and supervision run in tasks of
their own. No failure here touches the call itself.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

import structlog

from callguard.asterisk import events
from callguard.asterisk.ami import AmiClient
from callguard.asterisk.client import AriClient, Connected, Disconnected
from callguard.asterisk.devices import Devices
from callguard.asterisk.discovery.calls import (
    Call,
    Changed,
    HandOff,
    Inspect,
    Inspected,
    OptOut,
    Output,
    Over,
    Renamed,
    Snapshot,
    Started,
    Unclear,
)
from callguard.asterisk.discovery.machine import Discovery
from callguard.asterisk.errors import AriError, NotFoundError
from callguard.asterisk.holds import read_holds
from callguard.asterisk.marks import Marks
from callguard.asterisk.names import SUPERVISOR, kind_of
from callguard.asterisk.native_rtp import first_tap_delay
from callguard.asterisk.parts import EVENTS_LOST, NOT_OUT, Parts
from callguard.asterisk.people import People
from callguard.asterisk.probe import Probe
from callguard.asterisk.supervision.agent_codes import AgentCodes
from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.cooldown import Cooldowns
from callguard.asterisk.supervision.permits import Permits
from callguard.asterisk.supervision.presence import Hooks
from callguard.asterisk.supervision.session import Session
from callguard.asterisk.supervision.supervision import Supervision
from callguard.asterisk.taps.legs import Legs
from callguard.asterisk.taps.tap import MediaPlane, TapKit
from callguard.asterisk.upkeep.holdings import Orphan, Seated, members_elsewhere
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.upkeep.removal import Removal
from callguard.asterisk.waiter import Waiter
from callguard.authority import Authority
from callguard.config import Config
from callguard.contracts.events import (
    Away,
    CallEnded,
    CallStarted,
    CallUpdated,
    Event,
    SupervisionEnded,
    SupervisionFailed,
)
from callguard.contracts.messages import LegConnected, LegLost
from callguard.contracts.vocabulary import Verdict
from callguard.runtime.outages import Outages
from callguard.runtime.tasks import TaskKeeper, end

log = structlog.get_logger(__name__)

ASK_AGAIN_S: Final = 0.5
"""Seconds by which the pause grows before each repeat of a question that Asterisk could not answer."""
LONGEST_PAUSE_S: Final = 10.0


class AriApp:
    """One Asterisk's calls, taps and supervisors.

    `emit` is called with each domain event; `on_verdict` with (session, verdict) when a supervisor keys a verdict;
    `on_phone` with (supervisor, reason or None) when a supervisor's phone can't, or can (None), be rung from now on;
    `on_calls` with the present calls, once they are known after the start or a gap in the events. `outages` and
    `authority` are the node's; without them the app has its own.
    """

    def __init__(
        self,
        config: Config,
        media: MediaPlane,
        emit: Callable[[Event], None],
        *,
        on_verdict: Callable[[Session, Verdict], None] = lambda session, verdict: None,
        on_phone: Callable[[str, Away | None], None] = lambda supervisor, away: None,
        on_calls: Callable[[Mapping[str, Call]], None] = lambda calls: None,
        outages: Outages | None = None,
        authority: Authority | None = None,
    ) -> None:
        self._config = config
        self._emit = emit
        self._tasks = TaskKeeper()
        self._on_calls = on_calls
        self._watch = Waiter()
        self.ari = AriClient(config.asterisk.ari)
        self.ami = AmiClient(config.asterisk.ami, self._see, self._ami_changed)
        self.people = People(self.ami, config.roles, config.supervisors, lambda: self._see(Renamed(time.time())))
        self._discovery = Discovery(config.asterisk.ari.app, config.roles, config.analysis, self.people.of)
        self._cooldowns = Cooldowns(self.ami, config.supervision.cooldown_s)
        self._devices = Devices(self.ari, on_phone)
        self._devices.watch(config.supervisors)
        self._parts = Parts(outages or Outages(config.node, emit))
        self._reconciler = Reconciler(
            self.ari,
            self.ami.hang_up if config.asterisk.ami.enabled else None,
            on_seen=lambda channels, _, asked_at: self._settle(channels, asked_at),
            on_overdue=lambda overdue: self._parts.tell("cutting", not overdue, NOT_OUT),
        )
        self._marks = Marks(self.ari, self._reconciler)
        permits = Permits(authority or Authority(config), self.calls, emit)
        hooks = Hooks(emit, self._hand_off, on_verdict, permits.key)
        self.supervision = Supervision(self.ari, self._watch, self._reconciler, config.supervision, self.calls, hooks)
        kit = TapKit(self.ari, self._watch, self._reconciler, media, config.media, emit)
        self._legs = Legs(
            kit, self.calls, lambda call: self._config.analysis.language_of(call.queue), self._tasks.spawn
        )
        announcer = Announcer(self.ari, self._watch, self._reconciler)
        spoken = (announcer, self.supervision.prompter, config.supervision)
        self._codes = AgentCodes(self.ari, *spoken, emit, self._legs.request, permits.code)
        self._asked: set[asyncio.Task[None]] = set()
        """Pending questions to Asterisk about new channels."""
        self._adopted = False
        """Whether supervisors of an earlier run have been searched for."""
        self.releasing: set[str] = set()
        """Sessions of an earlier run whose supervisors were found and are removed; their end is told then."""
        self._closing = False
        self.ready = False
        """Whether events come in and the present calls are known."""

    @property
    def calls(self) -> Mapping[str, Call]:
        """Present calls by linkedid."""
        return self._discovery.calls

    def lives(self, channel: str) -> bool:
        """Return whether a channel exists. The id of a call is mostly that of its customer's channel."""
        return self._discovery.lives(channel)

    @property
    def opted_out(self) -> int:
        """Number of present conversations that are left alone because a party's CALLGUARD is off."""
        return self._discovery.opted_out

    def call_of(self, channel: str) -> Call | None:
        """Return the present call in which a channel is the customer or the agent."""
        return self._discovery.call_of(channel)

    def apply(self, config: Config) -> None:
        """Put roles, analysis and supervision in force; present calls go on by the new settings."""
        self._config = config
        self.supervision.apply(config.supervision)
        self._cooldowns.length_s = config.supervision.cooldown_s
        self._codes.config = config.supervision
        self._devices.watch(config.supervisors)
        self.people.apply(config.roles, config.supervisors)
        self._follow(self._discovery.reconfigure(config.roles, config.analysis))
        self._see(Renamed(time.time()))

    async def run(self) -> None:
        """Run until cancelled, then remove everything of ours from Asterisk. Raises ApplicationTakenError."""
        async with self.ari:
            parts = (self._devices.run(), self._reconciler.run(), Probe(self.ari, self._parts.look_at).run())
            helpers = [self._tasks.spawn(part) for part in parts]
            if self._config.asterisk.ami.enabled:
                helpers += [self._tasks.spawn(part) for part in (self.ami.run(), self.people.run())]
            reader = asyncio.create_task(self._read(), name="ari events")
            try:
                await asyncio.shield(reader)
            finally:
                self._closing = True
                await self._close()  # while events come in: they prove that objects are gone
                await end(reader, *helpers)

    async def opt_out(self, call: str) -> None:
        """Stop judging a call and forget it, until its CALLGUARD says otherwise. Raises KeyError: unknown call."""
        if call not in self.calls:
            raise KeyError(call)
        self._see(OptOut(time.time(), call))

    async def mark(self, call: str, text: str) -> None:
        """Write a text into Asterisk's channel event log, under the call's linkedid. Raises AriError."""
        present = self.calls.get(call)
        await self._marks.write(text, present.customer if present else None)

    def on_worker_message(self, message: LegConnected | LegLost) -> None:
        """Take in a worker's message about a leg."""
        self._legs.hear(message)

    # --- events from Asterisk ---

    async def _read(self) -> None:
        async for event in self.ari.events():
            await self._take(event)

    async def _take(self, event: events.AriEvent | Connected | Disconnected) -> None:
        if isinstance(event, Connected):
            await self._catch_up()
        elif isinstance(event, Disconnected):
            self.ready = self._parts.caught_up = False
            self._reconciler.leases.blind = True
            self._parts.tell("ari", False, EVENTS_LOST)
        else:
            try:
                self._hear(event)
            except Exception:  # an error about one call must not end the work for the others
                log.exception("event_not_handled", kind=type(event).__name__, subject=event.subject)

    def _hear(self, event: events.AriEvent) -> None:
        self.supervision.see(event)
        self._reconciler.see(event)
        self._watch.see(event)
        if self._closing:
            return
        self._devices.see(event)
        self._see(event)
        if isinstance(event, events.ChannelUserevent):
            self.agent_code(event.channel.id, event.name)

    def _see(self, event: object) -> None:
        self._follow(self._discovery.see(event))

    def _follow(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            _ACTIONS[type(output)](self, output)

    def agent_code(self, channel: str, code: str) -> bool:
        """Carry out a code, such as CallGuardHelp; return False where the channel is not an agent's in a call."""
        call = self.call_of(channel)
        if call is None or call.agent != channel:
            return False
        self._codes.keyed(call, code)
        return True

    async def _catch_up(self) -> None:
        """Read present channels and bridges, at the start and after every gap in the events. New events wait."""
        self._reconciler.leases.see()
        self._legs.delay_s = await first_tap_delay(self.ari, self._config)
        for attempt in count(1):
            asked_at = time.monotonic()
            try:
                channels, bridges = await asyncio.gather(self.ari.channels(), self.ari.bridges())
                await self._adopt(channels, bridges)
                break
            except AriError as error:
                log.warning("ari_catch_up_failed", attempt=attempt, error=str(error))
                await asyncio.sleep(min(attempt * ASK_AGAIN_S, LONGEST_PAUSE_S))
        self._reconciler.compare(channels, bridges, asked_at)
        self._see(Snapshot(time.time(), tuple(channels), tuple(bridges)))
        self.ready = True
        self._settle(channels, asked_at)
        self._tasks.spawn(self._parts.check_leases(self.ari))
        self._tasks.spawn(read_holds(self.ari, self._watch, (channels, bridges), self.calls, self._see))
        self._tasks.spawn(self._tell_all())

    def _settle(self, channels: Sequence[events.Channel], asked_at: float) -> None:
        """End sessions whose supervisor's channel is gone. Do nothing without events: no answer is noticed then."""
        if self.ready:
            self.supervision.settle({channel.id for channel in channels}, asked_at)

    async def _tell_all(self) -> None:
        """Report ARI as back once the states of phones are known, and the calls once every channel is known.

        Events are handled meanwhile: a phone whose state can't be read delays no call.
        """
        await self._devices.refresh()
        if self.ready:
            self._parts.caught_up = True
            self._parts.tell("ari", True)
        if self._asked:
            await asyncio.wait(set(self._asked))
        self._on_calls(self.calls)

    async def _adopt(self, channels: Sequence[events.Channel], bridges: Sequence[events.Bridge]) -> None:
        """Take over the supervisors whom an earlier run left, once, at the start. Raises AriError."""
        if self._adopted:
            return
        for orphan in await self._reconciler.orphans(channels, bridges):
            self.releasing.add(orphan.session)
            self._tasks.spawn(self._release(orphan, self._reconciler.remove(orphan.channel)))
        elsewhere = members_elsewhere(self.ari.app, bridges)
        for channel in channels:
            if channel.id in elsewhere and kind_of(self.ari.app, channel.id) == SUPERVISOR:
                self._see(events.ChannelCreated(time.time(), channel))
                self._see(HandOff(time.time(), channel.id))
        self._adopted = True

    async def _release(self, orphan: Orphan, removal: Removal) -> None:
        await removal.wait()
        facts = {"call": orphan.call, "session": orphan.session, "supervisor": orphan.supervisor}
        if isinstance(orphan, Seated):
            lasted_s = None if orphan.since is None else max(0.0, time.time() - orphan.since)
            self._emit(SupervisionEnded(**facts, mode=orphan.mode, reason="restart", lasted_s=lasted_s))
        else:
            self._emit(SupervisionFailed(**facts, mode=None, reason="restart"))

    # --- outputs of discovery ---

    def _inspect(self, ask: Inspect) -> None:
        task = self._tasks.spawn(self._answer(ask.channel))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, channel: str) -> None:
        """Read the variables of a channel. It is not tapped before they are known."""
        names = ("CHANNEL(linkedid)", "CALLGUARD_ROLE", "CALLGUARD")
        for attempt in count(1):
            try:
                linkedid, role, setting = await asyncio.gather(*(self.ari.variable(channel, each) for each in names))
            except NotFoundError:
                return
            except AriError as error:
                log.warning("channel_not_inspected", channel=channel, attempt=attempt, error=str(error))
                await asyncio.sleep(min(attempt * ASK_AGAIN_S, LONGEST_PAUSE_S))
            else:
                self._see(Inspected(time.time(), channel, linkedid, role, setting))
                return

    def _started(self, output: Started) -> None:
        call = output.call
        self._emit(CallStarted(**self._call_facts(call)))
        self._legs.follow(call)

    def _changed(self, output: Changed) -> None:
        call = output.call
        self.supervision.call_changed(call, output.change)  # first, so that no supervisor overhears a consultation
        if output.change in ("apart", "hold", "transfer"):
            self._codes.parted(call.id)
        if output.change not in ("apart", "together"):
            held = {"on_hold": call.on_hold, "held_by": sorted(call.held_by)}
            self._emit(CallUpdated(**self._call_facts(call), **held, change=output.change))
        if output.change in ("together", "transfer") or (call.id, "agent") not in self._legs.tapped:
            self._legs.follow_anew(call)
        else:
            self._legs.follow(call)

    def _over(self, output: Over) -> None:
        call = output.call
        self.supervision.call_over(output)
        self._codes.forget(call.id)
        self._legs.drop(call)
        duration = max(0.0, output.at - call.started_at)
        self._emit(CallEnded(**self._call_facts(call), duration_s=duration, reason=output.reason))

    def _unclear(self, output: Unclear) -> None:
        log.warning("variable_unclear", channel=output.channel, name=output.name, value=output.value[:40])

    def _call_facts(self, call: Call) -> dict[str, Any]:
        return {
            "call": call.id,
            "queue": call.queue,
            "mode": call.mode,
            "agent": call.member,
            "customer_channel": call.customer_channel,
            "agent_channel": call.agent_channel,
            "wait_s": call.wait_s,
            "language": self._config.analysis.language_of(call.queue),
            "linkedid": call.linkedid or None,
            "unknown": call.unknown,
        }

    # --- internals ---

    def _hand_off(self, call: Call, channel: str, supervisor: str) -> None:
        self._see(HandOff(time.time(), channel, supervisor))
        if call.interface and call.queue:
            self._cooldowns.start(call.interface)

    def _ami_changed(self, up: bool, why: str) -> None:
        self._parts.tell("ami", up, why)
        if up:
            self._tasks.spawn(self._cooldowns.resume())
            self._tasks.spawn(self.people.refresh())

    async def _close(self) -> None:
        """End all parts concurrently: one that can't reach the PBX keeps no supervisor in a room."""
        parts = (self.supervision, self._legs, self._codes, self._cooldowns)
        for result in await asyncio.gather(*(part.close() for part in parts), return_exceptions=True):
            if isinstance(result, Exception):
                log.error("part_not_closed", exc_info=result)
        await self._reconciler.close()


_ACTIONS: Final[dict[type, Callable[[AriApp, Any], None]]] = {
    Inspect: AriApp._inspect,
    Started: AriApp._started,
    Changed: AriApp._changed,
    Over: AriApp._over,
    Unclear: AriApp._unclear,
}
