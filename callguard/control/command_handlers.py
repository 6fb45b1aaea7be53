"""Carries out commands."""

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, cast

from callguard.alerts import AlertError
from callguard.alerts.silences import Known, SilenceScope, check_scope
from callguard.ari_app import AriApp
from callguard.asterisk.supervision.session import RingRequest, Session, StillCuttingError, SupervisionError
from callguard.authority import Ask, Asker, Authority, Grant
from callguard.config import Config
from callguard.contracts.commands import Command, CommandError
from callguard.contracts.vocabulary import Verdict
from callguard.control.alert_manager import AlertManager
from callguard.control.paging import Paging
from callguard.prompts import TEXTS

REASONS: Final = {
    "no_call": "no such call at this node, or no agent in it now",
    "no_answer": "the supervisor did not answer",
    "busy": "the supervisor's phone is busy, or they are in a call with CallGuard already (set_mode changes the mode)",
    "unreachable": "the supervisor's phone can't be reached",
    "hold": "the call is on hold: the agent hears music, or the agent's phone plays nothing; ask again afterwards",
    "asterisk": "Asterisk could not do it",
}
REFUSALS: Final = {
    "set_mode": "nobody, or more than one, has joined this call, or it was taken over; name the supervisor",
    "stop": "no such supervisor is in this call or rung for it",
    "prompt": "too soon after the last prompt, or the agent is not with the customer now",
}
"""Meaning of the reason `refused`, by action."""
CUTTING: Final = (
    "Asterisk has not confirmed that they are out; they may still hear and be heard. CallGuard goes on cutting them "
    "off; supervision.ended tells when they are out"
)
NOT_NOW: Final = "the phone was put down at once, or the agent is not with the customer now"


