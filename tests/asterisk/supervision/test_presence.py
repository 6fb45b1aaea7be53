"""A session and its call: audio is cut before anything is told, and goes on where both hear each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision import presence as module
from callguard.asterisk.supervision.presence import Hooks, Presence
from callguard.asterisk.supervision.room import CutError, Room
from callguard.asterisk.supervision.session import Briefed, Session, SupervisionError, Suspended
from callguard.authority import Grant
from callguard.contracts.events import Event, SupervisionModeChanged, SupervisionStarted
from callguard.prompts import TEXTS
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import stasis

CALL = Call(
    id="c1", customer="customer", customer_channel="PJSIP/customer-1", agent="agent", agent_channel="PJSIP/agent-1",
    member="Mia", interface="PJSIP/agent", queue=None, wait_s=None, mode="raised_voice", started_at=0.0,
)  # fmt: skip


KEY, COMMAND = Grant("boss", "keys", "takeover"), Grant("cli", "cli", "takeover")

IGNORE: Any = lambda *_: None  # noqa: E731


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "SETTLE_S", 0.1)
    monkeypatch.setattr(module, "NEWS_S", 0.05)


class World:
    """One supervisor who whispers in one call."""

    def __init__(self, fake: FakeAri, make: Callable[..., Presence]) -> None:
        self.fake = fake
        self.calls = {"c1": CALL}
        self.events: list[Event] = []
        self.tasks: set[asyncio.Task[None]] = set()
        hooks = Hooks(self.events.append, IGNORE, IGNORE, IGNORE)
        self.presence = make(self.calls, hooks, lambda work: self.tasks.add(asyncio.create_task(work)))
        self.session = Session(
            "s", "c1", "boss", "PJSIP/boss", "whisper", None, None, "callguard.supervisor.s", "agent", Briefed(1.0)
        )

    async def becomes(self, **facts: Any) -> list[str]:
        """The call changes; return what Asterisk was asked once all is quiet."""
        before = len(self.fake.requests)
        self.changes(**facts)
        await self.quiet()
        return self.fake.calls()[before:]

    def changes(self, **facts: Any) -> None:
        self.calls["c1"] = replace(self.calls["c1"], **facts)
        self.presence.follow(self.session)

    async def quiet(self) -> None:
        while self.tasks:
            await self.tasks.pop()

    def told(self) -> list[tuple[bool, str | None]]:
        return [(each.suspended, each.reason) for each in self.events if isinstance(each, SupervisionModeChanged)]


def leased(fake: FakeAri) -> str:
    """The request that puts the newest ear under a lease."""
    ear = next(query["snoopId"] for _, path, query in reversed(fake.requests) if path.endswith("/snoop"))
    return f"POST /channels/{ear}/variable"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with stasis() as (fake, ari, watch, reconciler):
        made = World(fake, lambda *given: Presence(ari, watch, reconciler, *given))
        await made.presence.enter(made.session)
        await made.quiet()
        assert [type(event) for event in made.events] == [SupervisionStarted]
        yield made
        await made.quiet()


async def test_parting_cuts_first_and_tells_afterwards(world: World) -> None:
    world.changes(together=False)
    await asyncio.sleep(0.05)
    assert world.fake.calls()[-1].startswith("DELETE /channels/callguard.ear.")
    assert world.told() == []
    await world.quiet()
    assert world.told() == [(True, "consultation")]
    assert await world.becomes(together=True) == [
        "POST /channels/agent/snoop",
        leased(world.fake),
        "POST /bridges/callguard.room.s/addChannel",
    ]
    assert world.told()[1:] == [(False, "together")]
    assert world.session.present_mode == "whisper"


async def test_a_parting_that_is_over_at_once_is_not_told(world: World) -> None:
    world.changes(together=False)
    await asyncio.sleep(0.03)
    world.changes(together=True)
    await world.quiet()
    assert world.told() == []
    assert world.fake.calls()[-1] == "POST /bridges/callguard.room.s/addChannel", "the supervisor is back"


async def test_a_direct_transfer_moves_the_ear_to_the_new_agent(world: World) -> None:
    asked = await world.becomes(agent="successor", agent_channel="PJSIP/successor-1")
    assert asked[-1] == "POST /bridges/callguard.room.s/addChannel"
    assert "POST /channels/successor/snoop" in asked
    assert world.told() == [(False, "transfer")]


async def test_changes_that_come_thick_and_fast_end_where_the_call_is(world: World) -> None:
    for agent, together in (("a", True), ("a", False), ("b", True), ("b", False), ("c", True)):
        world.changes(agent=agent, together=together)
        await asyncio.sleep(0.02)
    await world.quiet()
    snoops = [path for _, path, _ in world.fake.requests if path.endswith("/snoop")]
    assert snoops[-1] == "/channels/c/snoop"
    made = [query["snoopId"] for _, path, query in world.fake.requests if path.endswith("/snoop")]
    assert [snoop for snoop in made if f"DELETE /channels/{snoop}" not in world.fake.calls()] == made[-1:]
    assert world.told()[-1] == (False, "transfer")


async def test_a_mode_chosen_while_apart_counts_afterwards_and_a_takeover_is_refused(world: World) -> None:
    await world.becomes(together=False)
    before = len(world.fake.requests)
    with pytest.raises(SupervisionError, match="refused"):
        await world.presence.switch(world.session, "takeover", KEY)
    await world.presence.switch(world.session, "barge", KEY)
    assert len(world.fake.requests) == before
    assert isinstance(world.session.state, Suspended)
    await world.becomes(together=True)
    whispers = [query["whisper"] for _, path, query in world.fake.requests if path.endswith("/snoop")]
    assert whispers == ["out", "both"]


async def test_waiting_for_a_new_agent_has_an_end_and_a_consultation_has_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLLOW_S", 0.05)
    await world.becomes(together=False)
    await asyncio.sleep(0.1)
    assert world.session.why is None
    await world.becomes(agent=None, agent_channel=None, transferring=True)
    await asyncio.sleep(0.1)
    assert world.session.why == "transfer"


async def test_an_ear_that_cant_be_made_ends_the_session(world: World) -> None:
    world.fake.answer("POST", "/channels/successor/snoop", {"message": "gone"}, 404)
    await world.becomes(agent="successor", agent_channel="PJSIP/successor-1")
    assert world.session.why == "asterisk"


async def test_what_failed_because_the_agent_hung_up_is_left_to_the_hangup(world: World) -> None:
    world.fake.answer("POST", "/channels/successor/snoop", {"message": "gone"}, 404)
    world.changes(agent="successor", agent_channel="PJSIP/successor-1")
    await asyncio.sleep(0.02)
    await world.becomes(agent=None, agent_channel=None, together=False)
    assert world.session.why is None


async def test_a_parting_during_a_change_of_mode_refuses_a_take_over_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(*_: Any) -> None:
        raise CutError

    monkeypatch.setattr(Room, "tune", cut)
    await world.presence.switch(world.session, "listen", COMMAND)
    assert world.session.present_mode == "listen"
    monkeypatch.setattr(Presence, "_take_over", cut)
    with pytest.raises(SupervisionError, match="refused"):
        await world.presence.switch(world.session, "takeover", COMMAND)
    assert world.session.present_mode == "listen"


async def test_who_took_over_follows_nobody(world: World) -> None:
    assert await world.becomes(agent=world.session.channel, agent_channel="PJSIP/boss-1") == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"together": False, "transferring": True}, "transfer"),
        ({"together": False, "agent": None, "agent_channel": None}, "transfer"),
        ({"together": False}, "consultation"),
        ({"held_by": {"customer"}}, "hold"),
        ({"together": False, "held_by": {"customer"}}, "consultation"),
    ],
)
async def test_a_transfer_under_way_is_told_from_a_consultation_and_from_a_hold(
    world: World, facts: dict[str, Any], reason: str
) -> None:
    await world.becomes(**facts)
    assert world.told() == [(True, reason)]


@pytest.mark.parametrize("missing", ["agent", "agent_channel"])
async def test_there_is_nothing_to_take_over_without_an_agent(world: World, missing: str) -> None:
    world.calls["c1"] = replace(CALL, **{missing: None})
    with pytest.raises(SupervisionError, match="no_call"):
        await world.presence.switch(world.session, "takeover", COMMAND)


async def test_an_agent_who_does_not_go_after_a_take_over_is_left_alone_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their channel may be in another call by then."""
    monkeypatch.setattr(module, "LEFT_S", 0.02)
    monkeypatch.setattr(module, "INSIST_S", 0.1)
    world.fake.stuck.add("agent")
    await world.presence.switch(world.session, "takeover", KEY)
    assert "agent" in world.presence._reconciler.under_way
    await asyncio.sleep(0.15)
    assert "agent" not in world.presence._reconciler.under_way


