"""Receivers are named before they are used."""

import pytest

from callguard.config import ConfigError, parse_config

HOOK = "webhooks: {chat: {url: {env: HOOK}}}"


def test_a_watchdog_goes_to_receivers_that_are_there() -> None:
    notify = parse_config(f"notify: {{{HOOK}, cel: true, watchdog: {{receivers: [webhook:chat, cel]}}}}", "x").notify
    assert notify.watchdog.receivers == ("webhook:chat", "cel")


def test_a_watchdog_to_an_unknown_receiver_names_those_that_are_there() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"notify: {{{HOOK}, watchdog: {{receivers: [webhook:chta, queue_log]}}}}", "x")
    (problem,) = caught.value.problems
    assert "notify.watchdog" in problem
    assert "no receiver webhook:chta, queue_log; configured: webhook:chat" in problem
