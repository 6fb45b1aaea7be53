"""Which queue a customer talks in, and which member of it the agent is. Pure.

A queue tells which member it rang. Another phone may have picked the call up, or may have it by transfer: the queue's
word counts only for the channel that it names.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from callguard.asterisk.discovery.bridges import Party, applications
from callguard.asterisk.discovery.calls import Call, QueueConnected
from callguard.config import Analysis

NEVER_OPTIMISED: Final = "/n"
"""What an interface ends in whose Local channel stays in the call."""


def queue_of(customer: Party, analysis: Analysis) -> str | None:
    """Return the queue that a customer is in, as the configuration spells it; None when they are in none."""
    data = next((data for app, data in applications(customer) if app == "Queue"), "")
    name = data.split(",", 1)[0].strip()
    return analysis.spelled(name) if name else None


def same_queue(one: str | None, other: str | None) -> bool:
    """Return whether two names mean one queue; Asterisk compares them without case."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def with_member(call: Call, agent: Party, connect: QueueConnected | None) -> Call:
    """Return a call with what its queue says of the agent, if it says it of this agent."""
    if connect is None or agent.handed or not same_queue(connect.queue, call.queue) or not _is_member(agent, connect):
        return call
    return replace(call, member=connect.member, interface=connect.interface, wait_s=connect.wait_s)


def _is_member(agent: Party, connect: QueueConnected) -> bool:
    """Return whether an agent's channel is the one that the queue connected, directly or behind a Local channel."""
    if connect.channel:
        return connect.channel == agent.channel.id or connect.channel in agent.behind
    rung = connect.interface.removesuffix(NEVER_OPTIMISED)
    return rung in _interfaces(agent)


def _interfaces(agent: Party) -> Sequence[str]:
    """Return the interfaces that lead to an agent: its own endpoint and those of the Local channels before it."""
    own = agent.channel.name.rpartition("-")[0]
    return (own, *agent.behind.values())
