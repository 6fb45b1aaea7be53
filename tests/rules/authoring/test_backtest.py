"""Back-tests count what would have fired; a change is shown beside, by threshold or by rule."""

import numpy as np
import pytest

from callguard.contracts.messages import CallFacts
from callguard.rules.authoring.backtest import BATCH, backtest
from callguard.rules.authoring.overrides import with_overrides
from callguard.rules.authoring.replay import Recorded, replay
from callguard.rules.language.ast import Ref

FILE = """thresholds: {raised: 0.6}
groups:
  - name: g
    rules:
      - {alert: Raised, expr: customer.raised_voice > raised, keep_firing_for: 1s, actions: [ring_whisper]}
      - {alert: Share, expr: "share_above(customer.raised_voice, 0.5, 2s) > 0.5"}
      - {alert: Rise, expr: "rising(customer.raised_voice, 0.1, 2s)", shadow: true, actions: [ring]}
"""
FILES = [("r.yaml", FILE)]
VOICE = Ref("customer", "raised_voice")


def call(name: str, *levels: tuple[float, int]) -> Recorded:
    return Recorded(name, {VOICE: np.repeat(*map(np.array, zip(*levels, strict=True))).astype(np.float32)})


CALLS = [
    call("quiet", (0.2, 600)),
    call("loud", (0.2, 100), (0.7, 100), (0.2, 400)),
    call("twice", (0.2, 100), (0.9, 50), (0.2, 50), (0.65, 50), (0.2, 50)),
]


def test_fires_are_counted_per_rule_hour_and_supervisor_hour() -> None:
    result = backtest(with_overrides(FILES, []), CALLS, calls_at_once=10)
    raised = result.totals[0]
    assert result.hours == pytest.approx((600 + 600 + 300) / 36000, abs=1e-4)
    assert (raised.fires, raised.calls, raised.rings) == (3, 2, True)
    assert raised.per_hour == pytest.approx(3 / (1500 / 36000))
    assert raised.per_supervisor_hour == pytest.approx(raised.per_hour * 10)
    assert result.rings_per_supervisor_hour == raised.per_supervisor_hour
    first = result.fires[0]
    assert (first.call, first.leg, first.at_s, first.until_s, first.score) == ("loud", "customer", 10.1, 21.0, 0.7)


def test_a_rule_on_trial_rings_nobody() -> None:
    assert [total.rings for total in backtest(with_overrides(FILES, []), [], 10).totals] == [True, False, False]


@pytest.mark.parametrize(
    ("change", "fires"),
    [("raised=0.8", 1), ("Raised.raised_voice=0.68", 2), ("Raised.customer.raised_voice=0.1", 3), ("Raised.for=6s", 1)],
)
def test_a_change_is_one_word(change: str, fires: int) -> None:
    assert backtest(with_overrides(FILES, [change]), CALLS, 1).totals[0].fires == fires


def test_many_calls_give_what_each_gives_alone() -> None:
    rules = with_overrides(FILES, [])
    many = [CALLS[number % 3] for number in range(BATCH + 5)]
    alone = [len([t for t in replay(rules, [each])[0] if t.kind == "fired"]) for each in many]
    assert len(backtest(rules, many, 1).fires) == sum(alone)


def test_calls_of_a_queue_meet_rules_of_that_queue() -> None:
    text = FILE.replace("{alert: Raised,", "{alert: Raised, queues: [vip],")
    vip = Recorded("v", CALLS[1].signals, CallFacts("v", queue="vip"))
    assert backtest(with_overrides([("r", text)], []), [vip, CALLS[1]], 1).totals[0].calls == 1
