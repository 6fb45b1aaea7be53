"""Alerts: from a rule that fired to a supervisor who takes the alert, without noise. Pure.

`store.AlertStore` owns all alerts; each other module answers one question about them.
"""

from callguard.alerts.alert import Alert, AlertError
from callguard.alerts.outcome import Outcome
from callguard.alerts.policy import Policy
from callguard.alerts.silences import Silence, SilenceScope
from callguard.alerts.store import AlertStore, Where

__all__ = ["Alert", "AlertError", "AlertStore", "Outcome", "Policy", "Silence", "SilenceScope", "Where"]
