"""Supervisors are rung, join, change modes by keys and commands, and are seen out; every end has its reason."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from callguard.asterisk import events
from callguard.asterisk.discovery.calls import Over
from callguard.asterisk.events import AriEvent, Channel, StasisStart
from callguard.asterisk.supervision import presence
from callguard.asterisk.supervision import supervision as module
from callguard.asterisk.supervision.presence import Hooks
from callguard.asterisk.supervision.session import Ended, RingRequest, Session, SupervisionError
from callguard.asterisk.supervision.supervision import Supervision
from callguard.asterisk.upkeep import leases
from callguard.asterisk.upkeep.leases import PERSON_S
from callguard.authority import Grant
from callguard.config import SupervisionConfig, SupervisorConfig
from callguard.contracts.events import (
    Event,
    PromptPlayed,
    SupervisionEnded,
    SupervisionEvent,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
    SupervisionStarted,
)
from callguard.contracts.vocabulary import Right
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import stasis
from tests.asterisk.supervision.test_presence import CALL

ANN, BOB = (SupervisorConfig(name=name, endpoint=f"PJSIP/{name}") for name in ("ann", "bob"))
RINGS: Any = "rings"
COMMAND, POLICY = Grant("cli", "cli", "listen"), Grant("Loud", "rule", "listen")


class Desk:
    """One call, supervisors' phones that do as told, and a record of all that was said."""

    def __init__(self, fake: FakeAri, make: Callable[..., Supervision]) -> None:
        self.fake = fake
        self.calls = {"c1": CALL}
        self.events: list[Event] = []
        self.verdicts: list[tuple[str, str]] = []
        self.handed: list[str] = []
        self.phones: dict[str, int | str | None] = {}
        """What each endpoint does: None: answers; a number: is gone with that cause; RINGS: rings on."""
        hooks = Hooks(
            self.events.append,
            lambda call, channel, name: self.handed.append(channel),
            lambda session, verdict: self.verdicts.append((session.supervisor, verdict)),
            self._permit,
        )
        self.forbidden: set[str] = set()
        self.supervision = make(SupervisionConfig(), self.calls, hooks)

    def _permit(self, session: Session, right: Right) -> Grant | None:
        return None if right in self.forbidden else Grant(session.supervisor, "keys", right)

    def told(self, kind: type[Event] | None = None) -> list[str]:
        chosen = [event for event in self.events if kind is None or isinstance(event, kind)]
        return [type(event).__name__.removeprefix("Supervision") for event in chosen]

    def reasons(self) -> list[tuple[str, str]]:
        ends = [event for event in self.events if isinstance(event, SupervisionEnded | SupervisionFailed)]
        return [(event.supervisor, event.reason) for event in ends]

    async def ring(self, *supervisors: SupervisorConfig, **facts: Any) -> Session:
        request = RingRequest(facts.pop("call", "c1"), supervisors or (ANN,), facts.pop("mode", "whisper"), **facts)
        return await asyncio.wait_for(self.supervision.ring(request), 5)

    def key(self, session: Session, digit: str) -> None:
        boss = Channel(session.channel, "PJSIP/ann-1")
        self.supervision.see(events.ChannelDtmfReceived(0.0, boss, digit))

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(5):
            while not (found := condition()):
                await asyncio.sleep(0.005)
        return found

    async def ended(self, count: int = 1) -> list[tuple[str, str]]:
        await self.until(lambda: len(self.reasons()) >= count)
        return self.reasons()


@asynccontextmanager
async def desks() -> AsyncIterator[Desk]:
    async with stasis() as (fake, ari, watch, reconciler):
        desk = Desk(fake, lambda *given: Supervision(ari, watch, reconciler, *given))
        happens = fake.after

        def see(event: AriEvent) -> None:
            reconciler.see(event)
            watch.see(event)
            desk.supervision.see(event)

        def after(request: web.Request) -> None:
            happens(request)
            if request.path == "/ari/channels" and request.method == "POST":
                phone = Channel(request.query["channelId"], "PJSIP/x-1")
                does = desk.phones.get(request.query["endpoint"])
                if does is None:
                    asyncio.get_running_loop().call_soon(see, StasisStart(0.0, phone))
                elif does != RINGS:
                    asyncio.get_running_loop().call_soon(see, events.ChannelDestroyed(0.0, phone, int(does)))

        fake.after = after
        yield desk
        await desk.supervision.close()


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(presence, "SETTLE_S", 0.01)
    monkeypatch.setattr(presence, "NEWS_S", 0.01)
    monkeypatch.setattr(presence, "LEFT_S", 0.1)
    async with desks() as made:
        yield made


