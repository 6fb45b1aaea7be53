"""The configuration of alerts, as the store uses it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callguard.alerts.alert import Alert
from callguard.alerts.on_duty import on_duty
from callguard.config import Access, AlertsConfig, Config, SupervisionConfig, SupervisorConfig
from callguard.contracts.vocabulary import JoinMode
from callguard.rules.engine.rule import RING_MODES


def _local(now: float) -> datetime:
    return datetime.fromtimestamp(now).astimezone()


@dataclass(frozen=True)
class Policy:
    """Settings of alerts; `teams` gives each queue's team, `local` turns engine time into local time."""

    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    supervision: SupervisionConfig = field(default_factory=SupervisionConfig)
    supervisors: tuple[SupervisorConfig, ...] = ()
    teams: Mapping[str, str | None] = field(default_factory=dict)
    local: Callable[[float], datetime] = _local
    access: Access = field(default_factory=Access)

    @classmethod
    def from_config(cls, config: Config) -> "Policy":
        """Return the policy of a configuration."""
        teams = {name: queue.team for name, queue in config.analysis.queues.items()}
        return cls(config.alerts, config.supervision, config.supervisors, teams, access=config.access)

    def duty(self, alert: Alert, now: float) -> list[SupervisorConfig]:
        """Return the supervisors on shift for an alert's queue who may join in its mode, lowest tier first."""
        team, mode = self.teams.get(alert.queue) if alert.queue else None, self.ring_mode(alert)
        allowed = [each for each in self.supervisors if mode is None or mode in self.access.rights.get(each.role, ())]
        return on_duty(allowed, team, self.local(now))

    def ring_mode(self, alert: Alert) -> JoinMode | None:
        """Return the mode in which an alert's ring joins; None when its rule rings nobody."""
        action = next((action for action in alert.actions if action in RING_MODES), None)
        mode: JoinMode | None = RING_MODES[action] if action else None
        return self.supervision.default_mode if action == "ring" else mode

    @property
    def ring_s(self) -> float:
        """Longest ring in seconds."""
        return min(self.supervision.ring_timeout_s, self.alerts.escalate_after_s)
