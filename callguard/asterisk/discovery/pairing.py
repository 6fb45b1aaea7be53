"""Find the queue of a customer, and the member of it that the agent is. Pure.

A queue tells which member it rang. Another phone may have picked up the call or got it by transfer, so the queue's
message counts only for the channel that it names.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from callguard.asterisk.discovery.bridges import Party, applications
from callguard.asterisk.discovery.calls import Call, QueueConnected
from callguard.config import Analysis

NEVER_OPTIMISED: Final = "/n"
"""Suffix of an interface whose Local channel stays in the call."""


def queue_of(customer: Party, analysis: Analysis) -> str | None:
    """Return the customer's queue in the configuration's spelling; None where the customer is in no queue."""
    data = next((data for app, data in applications(customer) if app == "Queue"), "")
    name = data.split(",", 1)[0].strip()
    return analysis.spelled(name) if name else None


def same_queue(one: str | None, other: str | None) -> bool:
    """Return whether two names mean one queue; Asterisk compares them without case."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def with_member(call: Call, agent: Party, connect: QueueConnected | None) -> Call:
    """Return a call with the facts that its queue tells about the agent, if they are about this agent."""
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
