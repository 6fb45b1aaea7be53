"""The people of a chaos run: customers who call, agents who consult, supervisors who answer, listen and leave."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.chaos_ears import Span, customer_voice, heard, markers, other_voice
from benchmarks.chaos_floor import Floor
from benchmarks.chaos_plan import PlannedCall, calls
from benchmarks.chaos_records import CallRecord, Cast, Recording
from callguard.testbed.lab.pbx import FEATURES
from callguard.testbed.lab.phone import CallFailed, Phone, PhoneCall
from callguard.testbed.lab.tones import read_wav, write_wav

VOICE_S: Final = 60.0
CALM_S: Final = 5.0
ANSWER_S: Final = 6.0
"""Seconds within which a dialled phone answers; a longer time is a fault of the floor itself."""
REJOIN_S: Final = 2.0
"""Seconds from a colleague's hangup until Asterisk has joined agent and customer again, after a beep."""
RECORDED_S: Final = 2.0
"""Seconds from a call's end until its recording is complete."""
STAY_S: Final = (8.0, 16.0)
ATTENDED: Final = "*2"


@dataclass
class Taped:
    """A finished call of one phone whose recording has not been read."""

    call: PhoneCall
    began: float
    ended: float

    async def read(self, hertz: dict[str, float]) -> Recording:
        """Return the times at which each phone was heard; a call that ended at its answer has no recording."""
        try:
            path = await asyncio.wait_for(self.call.heard(), RECORDED_S)
        except TimeoutError:
            return Recording(self.call.phone.name, self.ended, self.ended, {})
        found = await asyncio.to_thread(lambda: heard(read_wav(path), hertz))
        moved = {
            phone: [(self.began + begin, self.began + end) for begin, end in spans] for phone, spans in found.items()
        }
        return Recording(self.call.phone.name, self.began, self.ended, moved)


@dataclass
class Talk:
    """A call in progress; `record` makes its CallRecord after its end."""

    line: int
    plan: PlannedCall
    customer: PhoneCall
    agent: PhoneCall
    began: float
    id: str
    ended: float = 0.0
    dropped: str | None = None
    asked_at: float | None = None
    took_over_at: float | None = None
    apart: Span | None = None
    private: Span | None = None
    taped: list[Taped] = field(default_factory=list)

    async def record(self, hertz: dict[str, float]) -> CallRecord:
        """Read the recordings."""
        recordings = tuple([await taped.read(hertz) for taped in self.taped])
        return CallRecord(
            self.line, self.id, self.plan.joining, self.began, self.ended, self.dropped, self.asked_at,
            self.took_over_at, self.apart, self.private, recordings,
        )  # fmt: skip


