"""Configuration: the schema, the reader that names file and line, secrets, and the effects of a reload."""

from callguard.config.base import Secret, Section
from callguard.config.notify import Email, Notify, Watchdog, Webhook
from callguard.config.pbx import Ami, Ari, AsteriskConfig, Media
from callguard.config.schema import (
    AlertsConfig,
    Analysis,
    Config,
    Console,
    Inhibit,
    JournalConfig,
    Logging,
    Privacy,
    QueueAnalysis,
    Redis,
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
    "SupervisionConfig",
    "SupervisorConfig",
    "Watchdog",
    "Webhook",
    "load_config",
    "parse_config",
    "read_rule_files",
]
