"""The scripts that the dialplan can run: caller, outcome, opt-out, mode, help.

Each sets all of its variables, each to an empty text where the answer is not known, and CALLGUARD_RESULT: `done`, or
the reason why not.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from redis.exceptions import RedisError

from callguard.agi.acts import DONE, NO_CALL, Acts
from callguard.agi.dialogue import Dialogue
from callguard.agi.outcomes import Outcomes
from callguard.asterisk.discovery.spelling import is_clear, setting_of
from callguard.contracts.cards import CallerHistory
from callguard.runtime.tasks import within

SETTING: Final = "CALLGUARD"
"""The channel variable that discovery obeys."""
RESULT: Final = "CALLGUARD_RESULT"
EARLIER: Final = ("CALLS", "ALERTS", "ABUSE", "TAKEOVERS")
LOOK_UP_S: Final = 0.2
"""Seconds that Redis may take to tell a number's record."""

Earlier = Callable[[str], Awaitable[CallerHistory | None]]


class Scripts:
    """The scripts by name.

    Args:
        earlier: returns a number's record, or None where there is none. It raises LookupError for a number that can't
            be remembered, and RedisError or OSError when Redis is away.
        outcomes: of present and recent calls.
        acts: carries out what a script asks for.
    """

    def __init__(self, earlier: Earlier, outcomes: Outcomes, acts: Acts) -> None:
        self._earlier = earlier
        self._outcomes = outcomes
        self._acts = acts
        self._scripts: Final[Mapping[str, Callable[[Dialogue], Awaitable[str]]]] = {
            "caller": self._caller,
            "outcome": self._outcome,
            "opt-out": self._opt_out,
            "mode": self._mode,
            "help": self._help,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all scripts."""
        return tuple(self._scripts)

    async def run(self, dialogue: Dialogue) -> str:
        """Run the script that a session asks for; return the result. Raises DialogueError."""
        script = self._scripts.get(dialogue.script)
        result = await script(dialogue) if script else f"no script {dialogue.script}; known: {' '.join(self.names)}"
        await dialogue.set(RESULT, result)
        return result

    async def _caller(self, dialogue: Dialogue) -> str:
        values, result = ("",) * len(EARLIER), DONE
        priority = ""
        try:
            earlier = await within(self._earlier(dialogue.number), LOOK_UP_S)
            counts = (earlier.calls, earlier.alerts, earlier.abuse, earlier.takeovers) if earlier else (0, 0, 0, 0)
            values, priority = tuple(map(str, counts)), str(priority_of(*counts[1:]))
        except LookupError as error:
            result = str(error.args[0])
        except (RedisError, OSError, ValueError) as error:  # TimeoutError is an OSError
            result = f"the record could not be read: {type(error).__name__}"
        for name, value in zip(EARLIER, values, strict=True):
            await dialogue.set(f"CALLGUARD_EARLIER_{name}", value)
        await dialogue.set("CALLGUARD_PRIORITY", priority)
        return result

    async def _outcome(self, dialogue: Dialogue) -> str:
        linkedid = await dialogue.variable("CHANNEL(linkedid)")
        outcome = self._outcomes.of(dialogue.channel, linkedid)
        for name in ("flagged", "calmed", "taken_over"):
            known = getattr(outcome, name, None)
            await dialogue.set(f"CALLGUARD_{name.upper()}", "" if known is None else str(int(known)))
        return DONE if outcome else "no such call in the last hour"

    async def _opt_out(self, dialogue: Dialogue) -> str:
        """Opt the present call out, and the channel that runs the script, for its next call too."""
        result = await self._acts.opt_out(dialogue.channel)
        if dialogue.elsewhere:
            return result
        await dialogue.set(SETTING, "off")
        return DONE if result == NO_CALL else result

    async def _mode(self, dialogue: Dialogue) -> str:
        """Set CALLGUARD of the channel that runs the script; an unclear mode counts as off."""
        mode = dialogue.words[0] if dialogue.words else ""
        if setting_of(mode) not in ("", "off"):
            await dialogue.set(SETTING, setting_of(mode))
            return DONE
        result = await self._opt_out(dialogue)
        return result if mode and is_clear(SETTING, mode) else f"unclear mode {mode!r}, which counts as off"

    async def _help(self, dialogue: Dialogue) -> str:
        return self._acts.ask_for_help(dialogue.channel)


def priority_of(alerts: int, abuse: int, takeovers: int) -> int:
    """Return a caller's priority: 2 after a take-over or a report of abuse, 1 after an alert, else 0."""
    return 2 if takeovers or abuse else 1 if alerts else 0
