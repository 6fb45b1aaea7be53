"""From verdicts to a threshold: what is proposed, what it would cost, and when nothing is."""

from collections.abc import Sequence

import pytest

from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.proposals import Effect, Proposal, best, plain, propose
from callguard.rules.authoring.verdicts import Case, Ledger

TEXT = """thresholds: {raised: 0.6, talking: 0.3, silent_s: 25, level: 0}
groups:
  - name: g
    rules:
      - {alert: Raised, expr: customer.raised_voice > raised}
      - {alert: Both, expr: customer.raised_voice > raised and call.talk_over > talking}
      - {alert: Quiet, expr: customer.level_dbfs < level}
      - {alert: DeadAir, expr: call.silence_s > silent_s and not customer.raised_voice > raised}
      - {alert: Trial, expr: customer.raised_voice > raised, shadow: true}
      - {alert: Plain, expr: call.agent_request == 1}
"""
RULES = load_rules([("r.yaml", TEXT)])


def spread(low: float, high: float, count: int) -> list[float]:
    return [round(low + (high - low) * index / max(1, count - 1), 4) for index in range(count)]


def judged(
    useful: Sequence[float] = (),
    false: Sequence[float] = (),
    rule: str = "Raised",
    name: str = "raised",
    then: float | None = 0.6,
) -> list[Case]:
    thresholds = {} if then is None else {name: then}
    return [
        Case(rule, False, False, {name: limit}, thresholds, useful=worth)
        for worth, limits in ((True, useful), (False, false))
        for limit in limits
    ]


def ledger(*cases: list[Case], rules: RuleSet = RULES) -> Ledger:
    listed = [case for each in cases for case in each]
    return Ledger(rules, {f"a{number}": case for number, case in enumerate(listed)})


def only(*cases: list[Case], rule: str = "Raised", share: float = 0.5) -> Proposal:
    """The proposal for the first threshold of a rule."""
    found = ledger(*cases)
    return propose(found, next(each for each in found.rules if each.name == rule), share)[0]


def test_the_least_move_that_spares_half_of_the_false_alarms() -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)))
    assert (made.value, made.why) == (0.69, "")
    assert made.effect == Effect("Raised", false=10, false_gone=5, useful=15, useful_lost=0)
    assert made.yaml == "  raised: 0.69 # was 0.6: 5 of 10 false alarms of Raised gone, 0 of 15 useful ones lost"


def test_its_line_is_a_thresholds_file() -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)))
    assert load_rules([("r.yaml", TEXT), ("mine.yaml", f"thresholds:\n{made.yaml}\n")]).thresholds["raised"] == 0.69


@pytest.mark.parametrize(("share", "value", "gone", "lost"), [(0.1, 0.61, 1, 0), (0.8, 0.75, 8, 1), (1, 0.79, 10, 3)])
def test_more_false_alarms_spared_cost_more_useful_ones(share: float, value: float, gone: int, lost: int) -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)), share=share)
    assert made.effect is not None
    assert (made.value, made.effect.false_gone, made.effect.useful_lost) == (value, gone, lost)


def test_too_few_verdicts_say_so() -> None:
    made = only(judged(useful=spread(0.8, 0.9, 10), false=spread(0.61, 0.7, 9)))
    assert (made.value, made.yaml, made.effect) == (None, None, None)
    assert made.why == "19 verdicts with evidence; a proposal needs 20"


def test_alerts_without_a_verdict_count_for_nothing() -> None:
    silent = [Case("Raised", False, True, {"raised": 0.65}, {"raised": 0.6}) for _ in range(50)]
    assert "19 verdicts" in only(silent, judged(useful=spread(0.8, 0.9, 10), false=spread(0.61, 0.7, 9))).why


def test_all_useful_proposes_nothing() -> None:
    assert only(judged(useful=spread(0.61, 0.9, 30))).why == "no false alarm"


def test_all_false_proposes_what_spares_them() -> None:
    made = only(judged(false=spread(0.61, 0.9, 30)))
    assert made.effect == Effect("Raised", 30, 15, 0, 0)


def test_a_value_that_does_not_tell_them_apart_is_not_proposed() -> None:
    made = only(judged(useful=spread(0.61, 0.9, 15), false=spread(0.61, 0.9, 15)))
    assert (made.value, made.yaml) == (None, None)
    assert made.effect == Effect("Raised", 15, 8, 15, 8)
    assert made.why == ("at 0.76 8 of 15 false alarms and 8 of 15 useful ones would be gone: it does not separate them")


