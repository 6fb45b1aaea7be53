import numpy as np
import pytest

from callguard.analysis.episodes import Episode, alarms, judge, total
from callguard.rules import RuleEngine, load_rules
from callguard.signals.table import LEG_INDEX, SignalTable


def signal(*parts):
    return np.concatenate([np.full(round(seconds * 10), value, np.float32) for seconds, value in parts])


def test_an_alarm_waits_for_its_hold_and_lasts_for_its_keep():
    found = alarms(signal((2, 0.1), (3, 0.9), (20, 0.1)), 0.5, hold_s=0.5, keep_s=4)
    assert found == [Episode(pytest.approx(2.6), pytest.approx(9.0))]


def test_short_excesses_and_unjudged_time_raise_none():
    assert alarms(signal((2, 0.1), (0.4, 0.9), (2, 0.1)), 0.5, hold_s=0.5) == []
    assert alarms(signal((5, np.nan)), 0.0, hold_s=0.5) == []


def test_alarms_within_keep_are_one():
    assert len(alarms(signal((1, 0.9), (3, 0.1), (1, 0.9), (20, 0.1)), 0.5, 0.5, keep_s=8)) == 1
    assert len(alarms(signal((1, 0.9), (9, 0.1), (1, 0.9), (20, 0.1)), 0.5, 0.5, keep_s=8)) == 2


def test_alarms_fire_exactly_when_the_rule_engine_fires():
    """The operating curve must speak of the product's own rules."""
    rng = np.random.default_rng(4)
    text = """
groups:
  - name: g
    rules:
      - {alert: A, expr: customer.raised_voice > 0.5, for: 0.5s, keep_firing_for: 3s, labels: {severity: info}}
"""
    values = np.repeat(np.where(rng.random(300) < 0.15, 0.9, 0.1), rng.integers(3, 12, 300)).astype(np.float32)
    values[rng.random(len(values)) < 0.03] = np.nan
    from callguard.contracts.messages import CallFacts

    table = SignalTable(1, 1)
    table.open_call(0)
    table.customer[0] = 0
    engine = RuleEngine(load_rules([("r", text)]), table)
    engine.open_call(0, CallFacts("c"))
    fired = []
    for hop, value in enumerate(values):
        table.leg[LEG_INDEX["raised_voice"], 0] = value
        fired += [change.at for change in engine.step(round((hop + 1) * 0.1, 3)) if change.kind == "fired"]
    mine = [alarm.start for alarm in alarms(values, 0.5, 0.5, 3.0)]
    assert len(mine) > 5
    np.testing.assert_allclose(mine, fired, atol=0.051)


def test_first_alert_within_an_episode_catches_it_and_others_are_false():
    found = judge([5.0, 12.0, 14.0, 40.0], [Episode(10, 20), Episode(30, 35)], 60)
    assert found.delays == (2.0, None)
    assert found.false == (5.0, 40.0)


def test_totals():
    verdicts = [judge([12.0], [Episode(10, 20)], 1800), judge([3.0], [Episode(10, 20)], 1800)]
    found = total(verdicts)
    assert found["recall"] == 0.5
    assert found["precision"] == 0.5
    assert found["false_per_hour"] == 1
    assert found["delay_median_s"] == 2
    assert total([])["recall"] is None
