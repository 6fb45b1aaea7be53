"""Find the queue of a call, and the member of it that the agent is. Pure.

A queue tells which member it rang. Another phone may have picked up the call, or got it by forwarding or by transfer:
the queue's message counts only for the phone that it rang.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from callguard.asterisk.discovery.calls import Call, QueueConnected
from callguard.asterisk.discovery.party import DIALLED, LOCAL, Behind, Party, key_of
from callguard.asterisk.discovery.roles import holders, joint_setting, mode_of
from callguard.config import Analysis
from callguard.contracts.vocabulary import Mode

NEVER_OPTIMISED: Final = "/n"
"""Suffix of an interface whose Local channel stays in the call."""
NAMED_BY_ENDPOINT: Final = ("PJSIP", "SIP", "IAX2")
"""Technologies whose channels have the name of the endpoint that was dialled."""


def blank(call_id: str, customer: Party, agent: Party, at: float) -> Call:
    """Return a call of two parties without further facts."""
    return Call(
        id=call_id,
        customer=customer.channel.id,
        customer_channel=customer.channel.name,
        agent=None, agent_channel=None, member=None, interface=None, queue=None, wait_s=None,
        mode="off", started_at=at, held_by=holders(customer, agent), number=customer.channel.number,
        linkedid=customer.linkedid,
    )  # fmt: skip


def paired(call: Call, customer: Party, agent: Party, people: Sequence[Party], analysis: Analysis) -> Call:
    """Return a call with these two parties, in the mode of the present queue and of the settings in their room."""
    customer.role, agent.role = "customer", "agent"
    endpoint = _endpoint(agent)
    queue = queue_of(customer, agent, analysis) or call.queue
    call = replace(
        call, agent=agent.channel.id, agent_channel=agent.channel.name,
        queue=queue, wait_s=call.wait_s if same_queue(queue, call.queue) else None,
        member=endpoint, interface=endpoint, together=True, transferring=False, held_by=holders(customer, agent),
    )  # fmt: skip
    return replace(with_member(call, customer, agent), mode=present_mode(call, customer, people, analysis))


def present_mode(call: Call, customer: Party | None, people: Sequence[Party], analysis: Analysis) -> Mode:
    """Return the mode of a call whose room holds these people."""
    return mode_of(joint_setting(people), call.queue, analysis, customer.outer if customer else "")


def queue_of(customer: Party, agent: Party, analysis: Analysis) -> str | None:
    """Return the present queue in the configuration's spelling; None where there is none.

    It is the newer one of the queue that the customer waits in and the queue that rang the agent: after a transfer to
    an agent who was consulted through a queue, no event tells that the customer is served by that queue.
    """
    rung = agent.rung_for if agent.channel.app in DIALLED else None
    known = [queued for queued in (customer.queue, rung) if queued]
    return analysis.spelled(max(known, key=lambda queued: queued.order).name) if known else None


def same_queue(one: str | None, other: str | None) -> bool:
    """Return whether two names mean one queue; Asterisk compares them without case."""
    return one is not None and other is not None and key_of(one) == key_of(other)


def with_member(call: Call, customer: Party, agent: Party) -> Call:
    """Return a call with the facts that its queue tells about the agent, if they are about this agent."""
    queue = key_of(call.queue or "")
    for party in (customer, agent):
        connect = party.connects.get(queue)
        if connect and not agent.handed and _is_member(agent, connect):
            wait_s = connect.wait_s if party is customer else call.wait_s
            return replace(call, member=connect.member, interface=connect.interface, wait_s=wait_s)
    return call


def _is_member(agent: Party, connect: QueueConnected) -> bool:
    """Return whether an agent's phone is the one that the queue rang, directly or behind a Local channel."""
    if agent.picked_up:
        return False
    rung = connect.interface.removesuffix(NEVER_OPTIMISED)
    if rung.startswith(LOCAL):
        ways = agent.behind.items()
        return any(_leads_to(agent, way) for half, way in ways if half == connect.channel or way.interface == rung)
    named = not connect.channel or connect.channel == agent.channel.id
    return named and _may_ring(connect.interface, agent)


def _leads_to(agent: Party, way: Behind) -> bool:
    """Return whether what a Local channel dials may have rung the agent's phone."""
    targets = way.dialled.partition(",")[0].split("&")
    return any(_may_ring(target, agent) for target in targets)


def _may_ring(target: str, agent: Party) -> bool:
    """Return whether a dialled target may be the agent's phone; False only where another phone is named."""
    technology, _, rest = target.partition("/")
    if technology not in NAMED_BY_ENDPOINT:
        return True
    return f"{technology}/{rest.split('/', 1)[0].rpartition('@')[2]}" == _endpoint(agent)


def _endpoint(agent: Party) -> str:
    """Return the name of a channel without its number."""
    return agent.channel.name.rpartition("-")[0] or agent.channel.name