async def test_who_answers_joins_in_the_mode_that_was_asked_for(desk: Desk) -> None:
    session = await desk.ring(ANN, mode="barge", alert="a7", command="cmd")
    assert desk.told() == ["Requested", "Ringing", "Started"]
    (started,) = [event for event in desk.events if isinstance(event, SupervisionStarted)]
    assert (started.supervisor, started.mode, started.alert, started.command) == ("ann", "barge", "a7", "cmd")
    assert desk.supervision.sessions == [session]


async def test_the_first_of_several_to_answer_wins_and_the_other_phones_stop(desk: Desk) -> None:
    desk.phones["PJSIP/ann"] = RINGS
    session = await desk.ring(ANN, BOB)
    assert session.supervisor == "bob"
    assert await desk.ended() == [("ann", "answered_elsewhere")]
    assert desk.supervision.sessions == [session]


@pytest.mark.parametrize(("causes", "reason"), [((17,), "busy"), ((19,), "no_answer"), ((17, 17), "busy")])
async def test_when_nobody_joins_it_is_said_why(desk: Desk, causes: tuple[int, ...], reason: str) -> None:
    people = (ANN, BOB)[: len(causes)]
    desk.phones |= {person.endpoint: cause for person, cause in zip(people, causes, strict=True)}
    with pytest.raises(SupervisionError, match=reason):
        await desk.ring(*people)
    assert sorted(desk.reasons()) == [(person.name, reason) for person in people]
    assert desk.supervision.sessions == []


async def test_a_session_that_failed_is_over(desk: Desk) -> None:
    desk.phones["PJSIP/ann"] = RINGS
    ringing = asyncio.create_task(desk.ring())
    await desk.until(lambda: desk.told(SupervisionRinging))
    (session,) = desk.supervision.sessions
    await desk.supervision.stop("c1")
    assert session.state == Ended("stopped")
    with pytest.raises(SupervisionError, match="stopped"):
        await ringing


async def test_a_call_that_is_not_there_or_has_no_agent_is_refused_with_an_event(desk: Desk) -> None:
    desk.calls["c2"] = replace(CALL, id="c2", agent=None)
    for call in ("c2", "none"):
        with pytest.raises(SupervisionError, match="no_call"):
            await desk.ring(call=call)
    assert desk.reasons() == [("ann", "no_call")] * 2
    assert desk.fake.requests == []


async def test_a_phone_that_is_in_use_with_us_is_busy(desk: Desk) -> None:
    await desk.ring()
    desk.calls["c2"] = replace(CALL, id="c2")
    with pytest.raises(SupervisionError, match="busy"):
        await desk.ring(call="c2")
    assert desk.reasons() == [("ann", "busy")]


async def test_without_anybody_to_ring_nobody_is_reached(desk: Desk) -> None:
    with pytest.raises(SupervisionError, match="unreachable"):
        await desk.supervision.ring(RingRequest("c1", (), "whisper"))


async def test_who_asked_and_goes_away_takes_the_ringing_along(desk: Desk) -> None:
    desk.phones["PJSIP/ann"] = RINGS
    ringing = asyncio.create_task(desk.ring())
    await desk.until(lambda: desk.told(SupervisionRinging))
    ringing.cancel()
    assert await desk.ended() == [("ann", "stopped")]


async def test_stopping_releases_the_supervisor_and_their_channel(desk: Desk) -> None:
    session = await desk.ring()
    await desk.supervision.stop("c1", "ann")
    assert desk.reasons() == [("ann", "stopped")]
    assert f"DELETE /channels/{session.channel}" in desk.fake.calls()
    for call in ("c1", "none"):
        with pytest.raises(SupervisionError, match="refused" if call == "c1" else "no_call"):
            await desk.supervision.stop(call)


async def test_stopping_one_leaves_the_other(desk: Desk) -> None:
    await desk.ring(ANN, mode="listen")
    bob = await desk.ring(BOB)
    await desk.supervision.stop("c1", "PJSIP/ann")
    assert desk.reasons() == [("ann", "stopped")]
    assert desk.supervision.sessions == [bob]


