"""Alerts have limits without any configuration: nobody is rung without end."""

import pytest

from callguard.config import AlertsConfig, ConfigError, parse_config


def test_a_critical_alert_speaks_for_a_warning_unless_it_is_configured_otherwise() -> None:
    (inhibit,) = AlertsConfig().inhibit
    assert (inhibit.source, inhibit.target) == ({"severity": "critical"}, {"severity": "warning"})
    assert parse_config("alerts: {inhibit: []}", "x").alerts.inhibit == ()


@pytest.mark.parametrize("key", ["budget_per_hour", "escalate_after_s"])
def test_a_limit_of_zero_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=f"alerts.{key}: must be"):
        parse_config(f"alerts: {{{key}: 0}}", "x")
