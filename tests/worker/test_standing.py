"""What stands against judging: the call's state, clipping, digits, loss and silence of the network, by precedence."""

import numpy as np
import pytest

from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, FRAME_SAMPLES, HOP_FRAMES, Hop
from callguard.audio.gates import Reason
from callguard.contracts.messages import CallFacts
from callguard.worker.standing import STALLED_TICKS, Standing

CALM, FLAT_TOPS = 100, 20_000


def hop(*rows: int, loud: int = CALM, flags: int = 0) -> Hop:
    shape = (len(rows), HOP_FRAMES)
    pcm = np.where(np.arange(FRAME_SAMPLES) % 20 < 10, loud, -loud).astype(np.int16)
    return Hop(np.array(rows), np.broadcast_to(pcm, (*shape, FRAME_SAMPLES)), np.full(shape, flags, np.uint8))


def ramp(row: int) -> Hop:
    """A hop without flat tops."""
    pcm = np.tile(np.linspace(-3000, 3000, FRAME_SAMPLES).astype(np.int16), (1, HOP_FRAMES, 1))
    return Hop(np.array([row]), pcm, np.zeros((1, HOP_FRAMES), np.uint8))


def standing(**facts: object) -> Standing:
    """Legs 0 and 1 of call 0; leg 2 is nobody's."""
    made = Standing(legs=3, calls=1)
    made.open_call(0, CallFacts("c", **facts))
    made.open_leg(0, 0)
    made.open_leg(1, 0)
    return made


def reasons(made: Standing, one: Hop) -> list[Reason]:
    return [Reason(int(reason)) for reason in made.step(one)]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, Reason.JUDGED),
        ({"together": False}, Reason.APART),
        ({"together": False, "on_hold": True}, Reason.HOLD),
        ({"mode": "off", "on_hold": True, "together": False}, Reason.OFF),
    ],
)
def test_a_calls_state_stands_against_its_legs(facts: dict[str, object], reason: Reason) -> None:
    assert reasons(standing(**facts), hop(0, 1)) == [reason, reason]


def test_a_leg_of_no_call_is_off() -> None:
    assert reasons(standing(), hop(2)) == [Reason.OFF]


def test_flat_tops_of_a_while_are_clipping() -> None:
    made = standing()
    assert reasons(made, hop(0, loud=FLAT_TOPS)) == [Reason.JUDGED]
    for _ in range(10):
        made.step(hop(0, loud=FLAT_TOPS))
    assert reasons(made, hop(0, loud=FLAT_TOPS)) == [Reason.CLIPPING]
    assert reasons(made, ramp(1)) == [Reason.JUDGED]


def test_a_digit_stands_for_half_a_second() -> None:
    made = standing()
    assert reasons(made, hop(0, flags=FRAME_DTMF)) == [Reason.DTMF]
    assert [reasons(made, ramp(0))[0] for _ in range(5)] == [Reason.DTMF] * 4 + [Reason.JUDGED]


def test_loss_of_a_while_outweighs_a_digit_and_hold_outweighs_loss() -> None:
    made = standing()
    for _ in range(10):
        made.step(hop(0, flags=FRAME_LOST | FRAME_DTMF))
    assert reasons(made, hop(0, flags=FRAME_LOST | FRAME_DTMF)) == [Reason.LOST]
    made.update_call(0, CallFacts("c", on_hold=True))
    assert reasons(made, hop(0, flags=FRAME_LOST)) == [Reason.HOLD]


@pytest.mark.parametrize("before", [{"on_hold": True}, {"together": False}])
def test_parties_talk_again_after_hold_or_a_consultation(before: dict[str, object]) -> None:
    made = standing(**before)
    assert not made.update_call(0, CallFacts("c", **before))
    assert made.update_call(0, CallFacts("c"))
    assert not made.update_call(0, CallFacts("c", agent_request=1))


def test_a_consultation_that_turns_into_hold_is_no_talk() -> None:
    assert not standing(together=False).update_call(0, CallFacts("c", on_hold=True))


def test_nothing_is_known_of_a_leg_before_its_first_hop_and_after_a_second_without_one() -> None:
    made = standing()
    made.step(hop(1))
    assert [list(each) for each in made.stalled()] == [[0], [Reason.STALLED]]
    made.step(hop(0))
    for _ in range(STALLED_TICKS):
        assert list(made.stalled()[0]) == []
        made.tick()
        made.step(hop(1))
    assert [list(each) for each in made.stalled()] == [[0], [Reason.STALLED]]
    made.step(hop(0))
    assert list(made.stalled()[0]) == []


def test_what_explains_the_missing_audio_is_told_instead() -> None:
    made = standing(on_hold=True)
    for _ in range(STALLED_TICKS):
        made.tick()
    assert list(made.stalled()[1]) == [Reason.HOLD, Reason.HOLD]


def test_a_line_that_loses_or_clips_is_less_than_whole() -> None:
    made = standing()
    assert list(made.intact(np.array([0, 1]))) == [1, 1]
    made.step(hop(0, flags=FRAME_LOST))
    assert 0.85 < made.intact(np.array([0]))[0] < 0.95
    for _ in range(30):
        made.step(hop(1, loud=FLAT_TOPS))
    assert made.intact(np.array([1]))[0] == 0


def test_a_row_forgets_its_last_leg() -> None:
    made = standing()
    for _ in range(30):
        made.tick()
        made.step(hop(0, loud=FLAT_TOPS, flags=FRAME_DTMF | FRAME_LOST))
    made.close_leg(0)
    assert made.call[0] == -1
    made.open_leg(0, 0)
    assert reasons(made, ramp(0)) == [Reason.JUDGED]
    assert made.intact(np.array([0]))[0] == pytest.approx(1, abs=0.02)