async def test_the_phones_of_an_alert_stop_ringing_and_who_has_joined_stays(desk: Desk) -> None:
    joined = await desk.ring(BOB, alert="a1")
    desk.phones["PJSIP/ann"] = RINGS
    ringing = asyncio.create_task(desk.ring(ANN, alert="a1"))
    await desk.until(lambda: len(desk.told(SupervisionRinging)) == 2)
    await desk.supervision.stop_ringing("other")
    assert desk.reasons() == []
    await desk.supervision.stop_ringing("a1")
    with pytest.raises(SupervisionError, match="stopped"):
        await ringing
    assert desk.supervision.sessions == [joined]


@pytest.mark.parametrize(("digit", "mode"), [("4", "listen"), ("6", "barge")])
async def test_a_key_changes_the_mode(desk: Desk, digit: str, mode: str) -> None:
    session = await desk.ring()
    desk.key(session, digit)
    await desk.until(lambda: desk.told(SupervisionModeChanged))
    (changed,) = [event for event in desk.events if isinstance(event, SupervisionModeChanged)]
    assert (changed.mode, changed.previous, changed.by) == (mode, "whisper", "key")


async def test_a_key_that_asks_for_what_can_not_be_is_without_effect(desk: Desk) -> None:
    session = await desk.ring()
    desk.calls["c1"] = replace(CALL, together=False)
    with capture_logs() as logs:
        desk.key(session, "7")
        await desk.until(lambda: logs)
    assert [entry["event"] for entry in logs] == ["key_without_effect"]
    assert session.joined is not None


async def test_keys_judge_the_alert_leave_and_others_do_nothing(desk: Desk) -> None:
    session = await desk.ring()
    for digit in "90158":
        desk.key(session, digit)
    assert desk.verdicts == [("ann", "useful"), ("ann", "false")]
    assert desk.told(SupervisionModeChanged) == []
    desk.key(session, "*")
    assert await desk.ended() == [("ann", "supervisor_left")]
    desk.key(session, "9")
    assert len(desk.verdicts) == 2


async def test_a_key_before_joining_ends_the_briefing_and_nothing_else(desk: Desk) -> None:
    happens = desk.fake.after
    desk.fake.after = lambda request: None if "/play/" in request.path else happens(request)
    joining = asyncio.create_task(desk.ring(briefing=("sound:a", "sound:b")))
    await desk.until(lambda: [call for call in desk.fake.calls() if "/play/" in call])
    (session,) = desk.supervision.sessions
    desk.key(session, "9")
    desk.key(session, "8")
    await desk.until(lambda: [call for call in desk.fake.calls() if call.startswith("DELETE /playbacks/")])
    assert (desk.verdicts, desk.told(SupervisionStarted)) == ([], [])
    (play,) = [path for _, path, _ in desk.fake.requests if "/play/" in path]
    happens(make_mocked_request("POST", f"/ari{play}"))
    await joining
    assert session.joined is not None
    assert played_media(desk) == ["sound:a"]


async def test_a_briefing_is_played_part_by_part_so_that_its_lease_is_renewed(desk: Desk) -> None:
    await desk.ring(briefing=("sound:a", "sound:b"))
    assert played_media(desk) == ["sound:a", "sound:b"]


def played_media(desk: Desk) -> list[str]:
    return [query["media"] for _, path, query in desk.fake.requests if "/play/" in path]


async def test_a_key_without_the_right_does_nothing(desk: Desk) -> None:
    session = await desk.ring(ANN)
    desk.forbidden = {"barge", "judge"}
    desk.key(session, "6")
    desk.key(session, "9")
    desk.key(session, "4")
    await desk.until(lambda: desk.told(SupervisionModeChanged))
    (changed,) = [event for event in desk.events if isinstance(event, SupervisionModeChanged)]
    assert (changed.mode, changed.by, changed.sender, changed.door, changed.right) == (
        "listen", "key", "ann", "keys", "listen"
    )  # fmt: skip
    assert (session.present_mode, desk.verdicts) == ("listen", [])


