"""The recent past in columns: windows are right at every age of the ring, and what is unknown stays unknown."""

import math

import numpy as np
import pytest

from callguard.rules.engine.history import CURVE_POINTS, Column, Curves, History, Need, Ring, Series
from callguard.rules.language.ast import Ref

VOICE, TALK = Ref("customer", "raised_voice"), Ref("call", "talk_over")
NAN = math.nan


def column(*values: float) -> Column:
    return np.array(values, np.float32)


def ring(hops: int, *values: float, extremes: bool = True) -> Ring:
    made = Ring(hops, 1, extremes)
    for value in values:
        made.push(column(value))
    return made


@pytest.mark.parametrize("pushed", range(3, 14))
def test_a_window_is_right_however_often_the_ring_went_round(pushed: int) -> None:
    made = ring(5, *range(pushed))
    newest = pushed - 1
    assert made.mean(3)[0] == newest - 1
    assert made.share(2)[0] == newest - 0.5
    assert made.extreme(3, np.fmax)[0] == newest
    assert made.extreme(3, np.fmin)[0] == newest - 2
    assert made.mean(2, ago=1)[0] == newest - 1.5


def test_a_mean_leaves_out_what_is_unknown_and_a_share_counts_it_as_nothing() -> None:
    made = ring(10, 0.5, NAN, 1.0, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    assert made.mean(10)[0] == 0.75
    assert made.share(10)[0] == pytest.approx(0.15)


@pytest.mark.parametrize(("known", "enough"), [(1, False), (2, True)])
def test_a_fifth_of_the_window_must_be_known(known: int, enough: bool) -> None:
    made = ring(10, *[1.0] * known, *[NAN] * (10 - known))
    assert np.isfinite(made.mean(10)[0]) == np.isfinite(made.share(10)[0]) == enough
    assert made.extreme(10, np.fmax)[0] == 1.0


def test_nothing_known_has_no_mean_and_no_extreme() -> None:
    made = ring(4, NAN, NAN)
    assert np.isnan([made.mean(1)[0], made.share(1)[0], made.extreme(2, np.fmin)[0]]).all()


def test_infinite_values_are_unknown() -> None:
    made = ring(4, 1.0, math.inf, -math.inf)
    assert made.mean(3)[0] == made.extreme(3, np.fmax)[0] == 1.0


def test_forgetting_a_call_leaves_the_others() -> None:
    made = Ring(4, 2, extremes=True)
    for _ in range(3):
        made.push(column(1.0, 2.0))
    made.clear(0)
    assert np.isnan(made.mean(3)[0])
    assert np.isnan(made.extreme(3, np.fmax)[0])
    assert made.mean(3)[1] == made.extreme(3, np.fmax)[1] == 2.0
    made.push(column(5.0, 2.0))
    assert made.mean(1)[0] == 5.0
    assert made.share(2)[0] == 2.5


@pytest.mark.parametrize("pushed", [2, 4, 7, 9])
@pytest.mark.parametrize("hops", [2, 4, 6])
def test_another_ring_takes_over_what_it_has_room_for(pushed: int, hops: int) -> None:
    old = ring(4, *range(pushed))
    new = Ring(hops, 1, extremes=True)
    new.adopt(old)
    kept = min(hops, 4, pushed)
    for width in range(1, kept + 1):
        assert new.mean(width)[0] == old.mean(width)[0]
        assert new.extreme(width, np.fmin)[0] == old.extreme(width, np.fmin)[0]
    new.push(column(100.0))
    assert new.mean(1)[0] == new.extreme(hops, np.fmax)[0] == 100.0
    assert new.mean(2)[0] == (100.0 + pushed - 1) / 2


def test_a_ring_without_extremes_holds_no_values_and_can_be_taken_over() -> None:
    old = ring(3, 1.0, 2.0, extremes=False)
    assert old.values.size == 0
    new = Ring(3, 1, extremes=True)
    new.adopt(old)
    assert new.mean(2)[0] == 1.5
    assert np.isnan(new.extreme(2, np.fmax)[0])


def curves(seconds: float) -> Curves:
    made = Curves([VOICE, TALK], 2, 0.1)
    for step in range(round(seconds * 10)):
        made.push({VOICE: column(step, -1), TALK: column(0, 0)})
    return made


def test_a_curve_has_a_point_every_half_second_the_newest_last() -> None:
    points = curves(2.1).of(VOICE, 0)
    assert points.shape == (CURVE_POINTS,) == (60,)
    assert list(points[-5:]) == [0, 5, 10, 15, 20]
    assert np.isnan(points[:-5]).all()
    assert list(curves(40).of(VOICE, 0)[[0, -1]]) == [100, 395]
    assert list(curves(2.5).of(VOICE, 0)[-2:]) == [15, 20]


def test_a_curve_that_was_not_begun_is_empty() -> None:
    assert np.isnan(Curves([VOICE], 1, 0.1).of(VOICE, 0)).all()


def test_a_step_longer_than_half_a_second_makes_a_point_each() -> None:
    made = Curves([VOICE], 1, 1.0)
    for step in range(3):
        made.push({VOICE: column(step)})
    assert list(made.of(VOICE, 0)[-3:]) == [0, 1, 2]


def test_a_calls_curve_is_forgotten_with_it() -> None:
    made = curves(3)
    made.clear(0)
    assert np.isnan(made.of(VOICE, 0)).all()
    assert (made.of(VOICE, 1)[-6:] == -1).all()


def test_curves_of_the_same_signals_are_taken_over() -> None:
    old = curves(3)
    new = Curves([Ref("agent", "speech"), VOICE], 2, 0.1)
    new.adopt(old)
    assert list(new.of(VOICE, 0)[-6:]) == list(old.of(VOICE, 0)[-6:])
    assert np.isnan(new.of(Ref("agent", "speech"), 0)).all()


def history() -> History:
    needs = [Need(Series(VOICE), 1.0), Need(Series(VOICE), 2.0, extremes=True), Need(Series(VOICE, above=0.5), 1.0)]
    return History(needs, [VOICE], 1, 0.1)


def test_the_widest_window_of_a_series_counts_and_extremes_if_anybody_asks() -> None:
    rings = history().rings
    assert (rings[Series(VOICE)].hops, len(rings[Series(VOICE)].values)) == (20, 40)
    assert (rings[Series(VOICE, 0.5)].hops, len(rings[Series(VOICE, 0.5)].values)) == (10, 0)
    assert len(rings) == 2
    assert History([Need(Series(VOICE), 0.1)], [], 1, 0.1).rings[Series(VOICE)].hops == 2


@pytest.mark.parametrize(("seconds", "hops"), [(0.05, 1), (0.1, 1), (0.3, 3), (0.31, 4), (2.0, 20), (0.0, 1)])
def test_a_window_has_at_least_one_hop_and_is_rounded_up(seconds: float, hops: int) -> None:
    assert history().hops(seconds) == hops


def test_above_an_amount_is_one_or_nothing_and_unknown_stays_unknown() -> None:
    made = history()
    for value in (0.6, 0.5, NAN, 0.4):
        made.push({VOICE: column(value)})
    above = made.rings[Series(VOICE, 0.5)]
    assert above.share(4)[0] == 0.25
    assert above.mean(4)[0] == pytest.approx(1 / 3)


def test_a_call_is_forgotten_everywhere() -> None:
    made = history()
    made.push({VOICE: column(0.6)})
    made.clear(0)
    assert np.isnan([ring.mean(1)[0] for ring in made.rings.values()]).all()
    assert np.isnan(made.curves.of(VOICE, 0)).all()


def test_a_new_set_of_rules_keeps_the_past_of_the_series_that_it_still_needs() -> None:
    old = history()
    for _ in range(10):
        old.push({VOICE: column(0.6)})
    new = History([Need(Series(VOICE), 1.0), Need(Series(TALK), 1.0)], [VOICE], 1, 0.1)
    new.adopt(old)
    assert new.rings[Series(VOICE)].mean(10)[0] == pytest.approx(0.6)
    assert np.isnan(new.rings[Series(TALK)].mean(1)[0])
    assert new.curves.of(VOICE, 0)[-1] == pytest.approx(0.6)
