"""A session's states allow only legal transitions; of phones that ring together one wins."""

import asyncio

import pytest

from callguard.asterisk.supervision.session import (
    Briefed,
    Ended,
    Joined,
    Requested,
    Ring,
    Ringing,
    RingRequest,
    Session,
    SupervisionError,
    Suspended,
)


def session(name: str) -> Session:
    return Session(name, "call", name, f"PJSIP/{name}", "whisper", None, None, f"callguard.supervisor.{name}", "agent")


def test_the_way_through_all_states() -> None:
    joined = Requested().ring(10.0).answer(12.5).join("whisper", 13.0)
    assert joined == Joined("whisper", 13.0)
    assert joined.switch("barge").end("stopped", 20.0) == Ended("stopped", 7.0)
    assert Requested().ring(10.0).answer(12.5).rang_s == 2.5


def test_a_suspended_session_goes_on_in_its_mode_or_in_the_one_chosen_meanwhile() -> None:
    waiting = Joined("whisper", 13.0).suspend(15.0, "consultation")
    assert waiting == Suspended("whisper", 13.0, 15.0, "consultation")
    assert waiting.resume() == Joined("whisper", 13.0)
    assert waiting.switch("barge").resume() == Joined("barge", 13.0)
    assert waiting.go_on("hold") == Suspended("whisper", 13.0, 15.0, "hold")
    assert waiting.end("transfer", 20.0) == Ended("transfer", 7.0)


@pytest.mark.parametrize(
    ("state", "illegal"),
    [
        (Requested(), {"answer", "join", "switch", "end"}),
        (Ringing(0), {"ring", "join", "switch", "end"}),
        (Briefed(0), {"ring", "answer", "switch", "end"}),
        (Joined("listen", 0), {"ring", "answer", "join", "fail", "resume", "go_on"}),
        (Suspended("listen", 0, 0, "hold"), {"ring", "answer", "join", "fail", "suspend"}),
        (Ended("x"), {"ring", "answer", "join", "switch", "suspend", "resume", "end", "fail"}),
    ],
)
def test_illegal_transitions_dont_exist(state: object, illegal: set[str]) -> None:
    assert not [method for method in illegal if hasattr(state, method)]


async def test_the_first_to_answer_wins_and_the_others_end() -> None:
    ring = Ring(RingRequest("call", (), "whisper"))
    ring.sessions = [session("a"), session("b"), session("c")]
    a, b, c = ring.sessions
    ring.claim(b)
    assert (a.why, b.why, c.why) == ("answered_elsewhere", None, "answered_elsewhere")
    with pytest.raises(SupervisionError, match="answered_elsewhere"):
        ring.claim(a)
    ring.failed(a, "answered_elsewhere")
    ring.failed(c, "answered_elsewhere")
    assert not ring.outcome.done()
    ring.joined(b)
    assert await ring.outcome is b


@pytest.mark.parametrize("winner", [True, False])
async def test_nobody_joins_when_all_or_the_winner_failed(winner: bool) -> None:
    ring = Ring(RingRequest("call", (), "whisper"))
    ring.sessions = [session("a"), session("b")]
    a, b = ring.sessions
    if winner:
        ring.claim(b)
    else:
        ring.failed(a, "busy")
    ring.failed(b, "no_call")
    with pytest.raises(SupervisionError, match="no_call"):
        await ring.outcome


async def test_the_first_reason_to_end_stands() -> None:
    ending = session("a")
    ending.task = asyncio.create_task(asyncio.sleep(9))
    ending.end("customer_left")
    ending.end("agent_left")
    assert ending.why == "customer_left"
    await asyncio.gather(ending.task, return_exceptions=True)
    assert ending.task.cancelled()
