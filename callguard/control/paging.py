"""Paging: rings and briefs supervisors, stops rings, prompts agents; for alerts and for commands."""

import time
from collections.abc import Callable, Mapping

from callguard.alerts import Alert
from callguard.alerts.effects import PromptAgent, RingSupervisors
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.session import RingRequest, Session, SupervisionError
from callguard.asterisk.supervision.supervision import Supervision
from callguard.authority import Grant
from callguard.authority.asker import RULES
from callguard.config import Config
from callguard.contracts.vocabulary import Right
from callguard.control.briefing import briefing


def by_rule(right: Right) -> Grant:
    """Return a rule's permission, which its author gave; the store rings only supervisors who hold the right."""
    return Grant(RULES, "rule", right)


class Paging:
    """One node's calls to people.

    Args:
        config: of the node.
        calls: the present calls by id.
        supervision: rings phones and whispers prompts.
        find_alert: returns an open alert by its identifier; None when there is none.
        on_unanswered: called with the alert whose ring ended without an answer.
    """

    def __init__(
        self,
        config: Config,
        calls: Mapping[str, Call],
        supervision: Supervision,
        find_alert: Callable[[str | None], Alert | None],
        on_unanswered: Callable[[str], None],
    ) -> None:
        self._calls = calls
        self._supervision = supervision
        self._find_alert = find_alert
        self._on_unanswered = on_unanswered
        self.apply(config)

    def apply(self, config: Config) -> None:
        """Put other supervisors and settings in force; a phone that rings goes on ringing."""
        self._config = config
        self._supervisors = {supervisor.name: supervisor for supervisor in config.supervisors}

    async def ring(self, effect: RingSupervisors) -> None:
        """Ring for an alert. Raises SupervisionError when nobody joined."""
        known = tuple(self._supervisors[name] for name in effect.supervisors if name in self._supervisors)
        spoken = self.briefing(effect.call, effect.alert)
        request = RingRequest(
            effect.call, known, effect.mode, alert=effect.alert, timeout_s=effect.timeout_s, briefing=spoken,
            grant=by_rule(effect.mode),
        )  # fmt: skip
        try:
            await self._supervision.ring(request)
        except SupervisionError as error:
            if error.reason != "stopped":
                self._on_unanswered(effect.alert)
            raise

    async def join(self, request: RingRequest) -> Session:
        """Ring for a command; return the session once joined. Raises SupervisionError."""
        return await self._supervision.ring(request)

    async def stop(self, alert: str) -> None:
        """Stop the phones that ring for an alert."""
        await self._supervision.stop_ringing(alert)

    async def prompt(self, effect: PromptAgent) -> None:
        """Whisper a prompt to the agent; a private rule's prompt leaves no event. Raises SupervisionError."""
        grant = by_rule("prompt")
        await self._supervision.prompt(effect.call, effect.prompt, private=not effect.alert, grant=grant)

    def briefing(self, call: str, alert: str | None) -> tuple[str, ...]:
        """Return the media URIs of a supervisor's briefing, for an alert or for a join by command."""
        present = self._calls.get(call)
        if present is None or not self._config.supervision.briefing:
            return ()
        queue = self._config.analysis.queues.get(present.queue or "")
        minute = int((time.time() - present.started_at) // 60) + 1
        spoken = queue.spoken if queue else None
        return tuple(briefing(self._find_alert(alert), minute=minute, agent=present.member, queue_media=spoken))
