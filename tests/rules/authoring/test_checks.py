"""What a rule may not do although its syntax is right, and what to write instead."""

import pytest

from callguard.config import ConfigError, Notify
from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.checks import BARGE_AFTER_S, modes_of, switched_off, unknown_targets
from callguard.rules.language.parser import parse


def load(rule: str) -> RuleSet:
    return load_rules([("r", f"groups: [{{name: g, rules: [{{alert: R, {rule}}}]}}]")])


def problem(rule: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(rule)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("expr: call.silence_s > 5, labels: {severity: critcal}", "did you mean 'critical'?; allowed: info, warning"),
        ("expr: 1 < 2", "expr reads no signal, so it would hold always or never"),
        ("expr: customer.anger > 0.5, modes: [raised_voice, emotion]", "write modes: [emotion] or leave it out"),
        ("expr: agent.level_rise_db > 5", "reads agent.level_rise_db, how an agent speaks"),
        ("expr: call.silence_s > 5, annotations: {summary: '{agent.pitch_hz}'}", "may only advise the agent"),
        ("expr: agent.pitch_hz > 5, private: true, actions: [prompt:a, ring]", "prompt:NAME, found ring"),
        ("expr: agent.pitch_hz > 5, private: true", "allowed actions: prompt:NAME, found none"),
        ("expr: customer.raised_voice > 0.5, for: 4s, actions: [ring_barge]", "ring_barge after 4 s"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_to_write_instead(rule: str, said: str) -> None:
    assert said in problem(rule)


@pytest.mark.parametrize(
    "rule",
    [
        "expr: call.silence_s > 5, labels: {severity: critical}",
        "expr: customer.anger > 0.5",
        "expr: customer.anger > 0.5, modes: [emotion]",
        "expr: agent.speech > 0.5",
        "expr: agent.level_rise_db > 5, private: true, actions: [prompt:a]",
        "expr: agent.pitch_hz > 5, private: true, actions: [prompt:a], annotations: {summary: '{agent.pitch_hz}'}",
        "expr: customer.raised_voice > 0.5, for: 5s, actions: [ring_barge]",
        "expr: 'avg(customer.raised_voice, 5s) > 0.5', actions: [ring_barge]",
        "expr: call.agent_request == 1, actions: [ring_barge]",
        "expr: customer.raised_voice > 0.5, actions: [ring_whisper]",
    ],
)
def test_what_is_right_is_let_through(rule: str) -> None:
    assert len(load(rule)) == 1
    assert BARGE_AFTER_S == 5.0


def test_anger_can_be_judged_in_mode_emotion_only() -> None:
    assert modes_of(parse("max(customer.anger, 2s) > 0.5")) == ("emotion",)
    assert modes_of(parse("customer.raised_voice > 0.5")) == ("raised_voice", "emotion")


NOTIFY = Notify.model_validate(
    {"webhooks": {"chat": {"url": {"env": "URL"}}}, "emails": {"lead": {"to": ["a@b.example"]}}, "queue_log": True}
)


def test_an_action_must_name_what_exists() -> None:
    rules = load("expr: call.silence_s > 5, actions: [webhook:chat, webhook:chta, email:lead, prompt:slow-down]")
    assert unknown_targets(rules, NOTIFY, ["slow-down"]) == [
        "rule R: actions: webhook:chta does not exist; did you mean 'webhook:chat'?; "
        "known: webhook:chat, email:lead, prompt:slow-down"
    ]
    assert unknown_targets(load("expr: call.silence_s > 5, actions: [prompt:a]"), Notify(), []) == [
        "rule R: actions: prompt:a does not exist; known: none"
    ]


def test_a_way_that_is_switched_off_is_told() -> None:
    rules = load("expr: call.silence_s > 5, actions: [queue_log, cel]")
    assert switched_off(rules, NOTIFY) == ["rule R: actions: cel is switched off; notify.cel: true switches it on"]
