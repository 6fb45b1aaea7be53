"""The words that configuration, events, rules, alerts and screens share, each spelled once. Pure."""

from typing import Final, Literal

Role = Literal["customer", "agent"]
"""Whose leg it is."""
Part = Literal["customer", "agent", "supervisor", "ignore"]
"""What a channel may be, as configuration and CALLGUARD_ROLE say it."""
Subject = Literal["customer", "agent", "call"]
"""Whom a rule is about."""
Mode = Literal["off", "raised_voice", "emotion"]
"""What is judged in a call."""
Basis = Literal["raised_voice", "emotion", "acoustic", "agent", "none"]
"""What kind of inference an event rests on."""
Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""Least first."""
UnheardCause = Literal["no_tap", "no_audio", "no_room", "unjudged", "opted_out"]
"""Why a call's customer is not heard: no media reaches a worker; none comes by a tap that is there; no worker has room;
the line is too bad to judge; nobody may listen, which is no fault."""
JoinMode = Literal["listen", "whisper", "barge"]
"""How a supervisor may join who does not replace the agent."""
SupervisionMode = Literal["listen", "whisper", "barge", "takeover"]
Verdict = Literal["useful", "early", "false"]
"""What a supervisor says that an alert was worth; early: right, but too soon."""
LogLevel = Literal["debug", "info", "warning", "error"]
