"""Discover conversations by a state machine: events in, changes out. Pure.

    customer + agent in one room ─> Inspect each ─> Started ─> Changed* ─> Over

The call is bound to the customer's channel. It ends when the customer leaves, or when the agent leaves without a
transfer. A call with CALLGUARD=off is Over (opt_out), or never Started, until CALLGUARD changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Literal

from callguard.asterisk import events
from callguard.asterisk.discovery.bridges import Bridges, Party
from callguard.asterisk.discovery.calls import (
    Call,
    Change,
    Changed,
    HandOff,
    Inspect,
    Inspected,
    OptOut,
    Output,
    Over,
    QueueConnected,
    Snapshot,
    Started,
)
from callguard.asterisk.discovery.roles import cast_of, joint_setting, mode_of
from callguard.config import Analysis, Roles
from callguard.contracts.vocabulary import Role

PARTING_S: Final = 0.5
"""Seconds before a call's end in which the first party to leave the bridge is the one that hung up. The order in which
the channels are destroyed does not tell."""


class Discovery:
    """The state machine. `app` is our Stasis application: channel ids that begin with `app.` are ours."""

    def __init__(self, app: str, roles: Roles, analysis: Analysis) -> None:
        self._rooms = Bridges(app)
        self._roles = roles
        self._analysis = analysis
        self._calls: dict[str, Call] = {}
        self._by_channel: dict[str, str] = {}

    @property
    def calls(self) -> Mapping[str, Call]:
        """Present calls by id."""
        return MappingProxyType(self._calls)

    def call_of(self, channel: str) -> Call | None:
        """Return the call in which a channel is the customer or the agent."""
        return self._calls.get(self._by_channel.get(channel, ""))

    def see(self, event: object) -> list[Output]:
        """Take in one event; return the outputs in order, none for an irrelevant event."""
        handle = _HANDLERS.get(type(event))
        return handle(self, event) if handle else []

    def reconfigure(self, roles: Roles, analysis: Analysis) -> list[Output]:
        """Put other settings in force; return the changes of calls whose analysis changes."""
        self._roles, self._analysis = roles, analysis
        changed: list[Output] = []
        for call in list(self._calls.values()):
            parties = (self._rooms.get(call.customer), self._rooms.get(call.agent or ""))
            setting = joint_setting(tuple(party for party in parties if party))
            mode = mode_of(setting, call.queue, analysis)
            changed += self._change(replace(call, mode=mode), "mode") if mode != call.mode else []
        return changed

    @property
    def opted_out(self) -> int:
        """How many conversations go on that are left alone because a party's CALLGUARD says off."""
        rooms = (self._rooms.room(party.channel.id) for party in self._rooms.set_to("off"))
        return len({frozenset(party.channel.id for party in room) for room in rooms if len(room) > 1})

    # --- channels and bridges ---

    def _created(self, event: events.ChannelCreated) -> list[Output]:
        self._rooms.see(event.channel)
        return []

    def _entered(self, event: events.ChannelEnteredBridge) -> list[Output]:
        self._rooms.enter(event.channel, event.bridge.id)
        return self._judge(event.channel.id, event.at)

    def _left(self, event: events.ChannelLeftBridge) -> list[Output]:
        self._rooms.leave(event.channel, event.bridge.id)
        call = self.call_of(event.channel.id)
        if call is None:
            return []
        left: Role = "customer" if event.channel.id == call.customer else "agent"
        return self._judge(call.customer, event.at) or self._part(call, event.at, left)

    def _destroyed(self, event: events.ChannelDestroyed) -> list[Output]:
        return self._gone(event.channel.id, event.at, "hangup")

    def _gone(self, channel: str, at: float, reason: Literal["hangup", "lost"]) -> list[Output]:
        call = self.call_of(channel)
        self._rooms.forget(channel)
        if call is None:
            return []
        if channel == call.customer:
            return self._end(call, at, reason, "customer")
        return self._agent_gone(call, at, reason)

    def _agent_gone(self, call: Call, at: float, reason: Literal["hangup", "lost"]) -> list[Output]:
        del self._by_channel[call.agent or ""]
        successor = cast_of(self._rooms.room(call.customer), self._roles)
        if successor:
            return self._judge(call.customer, at)
        if call.transferring:
            return self._change(replace(call, agent=None, agent_channel=None, together=False), "apart")
        return self._end(call, at, reason, "agent")

    def _judge(self, channel: str, at: float) -> list[Output]:
        """Start or change a call according to the room of a channel."""
        room = self._rooms.room(channel)
        if len(room) < 2:
            return []
        unknown = [party for party in room if not party.inspected]
        if unknown:
            return self._ask(unknown)
        pair = cast_of(room, self._roles)
        if pair is None:
            return []
        customer, agent = pair
        call = self.call_of(customer.channel.id)
        if call is not None:
            return self._rejoin(call, agent)
        if self.call_of(agent.channel.id) is not None:
            return []  # the agent consults another party while the customer waits
        return self._start(customer, agent, at)

    def _ask(self, unknown: list[Party]) -> list[Output]:
        asks: list[Output] = [Inspect(party.channel.id) for party in unknown if not party.asked]
        for party in unknown:
            party.asked = True
        return asks

    def _inspected(self, answer: Inspected) -> list[Output]:
        party = self._rooms.get(answer.channel)
        if party is None:
            return []
        party.inspected = True
        party.linkedid, party.role_variable, party.setting = answer.linkedid, answer.role, answer.setting
        return self._judge(answer.channel, answer.at)

    # --- the life cycle of a call ---

    def _start(self, customer: Party, agent: Party, at: float) -> list[Output]:
        customer.role, agent.role = "customer", "agent"
        setting = joint_setting((customer, agent))
        if setting == "off":
            return []
        taken = not customer.linkedid or customer.linkedid in self._calls  # two conversations may share a linkedid
        call = self._with_agent(
            Call(
                id=customer.channel.id if taken else customer.linkedid,
                customer=customer.channel.id,
                customer_channel=customer.channel.name,
                agent=None, agent_channel=None, member=None, interface=None, queue=None, wait_s=None,
                mode="off", started_at=at, on_hold=customer.held or agent.held, number=customer.channel.number,
            ),
            customer,
            agent,
        )  # fmt: skip
        call = replace(call, mode=mode_of(setting, call.queue, self._analysis))
        self._calls[call.id] = call
        self._by_channel[customer.channel.id] = call.id
        return [Started(call)]

    def _with_agent(self, call: Call, customer: Party, agent: Party) -> Call:
        """Fill in the facts that depend on the agent, from the channels and from the queue's message."""
        self._release(call, call.agent)
        self._by_channel[agent.channel.id] = call.id
        agent.role = "agent"
        queue, connect = call.queue, customer.connect
        if customer.channel.app == "Queue":
            queue = customer.channel.app_data.split(",", 1)[0] or None
        endpoint = agent.channel.name.rpartition("-")[0] or agent.channel.name
        call = replace(
            call, agent=agent.channel.id, agent_channel=agent.channel.name, queue=queue,
            member=endpoint, interface=endpoint, together=True, transferring=False,
        )  # fmt: skip
        return _queue_facts(call, connect) if connect and connect.queue == queue and not agent.handed else call

    def _rejoin(self, call: Call, agent: Party) -> list[Output]:
        if agent.channel.id == call.agent:
            return self._change(replace(call, together=True, parted=None), "together") if not call.together else []
        present = self._rooms.get(call.agent or "")
        customer = self._rooms.get(call.customer)
        if customer is None or (present in self._rooms.room(call.customer) and present is not None):
            return []  # a third party beside the agent
        change: Change = "handoff" if agent.handed else "transfer"
        call = replace(self._with_agent(call, customer, agent), on_hold=customer.held or agent.held, parted=None)
        return self._change(call, change)

    def _part(self, call: Call, at: float, left: Role) -> list[Output]:
        room = self._rooms.room(call.customer)
        if call.together and not any(party.channel.id == call.agent for party in room):
            return self._change(replace(call, together=False, parted=(at, left)), "apart")
        return []

    def _change(self, call: Call, change: Change) -> list[Output]:
        self._calls[call.id] = call
        return [Changed(call, change)]

    def _end(
        self, call: Call, at: float, reason: Literal["hangup", "opt_out", "lost"], left: Role | None = None
    ) -> list[Output]:
        del self._calls[call.id]
        self._release(call, call.customer)
        self._release(call, call.agent)
        if call.parted and at - call.parted[0] < PARTING_S:
            left = call.parted[1]
        return [Over(at, call, reason, left)]

    def _release(self, call: Call, channel: str | None) -> None:
        """Release a channel, unless another call has since taken it."""
        if channel and self._by_channel.get(channel) == call.id:
            del self._by_channel[channel]

    # --- facts about a call ---

    def _held(self, event: events.ChannelHold | events.ChannelUnhold) -> list[Output]:
        party = self._rooms.see(event.channel)
        party.held = isinstance(event, events.ChannelHold)
        call = self.call_of(event.channel.id)
        if call is None:
            return []
        legs = (self._rooms.get(call.customer), self._rooms.get(call.agent or ""))
        on_hold = any(leg.held for leg in legs if leg)
        if on_hold == call.on_hold:
            return []
        return self._change(replace(call, on_hold=on_hold), "hold" if on_hold else "unhold")

    def _transfer(self, event: events.BridgeTransfer) -> list[Output]:
        call = self.call_of(event.channel.id)
        if call is not None:
            self._calls[call.id] = replace(call, transferring=True)
        return []

    def _variable(self, event: events.ChannelVarset) -> list[Output]:
        party = self._rooms.see(event.channel)
        if event.name == "CALLGUARD_ROLE":
            party.role_variable, party.role = event.value, None
            return self._judge(event.channel.id, event.at)
        if event.name != "CALLGUARD" or not party.inspected:
            return []  # variables set before the call are read once, at its start
        for member in self._rooms.room(event.channel.id) or [party]:
            member.setting = event.value
        call = self.call_of(event.channel.id)
        return self._set_mode(call, event.value, event.at) if call else self._judge(event.channel.id, event.at)

    def _set_mode(self, call: Call, setting: str, at: float) -> list[Output]:
        if setting == "off":
            return self._end(call, at, "opt_out")
        mode = mode_of(setting, call.queue, self._analysis)
        return self._change(replace(call, mode=mode), "mode") if mode != call.mode else []

    def _opt_out(self, event: OptOut) -> list[Output]:
        call = self._calls.get(event.call)
        if call is None:
            return []
        for channel in (call.customer, call.agent):
            party = self._rooms.get(channel or "")
            if party is not None:
                party.setting = "off"
        return self._end(call, event.at, "opt_out")

    def _connected(self, event: QueueConnected) -> list[Output]:
        party = self._rooms.get(event.customer)
        if party is None:
            return []
        party.connect = event
        call = self.call_of(event.customer)
        if call is None or call.queue != event.queue:
            return []
        return self._change(_queue_facts(call, event), "agent")

    def _hand_off(self, event: HandOff) -> list[Output]:
        party = self._rooms.get(event.channel)
        if party is not None:
            party.handed = party.inspected = True
        return []

    def _settle(self, snapshot: Snapshot) -> list[Output]:
        """Catch up after a gap: handle ended channels first, then rooms."""
        gone = self._rooms.settle(snapshot)
        found = [output for channel in gone for output in self._gone(channel, snapshot.at, "lost")]
        for channel in self._rooms.occupied():
            found += self._judge(channel, snapshot.at)
        for call in list(self._calls.values()):
            found += self._part(call, snapshot.at, "agent")
        return found


def _queue_facts(call: Call, connect: QueueConnected) -> Call:
    return replace(call, member=connect.member, interface=connect.interface, wait_s=connect.wait_s)


_HANDLERS: Final[dict[type, Callable[[Discovery, Any], list[Output]]]] = {
    events.ChannelCreated: Discovery._created,
    events.ChannelEnteredBridge: Discovery._entered,
    events.ChannelLeftBridge: Discovery._left,
    events.ChannelDestroyed: Discovery._destroyed,
    events.ChannelHold: Discovery._held,
    events.ChannelUnhold: Discovery._held,
    events.ChannelVarset: Discovery._variable,
    events.BridgeTransfer: Discovery._transfer,
    Inspected: Discovery._inspected,
    QueueConnected: Discovery._connected,
    OptOut: Discovery._opt_out,
    HandOff: Discovery._hand_off,
    Snapshot: Discovery._settle,
}