def test_ties_all_go_together() -> None:
    """A rule on time fires at the same value always: no value of the threshold separates anything."""
    made = only(judged([25.1] * 12, [25.1] * 12, "DeadAir", "silent_s", 25.0), rule="DeadAir")
    assert (made.value, made.effect) == (None, Effect("DeadAir", 12, 12, 12, 12))
    tied = only(judged(useful=spread(0.8, 0.9, 12), false=[0.65] * 12), share=0.1)
    assert (tied.value, tied.effect) == (0.65, Effect("Raised", 12, 12, 12, 0))


def test_evidence_that_tells_nothing_is_left_out_and_counted() -> None:
    missing = [Case("Raised", False, False, {}, {}, useful=True) for _ in range(3)]
    made = only(missing, judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)))
    assert (made.left_out, made.effect) == (3, Effect("Raised", 10, 5, 15, 0))


def test_alerts_that_todays_threshold_would_not_let_through_are_left_out() -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)), judged(false=[0.5] * 9, then=0.4))
    assert (made.left_out, made.value) == (9, 0.69)


def test_an_alert_of_todays_threshold_counts_where_the_curve_puts_it_a_little_below() -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=[0.59] * 6))
    assert (made.left_out, made.value) == (0, 0.61)
    before = only(judged(useful=spread(0.75, 0.95, 20), false=[0.59] * 6, then=None))
    assert (before.left_out, before.why) == (6, "no false alarm")


def test_where_less_is_stricter_it_moves_down() -> None:
    made = only(judged(spread(20, 40, 15), spread(1, 9, 10), "Quiet", "level", 0), rule="Quiet")
    assert (made.value, made.now) == (-4.56, 0)
    assert made.effect == Effect("Quiet", 10, 5, 15, 0)


def test_a_threshold_that_decides_nothing_is_not_moved() -> None:
    made = only(judged(useful=spread(0.75, 0.95, 15), false=[float("inf")] * 10))
    assert made.why == "too many of the false alarms fire at any value"


def test_a_threshold_that_makes_rules_both_stricter_and_looser_is_named_as_such() -> None:
    proposals = {made.threshold: made for made in propose(ledger(), RULES.rules[3], 0.5)}
    assert proposals["raised"].why == "its stricter direction can't be told from the rule"


def test_other_rules_of_the_threshold_are_reckoned_with_or_at_least_named() -> None:
    found = ledger(
        judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10)),
        judged(useful=[0.65, 0.9], false=[0.62], rule="Both"),
    )
    made = propose(found, RULES.rules[0], 0.5)[0]
    assert made.also == ("Both", "DeadAir", "Trial")
    assert made.elsewhere == (Effect("Both", false=1, false_gone=1, useful=2, useful_lost=1),)


def test_a_rule_without_named_thresholds_has_no_proposal() -> None:
    assert propose(ledger(), RULES.rules[5], 0.5) == []
    assert best([]) is None


def test_of_several_thresholds_the_one_that_costs_least_is_best() -> None:
    cases = judged(useful=spread(0.75, 0.95, 15), false=spread(0.61, 0.79, 10), rule="Both")
    for number, case in enumerate(cases):
        case.limits["talking"] = 0.9 if case.useful and number else 0.4
        case.thresholds["talking"] = 0.3
    proposals = propose(ledger(cases), RULES.rules[1], 0.8)
    assert [(made.threshold, made.effect and made.effect.useful_lost) for made in proposals] == [
        ("raised", 1),
        ("talking", 1),
    ]
    chosen = best(proposals)
    assert chosen is not None
    assert chosen.threshold == "talking", "as dear, but it spares ten, not eight"


def test_chance_is_fisher_s() -> None:
    """The lady tasting tea: three of four right happens by luck in 17 of 70."""
    assert Effect("R", false=4, false_gone=3, useful=4, useful_lost=1).chance == pytest.approx(17 / 70)
    assert Effect("R", false=4, false_gone=4, useful=4, useful_lost=0).chance == pytest.approx(1 / 70)


@pytest.mark.parametrize(("value", "text"), [(0.79, "0.79"), (30.0, "30"), (1e-07, "0.0000001"), (-4.6, "-4.6")])
def test_numbers_are_written_plainly(value: float, text: str) -> None:
    assert plain(value) == text