async def test_every_step_of_a_session_tells_by_whom_and_by_which_right_it_was_asked(desk: Desk) -> None:
    session = await desk.ring(ANN, grant=Grant("crm", "redis", "whisper"))
    session.end("stopped")
    await desk.ended()
    steps = [event for event in desk.events if isinstance(event, SupervisionEvent)]
    assert len(steps) == 4
    assert {(event.sender, event.door, event.right) for event in steps} == {("crm", "redis", "whisper")}


async def test_a_command_changes_the_mode_of_the_one_who_is_meant(desk: Desk) -> None:
    await desk.ring(ANN)
    await desk.supervision.set_mode("c1", None, "listen", COMMAND)
    await desk.ring(BOB)
    with pytest.raises(SupervisionError, match="refused"):
        await desk.supervision.set_mode("c1", None, "whisper", COMMAND)
    await desk.supervision.set_mode("c1", "bob", "listen", POLICY)
    changes = [event for event in desk.events if isinstance(event, SupervisionModeChanged)]
    assert [(event.supervisor, event.by) for event in changes] == [("ann", "command"), ("bob", "policy")]
    assert next((event.sender, event.door, event.right) for event in changes) == ("cli", "cli", "listen")
    with pytest.raises(SupervisionError, match="no_call"):
        await desk.supervision.set_mode("none", "bob", "listen", COMMAND)
    with pytest.raises(SupervisionError, match="refused"):
        await desk.supervision.set_mode("c1", "eve", "listen", COMMAND)


async def test_a_supervisor_who_hangs_up_has_left(desk: Desk) -> None:
    session = await desk.ring()
    desk.supervision.see(events.ChannelDestroyed(0.0, Channel(session.channel, "PJSIP/ann-1"), 16))
    assert await desk.ended() == [("ann", "supervisor_left")]


@pytest.mark.parametrize(
    ("reason", "left", "told"),
    [
        ("hangup", "customer", "customer_left"),
        ("hangup", "agent", "agent_left"),
        ("hangup", None, "agent_left"),
        ("opt_out", None, "stopped"),
        ("opt_out", "customer", "stopped"),
    ],
)
async def test_the_end_of_the_call_ends_the_session_with_who_left(
    desk: Desk, reason: Any, left: Any, told: str
) -> None:
    await desk.ring()
    desk.supervision.call_over(Over(0.0, replace(CALL, id="other"), reason, left))
    desk.supervision.call_over(Over(0.0, CALL, reason, left))
    assert await desk.ended() == [("ann", told)]


async def test_a_ring_for_a_call_that_ends_fails_with_no_call(desk: Desk) -> None:
    desk.phones["PJSIP/ann"] = RINGS
    ringing = asyncio.create_task(desk.ring())
    await desk.until(lambda: desk.told(SupervisionRinging))
    desk.supervision.call_over(Over(0.0, CALL, "hangup", "customer"))
    with pytest.raises(SupervisionError, match="no_call"):
        await ringing


async def test_a_hand_off_to_another_supervisor_ends_the_session(desk: Desk) -> None:
    await desk.ring()
    taken = replace(CALL, agent="callguard.supervisor.other", agent_channel="PJSIP/boss-9")
    desk.calls["c1"] = taken
    desk.supervision.call_changed(taken, "handoff")
    assert await desk.ended() == [("ann", "agent_left")]


async def test_the_one_who_took_over_is_the_agent_and_stays_through_hand_off_and_stop(desk: Desk) -> None:
    session = await desk.ring(mode="takeover")
    assert desk.handed == [session.channel]
    taken = replace(CALL, agent=session.channel, agent_channel="PJSIP/ann-1")
    desk.calls["c1"] = taken
    desk.supervision.call_changed(taken, "handoff")
    desk.fake.requests.clear()
    await desk.supervision.stop("c1", "ann")
    assert desk.reasons() == [("ann", "stopped")]
    assert f"DELETE /channels/{session.channel}" not in desk.fake.calls()


async def test_a_transfer_after_a_take_over_ends_the_session_as_such(desk: Desk) -> None:
    session = await desk.ring(mode="takeover")
    moved = replace(CALL, agent="agent2", agent_channel="PJSIP/agent2-1")
    desk.calls["c1"] = moved
    desk.supervision.call_changed(moved, "transfer")
    assert await desk.ended() == [("ann", "transfer")]
    assert session.took_over