HOLD = frozenset({"customer"})


def notices(fake: FakeAri) -> list[str]:
    """Media that the supervisor's own channel was asked to play."""
    return [
        query["media"] for _, path, query in fake.requests if path.startswith("/channels/callguard.supervisor.s/play")
    ]


async def test_the_customers_hold_cuts_first_and_is_told_to_the_supervisor_and_then_taken_up(world: World) -> None:
    world.changes(held_by=HOLD)
    await asyncio.sleep(0.05)
    assert world.fake.calls()[-1].startswith("DELETE /channels/callguard.ear.")
    assert (world.told(), notices(world.fake)) == ([], [])
    await world.quiet()
    assert (world.told(), notices(world.fake)) == ([(True, "hold")], ["sound:callguard/wait-hold"])
    assert module.HOLD in TEXTS
    with pytest.raises(SupervisionError, match="hold"):
        await world.presence.switch(world.session, "takeover", KEY)
    asked = await world.becomes(held_by=frozenset())
    assert asked[-1] == "POST /bridges/callguard.room.s/addChannel"
    assert world.told()[1:] == [(False, "together")]


async def test_the_agents_hold_leaves_the_supervisor_where_they_are(world: World) -> None:
    assert await world.becomes(held_by=frozenset({"agent"})) == []
    assert world.told() == []


async def test_a_hold_that_is_over_at_once_is_not_told(world: World) -> None:
    world.changes(held_by=HOLD)
    await asyncio.sleep(0.03)
    world.changes(held_by=frozenset())
    await world.quiet()
    assert (world.told(), notices(world.fake)) == ([], [])


async def test_why_a_supervisor_waits_is_told_anew_as_a_hold_comes_or_goes(world: World) -> None:
    await world.becomes(held_by=HOLD)
    await world.becomes(together=False)
    await world.becomes(together=True)
    assert world.told() == [(True, "hold"), (True, "consultation"), (True, "hold")]


async def test_a_hold_has_no_end_even_where_a_transfer_came_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLLOW_S", 0.3)
    await world.becomes(agent=None, agent_channel=None, together=False)
    await world.becomes(agent="next", agent_channel="PJSIP/next-1", together=True, held_by=HOLD)
    await asyncio.sleep(0.4)
    assert world.session.why is None