class People:
    """The people at the phones; `talks` and `supervisors` are finished calls."""

    def __init__(self, floor: Floor, seed: int) -> None:
        self.talks: list[Talk] = []
        self.supervisors: list[Taped] = []
        self.failed: list[str] = []
        self.hertz = markers(floor.cast.phones)
        self._floor, self._seed = floor, seed
        self._cast: Cast = floor.cast
        self._chance = Random(seed)
        self._tapes: set[asyncio.Task[Taped]] = set()
        self._taking_over: set[str] = set()

    def make_voices(self, folder: Path) -> None:
        """Write each person's voice as FOLDER/PHONE.wav, and assign it to all phones but the customers'."""
        self._folder = folder
        for phone, hertz in self.hertz.items():
            own = phone.startswith("customer")
            samples = (
                customer_voice(hertz, self._number(phone), CALM_S, VOICE_S) if own else other_voice(hertz, VOICE_S)
            )
            write_wav(self.voice(phone), samples)
            if not own:
                self._floor.lab.farm.phone(phone).voice = self.voice(phone)

    def voice(self, phone: str) -> Path:
        """Return the file of a phone's voice."""
        return self._folder / f"{phone}.wav"

    @staticmethod
    def _number(phone: str) -> int:
        return int("".join(filter(str.isdigit, phone)))

    async def talk(self, line: int, until: float) -> None:
        """Call again and again on a line; no call begins after `until`."""
        for plan in calls(line, self._seed):
            await asyncio.sleep(plan.pause_s)
            if self._floor.now > until:
                return
            try:
                await self._one(line, plan)
            except (CallFailed, TimeoutError) as error:
                self.failed.append(f"line {line}: {type(error).__name__} {error}".strip())
                await self._hang_up(line)

    async def _one(self, line: int, plan: PlannedCall) -> None:
        customer_phone, agent_phone = (self._phone(name) for name in self._cast.of_line(line)[:2])
        customer = await customer_phone.call(f"{FEATURES}{agent_phone.number}", self.voice(customer_phone.name))
        agent = await agent_phone.answered(ANSWER_S)
        talk = Talk(line, plan, customer, agent, self._floor.now, await self._floor.linkedid(customer_phone.name))
        tapes = self._tape(customer), self._tape(agent)
        await self._live(talk)
        talk.ended = self._floor.now
        await self._hang_up(line)
        heard, put_out = [await tape for tape in tapes]
        talk.taped += [heard, put_out]
        if self._may_be_put_out(talk) and put_out.ended < talk.ended:
            talk.took_over_at = put_out.ended
        self.talks.append(talk)

    async def _live(self, talk: Talk) -> None:
        """Carry out the plan until the call's end, planned or not."""
        async with asyncio.TaskGroup() as group:
            doing = [group.create_task(self._ask(talk)), group.create_task(self._consult(talk))]
            lasts = talk.began + talk.plan.lasts_s
            over = await self._over(talk, lasts)
            if over:
                talk.dropped = over
            for task in doing:
                task.cancel()

    async def _over(self, talk: Talk, at: float) -> str | None:
        """Wait until a time; return the party that hung up before without being asked to, if any."""
        while self._floor.now < at:
            if talk.customer.ended.is_set():
                return f"customer of line {talk.line}, cause {talk.customer.cause}"
            if talk.agent.ended.is_set() and not self._may_be_put_out(talk):
                return f"agent of line {talk.line}, cause {talk.agent.cause}"
            await asyncio.sleep(0.05)
        return None

    def _may_be_put_out(self, talk: Talk) -> bool:
        return talk.plan.joining == "takeover" and talk.asked_at is not None

    async def _ask(self, talk: Talk) -> None:
        """Ask a supervisor to join by command."""
        if talk.plan.joining == "nobody":
            return
        await asyncio.sleep(max(0.0, talk.began + talk.plan.joins_at_s - self._floor.now))
        joiner = self._cast.joiner(talk.line)
        if talk.plan.joining == "takeover":
            self._taking_over.add(joiner)
        talk.asked_at = self._floor.now
        await self._floor.ask(talk.plan.joining, talk.id, joiner)

    async def _consult(self, talk: Talk) -> None:
        """Let the agent put the customer on hold, consult a colleague and return."""
        if talk.plan.consults_at_s is None:
            return
        await asyncio.sleep(max(0.0, talk.began + talk.plan.consults_at_s - self._floor.now))
        colleague_phone = self._phone(self._cast.colleague(talk.line))
        began = self._floor.now
        talk.apart = (began, talk.began + talk.plan.lasts_s)
        await talk.agent.dtmf(f"{ATTENDED}{colleague_phone.number}")
        try:
            colleague = await colleague_phone.answered(ANSWER_S)
        except TimeoutError:
            self.failed.append(f"line {talk.line}: the colleague was not rung")
            return
        tape, private = self._tape(colleague), self._floor.now
        try:
            await asyncio.sleep(talk.plan.consults_for_s)
        finally:
            talk.private = (private, self._floor.now)
            await colleague.hangup()
            talk.apart = (began, self._floor.now + REJOIN_S)
            talk.taped.append(await tape)

    async def attend(self, phone: str) -> None:
        """Answer as a supervisor again and again: talk for a time, then leave, except after a take-over."""
        while True:
            call = await self._phone(phone).answered(3600)
            tape = self._tape(call)
            with contextlib.suppress(TimeoutError):
                stay = VOICE_S if phone in self._taking_over else self._chance.uniform(*STAY_S)
                await asyncio.wait_for(call.ended.wait(), stay)
            self._taking_over.discard(phone)
            await self._end(call)
            self.supervisors.append(await tape)

    def _phone(self, name: str) -> Phone:
        return self._floor.lab.farm.phone(name)

    def _tape(self, call: PhoneCall) -> asyncio.Task[Taped]:
        async def follow() -> Taped:
            await call.ended.wait()
            return Taped(call, self._floor.now - call.elapsed, self._floor.now)

        task = asyncio.create_task(follow())
        self._tapes.add(task)
        task.add_done_callback(self._tapes.discard)
        return task

    async def _end(self, call: PhoneCall) -> None:
        if not call.ended.is_set():
            with contextlib.suppress(TimeoutError):
                await call.hangup()

    async def _hang_up(self, line: int) -> None:
        """Let the customer hang up first, then all phones of the line that are still in a call."""
        for name in self._cast.of_line(line):
            for call in self._phone(name).calls:
                await self._end(call)
            await asyncio.sleep(0.2)
