"""Configuration: the schema, the reader that names file and line, secrets, and the effects of a reload."""

from callguard.config.access import Access, Sender
from callguard.config.alerts import AlertsConfig, Inhibit
from callguard.config.base import Secret, Section
from callguard.config.notify import Email, Notify, Watchdog, Webhook
from callguard.config.pbx import Ami, Ari, AsteriskConfig, Media
from callguard.config.redis import Redis
from callguard.config.schema import (
    Analysis,
    Config,
    Console,
    JournalConfig,
    Logging,
    Privacy,
    QueueAnalysis,
    RoleRule,
    Roles,
    Rules,
    SupervisionConfig,
    SupervisorConfig,
    load_config,
    parse_config,
    read_rule_files,
)
from callguard.config.source import ConfigError

__all__ = [
    "Access",
    "AlertsConfig",
    "Ami",
    "Analysis",
    "Ari",
    "AsteriskConfig",
    "Config",
    "ConfigError",
    "Console",
    "Email",
    "Inhibit",
    "JournalConfig",
    "Logging",
    "Media",
    "Notify",
    "Privacy",
    "QueueAnalysis",
    "Redis",
    "RoleRule",
    "Roles",
    "Rules",
    "Secret",
    "Section",
    "Sender",
    "SupervisionConfig",
    "SupervisorConfig",
    "Watchdog",
    "Webhook",
    "load_config",
    "parse_config",
    "read_rule_files",
]
