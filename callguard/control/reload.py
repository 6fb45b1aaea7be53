"""Reload: puts another configuration in force in all parts, or in none."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from callguard.config import Config, ConfigError, load_config
from callguard.config.reload import waiting_for_restart
from callguard.config.secrets import require_secrets
from callguard.rules.authoring.configured import Files, checked_rules
from callguard.runtime.logs import configure
from callguard.runtime.reload_answer import ReloadAnswer

log = structlog.get_logger(__name__)


class Part(Protocol):
    """A part of the service that can take another configuration while it runs."""

    def apply(self, config: Config) -> None:
        """Put a checked configuration in force."""


class Reload:
    """Reads the configuration again and has every part apply it.

    Args:
        config: configuration in force now.
        path: of callguard.yaml.
        apply_rules: called with the rule files as (name, text).
        parts: in the order in which they apply.
    """

    def __init__(self, config: Config, path: Path, apply_rules: Callable[[Files], None], parts: Sequence[Part]) -> None:
        self._config = config
        self._path = path
        self._apply_rules = apply_rules
        self._parts = tuple(parts)

    def __call__(self) -> ReloadAnswer:
        """Check all files first, then apply them; if a file is bad, the old configuration stays in force."""
        try:
            config = load_config(self._path)
            files, rules = checked_rules(config, self._path)
            require_secrets(config, str(self._path))
        except ConfigError as error:
            log.error("reload_refused", problems=error.problems)  # noqa: TRY400 - the problems need no traceback
            return ReloadAnswer(accepted=False, problems=tuple(error.problems))
        waiting = waiting_for_restart(self._config, config)
        if waiting:
            log.warning("reload_needs_restart", keys=waiting)
        problems = self._apply(config, files)
        self._config = config
        log.info("reloaded", rules=len(rules))
        return ReloadAnswer(accepted=True, problems=problems, needs_restart=tuple(waiting), rules=len(rules))

    def _apply(self, config: Config, files: Files) -> tuple[str, ...]:
        """Have every part apply the configuration; an error in one part keeps no other from it."""
        problems: list[str] = []
        if config.logging != self._config.logging:
            configure(config.logging)
        self._apply_rules(files)
        for part in self._parts:
            try:
                part.apply(config)
            except Exception as error:
                log.exception("part_not_reloaded", part=type(part).__name__)
                problems.append(f"{type(part).__name__} kept its old configuration: {error}")
        return tuple(problems)