@pytest.mark.parametrize("known", [True, False])
async def test_after_a_take_over_the_calls_end_tells_who_left(desk: Desk, known: bool) -> None:
    session = await desk.ring(mode="takeover")
    desk.calls["c1"] = replace(CALL, agent=session.channel)
    if not known:
        del desk.calls["c1"]
    desk.supervision.see(events.ChannelDestroyed(0.0, Channel(session.channel, "PJSIP/ann-1"), 16))
    assert session.why == (None if known else "supervisor_left")


async def test_a_customer_who_hangs_up_after_a_take_over_is_no_transfer(desk: Desk) -> None:
    """The supervisor's channel may go first: for a moment the call has no agent."""
    await desk.ring(mode="takeover")
    alone = replace(CALL, agent=None, together=False)
    desk.calls["c1"] = alone
    desk.supervision.call_changed(alone, "apart")
    desk.supervision.call_over(Over(0.0, alone, "hangup", "customer"))
    assert await desk.ended() == [("ann", "customer_left")]


async def test_the_end_of_a_call_that_was_taken_over_is_its_supervisors(desk: Desk) -> None:
    session = await desk.ring(mode="takeover")
    taken = replace(CALL, agent=session.channel)
    desk.supervision.call_over(Over(0.0, taken, "hangup", "agent"))
    assert await desk.ended() == [("ann", "supervisor_left")]


async def test_a_consultation_makes_a_supervisor_wait_and_go_on(desk: Desk) -> None:
    await desk.ring()
    for together in (False, True):
        desk.calls["c1"] = replace(CALL, together=together)
        desk.supervision.call_changed(desk.calls["c1"], "together" if together else "apart")
        await desk.until(lambda: len(desk.told(SupervisionModeChanged)) == 1 + together)  # noqa: B023
    changes = [event for event in desk.events if isinstance(event, SupervisionModeChanged)]
    assert [(event.suspended, event.reason) for event in changes] == [(True, "consultation"), (False, "together")]


async def test_who_is_missing_from_asterisks_list_has_gone_unless_they_came_later(desk: Desk) -> None:
    session = await desk.ring()
    desk.supervision.settle({session.channel}, session.rung_at + 1)
    desk.supervision.settle(set(), session.rung_at - 1)
    assert session.why is None
    desk.supervision.settle(set(), session.rung_at + 1)
    assert await desk.ended() == [("ann", "supervisor_left")]


async def test_a_prompt_is_told_unless_it_is_private(desk: Desk) -> None:
    assert await desk.supervision.prompt("c1", "slow-down", "cmd")
    desk.supervision.apply(SupervisionConfig(prompt_interval_s=0))
    assert await desk.supervision.prompt("c1", "slow-down", private=True)
    assert [(event.prompt, event.command) for event in desk.events if isinstance(event, PromptPlayed)] == [
        ("slow-down", "cmd")
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"agent": None}, "no_call"), ({"together": False}, "refused"), ({"held_by": {"customer"}}, "hold")],
)
async def test_a_prompt_needs_an_agent_who_is_with_the_customer(desk: Desk, facts: dict[str, Any], reason: str) -> None:
    desk.calls["c1"] = replace(CALL, **facts)
    with pytest.raises(SupervisionError, match=reason):
        await desk.supervision.prompt("c1", "slow-down")
    with pytest.raises(SupervisionError, match="no_call"):
        await desk.supervision.prompt("none", "slow-down")
    assert desk.fake.requests == []


async def test_an_end_that_asterisk_does_not_confirm_is_told_as_cutting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLD_S", 0.05)
    monkeypatch.setattr(module, "PROOF_S", 0.2)
    session = await desk.ring()
    desk.fake.stuck.add(session.channel)
    with pytest.raises(SupervisionError, match="asterisk"):
        await desk.supervision.stop("c1", "ann")
    (changed,) = [event for event in desk.events if isinstance(event, SupervisionModeChanged)]
    assert (changed.cutting, changed.by, changed.previous) == (True, "command", "whisper")
    assert (desk.supervision.cutting, desk.reasons()) == (1, [])
    desk.fake.stuck.clear()
    assert await desk.ended() == [("ann", "stopped")]
    assert desk.supervision.cutting == 0


def ear_of(desk: Desk) -> str:
    """The newest ear."""
    return next(query["snoopId"] for _, path, query in reversed(desk.fake.requests) if path.endswith("/snoop"))