class CommandHandlers:
    """Permits commands and carries them out; raises CommandError with a reason for the sender.

    Args:
        config: of the node.
        authority: decides who may do what.
        ari: the PBX: its present calls, its supervision.
        alerts: owner of alerts and silences.
        paging: rings supervisors.
        erased: waits until everything about an opted-out call is deleted; returns the number of deleted events.
        rules: returns the names of the rules in force.
    """

    def __init__(
        self,
        config: Config,
        authority: Authority,
        ari: AriApp,
        alerts: AlertManager,
        paging: Paging,
        erased: Callable[[str], Awaitable[int]],
        rules: Callable[[], Collection[str]],
    ) -> None:
        self._config = config
        self._authority = authority
        self._ari = ari
        self._calls = ari.calls
        self._supervision = ari.supervision
        self._alerts = alerts
        self._paging = paging
        self._erased = erased
        self._rules = rules
        self._handlers: Final[dict[str, Callable[[Command, Grant], Awaitable[dict[str, Any]]]]] = {
            "listen": self._join,
            "whisper": self._join,
            "barge": self._join,
            "takeover": self._join,
            "set_mode": self._set_mode,
            "stop": self._stop,
            "prompt": self._prompt,
            "ack": self._ack,
            "judge": self._judge,
            "silence": self._silence,
            "opt_out": self._opt_out,
        }

    def apply(self, config: Config) -> None:
        """Put other prompts in force."""
        self._config = config

    def permit(self, command: Command, asker: Asker) -> Grant:
        """Return the permission for a command. Raises ForbiddenError."""
        supervisor = command.supervisor
        if command.action == "set_mode" and supervisor is None:
            supervisor = self._only_one_in(command.call)
        elif command.action == "stop" and not asker.supervisors:
            supervisor = None  # the command names the one to release, who needs no right to it
        return self._authority.decide(asker, Ask(command.right, supervisor, self._teams(command)))

    async def __call__(self, command: Command, grant: Grant) -> dict[str, Any]:
        """Carry a permitted command out; return its result."""
        try:
            return await self._handlers[command.action](command, grant)
        except StillCuttingError as error:
            raise CommandError(f"{error.reason}: {CUTTING}") from error
        except SupervisionError as error:
            known = REASONS | {"refused": REFUSALS.get(command.action, NOT_NOW)}
            reason = known.get(error.reason)
            raise CommandError(f"{error.reason}: {reason}" if reason else error.reason) from error
        except AlertError as error:
            raise CommandError(str(error)) from error

    async def _join(self, command: Command, grant: Grant) -> dict[str, Any]:
        call, alert = self._call(command), command.args.get("alert")
        request = RingRequest(
            call,
            (grant.supervisor,) if grant.supervisor else (),
            command.action,  # type: ignore[arg-type]  # the table above sends only these actions here
            alert=alert,  # type: ignore[arg-type]  # checked against JoinArgs
            command=command.id,
            briefing=self._paging.briefing(call, alert),  # type: ignore[arg-type]  # as above
            grant=grant,
        )
        session = await self._paging.join(request)
        return _facts(session) | self._waits(call)

    async def _set_mode(self, command: Command, grant: Grant) -> dict[str, Any]:
        mode: Any = command.args["mode"]
        call = self._call(command)
        await self._supervision.set_mode(call, command.supervisor, mode, grant)
        return {"mode": mode} | self._waits(call)

    async def _stop(self, command: Command, _: Grant) -> dict[str, Any]:
        await self._supervision.stop(self._call(command), command.supervisor)
        return {}

    async def _prompt(self, command: Command, grant: Grant) -> dict[str, Any]:
        call, name = self._call(command), self._prompt_name(str(command.args["prompt"]))
        await self._supervision.prompt(call, name, command.id, grant=grant)
        return {"prompt": name}

    async def _ack(self, command: Command, grant: Grant) -> dict[str, Any]:
        alert, by = str(command.args["alert"]), _person(grant)
        self._alerts.acknowledge(alert, by)
        return {"alert": alert, "owner": by}

    async def _judge(self, command: Command, grant: Grant) -> dict[str, Any]:
        alert, verdict = str(command.args["alert"]), cast(Verdict, command.args["verdict"])
        self._alerts.judge(alert, verdict, _person(grant))
        return {"alert": alert, "verdict": verdict}

    async def _silence(self, command: Command, grant: Grant) -> dict[str, Any]:
        args: Any = command.args
        if args["ends"]:
            self._alerts.unsilence(args["ends"])
            return {"silence": args["ends"], "until": time.time()}
        scope = _scope(command)
        check_scope(scope, await self._known())
        silence = self._alerts.silence(_person(grant), args["why"], args["duration_s"], scope)
        return {"silence": silence.id, "until": silence.until}

    async def _known(self) -> Known:
        """Return the names that a silence may give: those of the configuration, of present calls, and of the PBX."""
        people = self._ari.people
        complete = await people.refresh()
        present = self._calls.values()
        queues = {*self._config.analysis.queues, *people.queues, *(call.queue for call in present if call.queue)}
        agents = {*people.names, *(call.member for call in present if call.member)}
        return Known(self._rules(), queues, agents, self._calls, complete)

    async def _opt_out(self, command: Command, _: Grant) -> dict[str, Any]:
        call = self._call(command)
        await self._ari.opt_out(call)
        return {"deleted_events": await self._erased(call)}

    def _waits(self, call: str) -> dict[str, Any]:
        """Return why the supervisor waits until the mode is in force; nothing where it is in force."""
        present = self._calls.get(call)
        return {"suspended": present.interrupted_by} if present and present.interrupted_by else {}

    def _call(self, command: Command) -> str:
        if command.call is None or command.call not in self._calls:
            raise SupervisionError("no_call")
        return command.call

    def _only_one_in(self, call: str | None) -> str | None:
        """Return the supervisor in a call, where there is exactly one."""
        found = [session.supervisor for session in self._supervision.sessions if session.call == call]
        return found[0] if len(found) == 1 else None

    def _teams(self, command: Command) -> frozenset[str]:
        """Return the teams that a command concerns."""
        teams, args = self._authority.teams, command.args
        if command.action == "silence":
            scope = self._alerts.scope_of(str(args["ends"])) if args["ends"] else _scope(command)
            if scope and scope.call is None:
                return teams.matching(scope.queue)
            return teams.of(self._queue(scope.call if scope else None))
        alert: Any = args.get("alert")
        return teams.of(self._queue(command.call)) | teams.of(self._alerts.queue_of(alert) if alert else None)

    def _queue(self, call: str | None) -> str | None:
        present = self._calls.get(call or "")
        return present.queue if present else None

    def _prompt_name(self, given: str) -> str:
        """Return the name of an existing prompt; underscores may separate its words too."""
        known = (*TEXTS, *self._config.supervision.prompts)
        for name in (given, given.replace("_", "-")):
            if name in known:
                return name
        raise CommandError(f"no prompt {given!r}; known: {', '.join(known)}")


def _facts(session: Session) -> dict[str, Any]:
    return {"session": session.id, "supervisor": session.supervisor, "mode": session.present_mode}


def _scope(command: Command) -> SilenceScope:
    args: Any = command.args
    return SilenceScope(rule=args["rule"], queue=args["queue"], agent=args["agent"], call=command.call)


def _person(grant: Grant) -> str:
    return grant.supervisor.name if grant.supervisor else grant.sender
