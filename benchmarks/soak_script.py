"""Make the script of a soak: calls on every line of a floor, and the commands that programs send meanwhile."""

import itertools
from random import Random
from typing import Any, Final

FIRST_CALL_S: Final = 6.0
"""Seconds of an empty floor before the first call: at the end the service may hold the resources of this time."""
QUIET_S: Final = 45.0
"""Seconds of an empty floor after the last call; idle connections are closed after 15 s."""
SHORTEST_S: Final = 12.0
LONGEST_S: Final = 40.0
DROP_EVERY_S: Final = 97.0
CUT_EVERY_S: Final = 61.0
SUPERVISORS: Final = 4
"""Number of supervisors; the last one never answers."""
RINGING_S: Final = 1.0
Json = dict[str, Any]
RULES: Final[Json] = {
    "groups": [
        {
            "name": "soak",
            "rules": [
                {"alert": "Speaks", "expr": "customer.speech > 0.5", "keep_firing_for": "1s", "actions": ["notify"],
                 "labels": {"severity": "info"}},
            ],
        }
    ]
}  # fmt: skip
"""Besides the shipped rules, one that fires at each turn, so that the store of past alerts is soon full."""


def scenario(lines: int, seconds: float, seed: int = 1) -> Json:
    """Return a scenario with about `lines` calls at once for `seconds`, then no call for QUIET_S."""
    chance = Random(seed)
    calls = [call for line in range(lines) for call in _calls_of(line, seconds, chance)]
    over = FIRST_CALL_S + seconds + QUIET_S
    return {"title": f"{lines} lines for {seconds:g} s", "phones": _phones(lines), "calls": calls,
            "weather": [*_weather(seconds), {"at": over, "do": "slow_rest", "for": 0.1, "delay_s": 0.01}]}  # fmt: skip


def _phones(lines: int) -> Json:
    phones: Json = {}
    for line in range(lines):
        phones[f"PJSIP/customer{line}"] = {"number": f"1{line:02}", "speaker": line, "repeat": True, "says": _say(line)}
        for kind, first in (("agent", 2), ("agent-other", 3)):
            phones[f"PJSIP/{kind}{line}"] = {
                "number": f"{first}{line:02}", "speaker": line + 50, "answers_after": RINGING_S, "repeat": True,
                "says": [{"silence": True, "for": 6}, {"voice": "calm", "for": 3}],
            }  # fmt: skip
    for number in range(1, SUPERVISORS + 1):
        answers = None if number == SUPERVISORS else number
        phones[f"PJSIP/supervisor{number}"] = {
            "number": f"40{number}", "answers_after": answers, "repeat": True,
            "says": [{"silence": True, "for": 2}, {"voice": "calm", "for": 3}],
            "by_hand": [{"at": 6, "digits": "6"}, {"at": 12, "digits": "4"}, {"at": 15 + number, "hang_up": True}],
        }  # fmt: skip
    return phones


def _say(line: int) -> list[Json]:
    """Return a customer's speech: three of four customers shout for a time after a calm start."""
    effort = "raised" if line % 4 else "calm"
    return [{"voice": "calm", "for": 6}, {"silence": True, "for": 1}, {"voice": effort, "for": 14},
            {"silence": True, "for": 3}]  # fmt: skip


def _calls_of(line: int, seconds: float, chance: Random) -> list[Json]:
    """Return one line's calls, one after the other."""
    calls: list[Json] = []
    at = FIRST_CALL_S + line * 0.7
    for number in itertools.count():
        lasts = chance.uniform(SHORTEST_S, LONGEST_S)
        if at + lasts > FIRST_CALL_S + seconds:
            return calls
        calls.append(_call(line, number, at, lasts))
        at += RINGING_S + lasts + chance.uniform(1.0, 3.0)
    raise AssertionError("unreachable")


def _call(line: int, number: int, at: float, lasts: float) -> Json:
    who = "agent" if (line + number) % 3 == 0 else "customer"
    middle = _middle(line, number, lasts)
    if any(action["do"] == "transfer" for action in middle):
        who = "customer"
    queue = {"queue": "support"} if number % 4 else {}
    return {"at": round(at, 2), "customer": f"PJSIP/customer{line}", "agents": [f"PJSIP/agent{line}"], **queue,
            "variables": {"__DYNAMIC_FEATURES": "callguard-help#callguard-abuse"},
            "actions": [*middle, {"at": round(lasts, 2), "do": "hangup", "who": who}]}  # fmt: skip


def _middle(line: int, number: int, lasts: float) -> list[Json]:
    """Return the acts within a call, each kind in turn, so that every kind occurs."""
    third, other = round(lasts / 3, 2), f"PJSIP/agent-other{line}"
    kinds: tuple[list[Json], ...] = (
        [{"at": third, "do": "hold"}, {"at": third + 3, "do": "unhold"}],
        [{"at": third, "do": "transfer", "to": other}],
        [{"at": third, "do": "dtmf", "digits": "*55"}],
        [{"at": third, "do": "transfer", "to": other, "consult_s": 4}],
        [{"at": third, "do": "set_variable", "name": "CALLGUARD", "value": "off"}],
        [{"at": third, "do": "dtmf", "digits": "*56"}],
        [],
    )
    return kinds[(line + number) % len(kinds)]


def _weather(seconds: float) -> list[Json]:
    def every(pause: float, what: str) -> list[Json]:
        return [{"at": FIRST_CALL_S + n * pause, "do": what} for n in range(1, int(seconds / pause) + 1)]

    return every(DROP_EVERY_S, "drop_sockets") + every(CUT_EVERY_S, "cut_media")


def command(calls: list[str], alerts: list[str], chance: Random) -> Json | None:
    """Return a command that a supervisor may send now, without its `id`; None while there is no call."""
    if not calls:
        return None
    call, supervisor = chance.choice(calls), f"supervisor{chance.randint(1, SUPERVISORS)}"
    join: Json = {"call": call, "supervisor": supervisor}
    commands: list[Json] = [
        *({"action": mode, **join} for mode in ("listen", "whisper", "barge", "takeover")),
        *({"action": "set_mode", "call": call, "args": {"mode": mode}} for mode in ("listen", "barge")),
        {"action": "stop", "call": call},
        {"action": "prompt", "call": call, "args": {"prompt": "let-them-finish"}},
        {"action": "silence", "supervisor": supervisor, "args": {"duration_s": 5, "why": "soak", "agent": "agent1"}},
    ]
    if alerts:
        alert = chance.choice(alerts)
        commands.append({"action": "ack", "supervisor": supervisor, "args": {"alert": alert}})
        commands.append({"action": "judge", "supervisor": supervisor, "args": {"alert": alert, "verdict": "useful"}})
    if chance.random() < 0.05:
        commands = [{"action": "opt_out", "call": call}]
    return chance.choice(commands)
