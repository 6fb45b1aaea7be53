"""The teams that an act concerns: those of its call, its alert, or of each queue that a silence covers. Pure."""

from fnmatch import fnmatchcase

from callguard.config import Config


class Teams:
    """Teams by queue, as configured; case does not matter. A queue without a team is served by all."""

    def __init__(self, config: Config) -> None:
        self._by_queue = {name.casefold(): queue.team for name, queue in config.analysis.queues.items()}

    def of(self, queue: str | None) -> frozenset[str]:
        """Return the team of a queue; empty: it has none."""
        team = self._by_queue.get((queue or "").casefold())
        return frozenset({team} if team else ())

    def matching(self, pattern: str | None) -> frozenset[str]:
        """Return the teams of all queues that match a shell-style pattern; None matches all."""
        return frozenset(
            team
            for name, team in self._by_queue.items()
            if team and (pattern is None or fnmatchcase(name, pattern.casefold()))
        )
