"""The vocabulary that configuration, events, rules, alerts and screens share; each word is spelled once. Pure."""

from typing import Final, Literal, get_args

Role = Literal["customer", "agent"]
"""The party of a leg."""
Part = Literal["customer", "agent", "supervisor", "ignore"]
"""Roles of channels in the configuration and in CALLGUARD_ROLE."""
Subject = Literal["customer", "agent", "call"]
"""The subject of a rule."""
Mode = Literal["off", "raised_voice", "emotion"]
"""Analysis modes of a call."""
Basis = Literal["raised_voice", "emotion", "acoustic", "agent", "none"]
"""Kinds of inference on which an event rests."""
Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""Severities, from the least to the greatest."""
UnheardCause = Literal["no_tap", "no_audio", "no_room", "unjudged", "unknown", "opted_out"]
"""Why a call's customer is not heard: no media reaches a worker; an open tap brings no audio; no worker has room;
the line is too bad to judge; the call is opted out, which is no fault."""
JoinMode = Literal["listen", "whisper", "barge"]
"""Modes in which a supervisor joins without replacing the agent."""
SupervisionMode = Literal["listen", "whisper", "barge", "takeover"]
Interruption = Literal["consultation", "transfer", "hold"]
"""What suspends a supervisor: the agent talks to another party; the customer goes to another agent; the customer's
phone holds the call, so that the agent hears music."""
Verdict = Literal["useful", "early", "false"]
"""A supervisor's verdict on an alert; early: right, but too soon."""
LogLevel = Literal["debug", "info", "warning", "error"]
Right = Literal[
    "listen", "whisper", "barge", "takeover", "prompt", "stop", "ack", "judge", "silence", "opt_out",
    "help", "abuse", "quiet", "reload",
]  # fmt: skip
"""Permissions that a role may hold; help, abuse and quiet are an agent's codes."""
RIGHTS: Final[tuple[Right, ...]] = get_args(Right)
Door = Literal["redis", "cli", "console", "keys", "codes", "agi", "signal", "rule"]
"""Ways by which an act is asked for. redis: the commands stream. cli: the same, signed with the node's own key. keys: a
supervisor's phone. codes: an agent's phone. agi: the dialplan, by FastAGI. signal: SIGHUP. rule: an alert."""
DOORS: Final[tuple[Door, ...]] = get_args(Door)