async def test_an_ear_that_will_not_go_as_the_agent_consults_costs_the_supervisor_the_channel(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "ESCALATE_S", 0.1)
    session = await desk.ring()
    desk.fake.stuck.add(ear_of(desk))
    desk.calls["c1"] = replace(CALL, together=False)
    desk.supervision.call_changed(desk.calls["c1"], "apart")
    await asyncio.sleep(0.05)
    assert f"DELETE /channels/{session.channel}" not in desk.fake.calls(), "the ear alone has its time first"
    await desk.until(lambda: f"DELETE /channels/{session.channel}" in desk.fake.calls())
    assert desk.reasons() == [], "the ear may still hear"
    desk.fake.stuck.clear()
    assert await desk.ended() == [("ann", "asterisk")]


async def gone(desk: Desk, channel: str) -> None:
    """Asterisk ends a channel unasked."""
    desk.supervision.see(events.ChannelDestroyed(0.0, Channel(channel, "Snoop/1-1"), 16))
    await asyncio.sleep(0.1)


@pytest.mark.parametrize("how", ["event", "list"])
async def test_an_ear_that_asterisk_ended_unasked_is_made_anew_as_long_as_the_call_goes_on(
    desk: Desk, how: str
) -> None:
    session = await desk.ring()
    ear = ear_of(desk)
    if how == "event":
        await gone(desk, ear)
    else:
        desk.supervision.settle({session.channel}, session.rung_at + 60)
        await asyncio.sleep(0.1)
    assert ear_of(desk) != ear
    assert (desk.reasons(), desk.told(SupervisionModeChanged)) == ([], [])
    desk.calls["c1"] = replace(CALL, together=False)
    again = ear_of(desk)
    await gone(desk, again)
    assert ear_of(desk) == again, "nobody is heard while they are apart"


async def test_who_is_ended_by_a_lease_that_was_not_renewed_did_not_leave(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await desk.ring()
    later = time.monotonic() + PERSON_S + 1
    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: later))
    await gone(desk, session.channel)
    assert await desk.ended() == [("ann", "asterisk")]


async def test_ear_and_channel_go_at_once_although_a_change_of_mode_hangs(desk: Desk) -> None:
    session = await desk.ring(ANN, mode="listen")
    ear = ear_of(desk)
    hanging = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        hanging.set()
        await asyncio.sleep(0.6)
        return web.json_response({"message": "late"}, status=500)

    desk.fake.answers["POST", "/channels/agent/snoop"] = never
    switching = asyncio.create_task(desk.supervision.set_mode("c1", "ann", "whisper", COMMAND))
    await hanging.wait()
    stopping = asyncio.create_task(desk.supervision.stop("c1", "ann"))
    await asyncio.sleep(0.1)
    gone = desk.fake.calls()
    assert {f"DELETE /channels/{ear}", f"DELETE /channels/{session.channel}"} <= set(gone)
    await asyncio.gather(switching, stopping, return_exceptions=True)
    assert await desk.ended() == [("ann", "stopped")]


async def test_a_phone_that_cant_be_proved_to_be_silent_keeps_no_other_from_being_rung(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLD_S", 0.05)
    desk.phones["PJSIP/ann"] = RINGS
    ringing = asyncio.create_task(desk.ring(ANN, alert="a1"))
    await desk.until(lambda: desk.told(SupervisionRinging))
    (session,) = desk.supervision.sessions
    desk.fake.stuck.add(session.channel)
    stopping = asyncio.create_task(desk.supervision.stop_ringing("a1"))
    with pytest.raises(SupervisionError, match="stopped"):
        await ringing
    assert desk.reasons() == [], "it may still ring"
    desk.fake.stuck.clear()
    await stopping
    assert desk.reasons() == [("ann", "stopped")]


async def test_closing_releases_everybody(desk: Desk) -> None:
    desk.phones["PJSIP/bob"] = RINGS
    await desk.ring(ANN)
    ringing = asyncio.create_task(desk.ring(BOB))
    await desk.until(lambda: len(desk.told(SupervisionRinging)) == 2)
    await desk.supervision.close()
    assert sorted(desk.reasons()) == [("ann", "stopped"), ("bob", "stopped")]
    with pytest.raises(SupervisionError):
        await ringing
    assert len(desk.told(SupervisionRequested)) == 2
