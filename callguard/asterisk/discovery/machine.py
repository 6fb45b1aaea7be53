"""Discover conversations by a state machine: events in, changes out. Pure.

    customer + agent in one room ─> Inspect each ─> Started ─> Changed* ─> Over

The call is bound to the customer's channel. It ends when the customer or the agent hangs up. It goes on without an
agent where the agent transferred the customer, and where the customer was taken away: parked, redirected, or moved by a
program. Where no fact gives the parties' roles, the call is unknown: it is Started with the reason, is not in `calls`,
and becomes an ordinary call (Changed, "role") as soon as the roles are known.
A call with CALLGUARD=off is Over (opt_out), or never Started, until CALLGUARD changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from callguard.asterisk import events
from callguard.asterisk.discovery.bridges import Bridges
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
    Renamed,
    Snapshot,
    Started,
    Unclear,
)
from callguard.asterisk.discovery.pairing import blank, paired, present_mode, with_member
from callguard.asterisk.discovery.party import Party, key_of
from callguard.asterisk.discovery.register import Register
from callguard.asterisk.discovery.roles import cast_of, holders, joint_setting, mark_guests, people_of, strangers_of
from callguard.asterisk.discovery.spelling import is_clear, setting_of
from callguard.config import Analysis, Roles
from callguard.contracts.vocabulary import Mode, Role

PARTING_S: Final = 0.5
"""Seconds before a call's end in which the first party to leave the bridge is the one that hung up. The order in which
the channels are destroyed does not tell."""


class Discovery:
    """The state machine. `app` is our Stasis application: channel ids that begin with `app.` are ours.

    `name_of` returns the name of whom an endpoint belongs to, or the endpoint.
    """

    def __init__(self, app: str, roles: Roles, analysis: Analysis, name_of: Callable[[str], str] = str) -> None:
        self._rooms = Bridges(app)
        self._roles = roles
        self._analysis = analysis
        self._register = Register(name_of)
        self._at = 0.0
        """Unix time of the newest event."""

    @property
    def calls(self) -> Mapping[str, Call]:
        """Present calls by id, without unknown ones."""
        return self._register.calls

    def lives(self, channel: str) -> bool:
        """Tell whether a channel of this id is there."""
        return self._rooms.get(channel) is not None

    def call_of(self, channel: str) -> Call | None:
        """Return the call in which a channel is the customer or the agent."""
        call = self._register.of(channel)
        return call if call and not call.unknown else None

    def see(self, event: object) -> list[Output]:
        """Take in one event; return the outputs in order, none for an irrelevant event."""
        handle = _HANDLERS.get(type(event))
        if handle is None:
            return []
        self._at = getattr(event, "at", self._at)
        return handle(self, event)

    def reconfigure(self, roles: Roles, analysis: Analysis) -> list[Output]:
        """Put other settings in force; return the changes of calls whose analysis changes."""
        self._roles, self._analysis = roles, analysis
        changed: list[Output] = []
        for call in list(self.calls.values()):
            mode = self._present_mode(call)
            changed += self._change(replace(call, mode=mode), "mode") if mode != call.mode else []
        for channel in self._rooms.occupied():  # a new rule may give the parties' roles
            changed += self._judge(channel, self._at)
        return changed

    @property
    def opted_out(self) -> int:
        """Return the number of present conversations that a party has opted out by CALLGUARD=off."""
        rooms = (self._rooms.room(party.channel.id) for party in self._rooms.set_to("off"))
        return len({frozenset(party.channel.id for party in room) for room in rooms if len(room) > 1})

    # --- channels and bridges ---

    def _created(self, event: events.ChannelCreated) -> list[Output]:
        self._rooms.see(event.channel)
        return []

    def _entered(self, event: events.ChannelEnteredBridge) -> list[Output]:
        self._rooms.enter(event.channel, event.bridge)
        self._rooms.lend(event.channel.id)  # at once: a Local channel may be optimised away within milliseconds
        return self._judge(event.channel.id, event.at)

    def _left(self, event: events.ChannelLeftBridge) -> list[Output]:
        self._rooms.leave(event.channel, event.bridge.id)
        call = self._register.of(event.channel.id)
        if call is None:  # the room is another one without its guest, or without a party that opted out
            return self._judge(next(iter(self._rooms.members(event.bridge.id)), ""), event.at)
        left: Role = "customer" if event.channel.id == call.customer else "agent"
        return self._judge(call.customer, event.at) or self._part(call, event.at, left)

    def _destroyed(self, event: events.ChannelDestroyed) -> list[Output]:
        return self._gone(event.channel.id, event.at, "hangup")

    def _gone(self, channel: str, at: float, reason: Literal["hangup", "lost"]) -> list[Output]:
        call = self._register.of(channel)
        self._rooms.forget(channel)
        self._register.forget_channel(channel)
        if call is None:
            return []
        if channel == call.customer:
            return self._end(call, at, reason, "customer")
        return self._agent_gone(call, at, reason)

    def _agent_gone(self, call: Call, at: float, reason: Literal["hangup", "lost"]) -> list[Output]:
        self._register.release(call, call.agent)
        successor = cast_of(self._rooms.room(call.customer), self._roles)
        if successor:
            return self._judge(call.customer, at)
        if call.transferring or self._taken_away(call):
            return self._change(replace(call, agent=None, together=False), "apart")
        return self._end(call, at, reason, "agent") + self._judge(call.customer, at)

    def _taken_away(self, call: Call) -> bool:
        """Return whether the customer left the agent and lives: who hangs up is gone within milliseconds."""
        return call.parted is not None and call.parted[1] == "customer" and self.lives(call.customer)

    def _judge(self, channel: str, at: float) -> list[Output]:
        """Start or change a call according to the room of a channel."""
        room = self._rooms.room(channel)
        if len(room) < 2:
            return []
        silent = [party for party in (*room, *self._rooms.halves(channel)) if not party.inspected]
        if silent:
            return self._ask(silent)
        self._rooms.lend(channel)
        pair = cast_of(room, self._roles)
        if pair is None:
            return self._meet_strangers(room, at)
        mark_guests(room, pair, self._roles)
        customer, agent = pair
        call = self._register.of(customer.channel.id)
        if call is not None and call.unknown:
            return self._identify(call, customer, agent, at)
        if call is not None:
            return self._rejoin(call, agent, at)
        other = self.call_of(agent.channel.id)
        if other is not None and self._rooms.room(other.customer):
            return []  # the agent consults another party while the customer waits
        return self._free(other) + self._start(customer, agent, at)

    def _free(self, call: Call | None) -> list[Output]:
        """Take the agent out of a call whose customer is elsewhere: the agent stays on the line for the next one."""
        if call is None:
            return []
        self._register.release(call, call.agent)
        return self._change(replace(call, agent=None, together=False), "apart")

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
        party.linkedid = answer.linkedid
        told = self._note(party, "CALLGUARD_ROLE", answer.role) + self._note(party, "CALLGUARD", answer.setting)
        return told + self._judge(answer.channel, answer.at)

    def _note(self, party: Party, name: str, value: str) -> list[Output]:
        """Take in one of our variables; report an unclear value."""
        if name == "CALLGUARD_ROLE":
            party.role_variable = value or party.role_variable
        elif name == "CALLGUARD":
            party.setting = setting_of(value) or party.setting
        return [] if is_clear(name, value) else [Unclear(party.channel.id, name, value)]

    # --- the life cycle of a call ---

    def _start(self, customer: Party, agent: Party, at: float) -> list[Output]:
        if joint_setting(self._people(customer.channel.id)) == "off":
            customer.role, agent.role = "customer", "agent"
            return []
        call = blank(self._register.new_id(customer, agent), customer, agent, at)
        return [Started(self._pair(call, customer, agent))]

    def _pair(self, call: Call, customer: Party, agent: Party) -> Call:
        """Store a call with its present customer and agent."""
        self._register.release(call, call.agent)
        people = self._people(customer.channel.id)
        return self._register.put(paired(call, customer, agent, people, self._analysis))

    def _people(self, channel: str) -> Sequence[Party]:
        """Return the parties of a room that may be customer or agent; the CALLGUARD of each of them counts."""
        return people_of(self._rooms.room(channel), self._roles)

    def _present_mode(self, call: Call) -> Mode:
        customer = self._rooms.get(call.customer)
        return present_mode(call, customer, self._parties(call), self._analysis)

    def _parties(self, call: Call) -> list[Party]:
        """Return customer and agent, and whoever else is with the customer."""
        both = (self._rooms.get(call.customer), self._rooms.get(call.agent or ""))
        return [*(party for party in both if party), *self._people(call.customer)]

    def _rejoin(self, call: Call, agent: Party, at: float) -> list[Output]:
        if self._says_off(call):
            return self._end(call, at, "opt_out")
        if agent.channel.id == call.agent:
            return self._change(replace(call, together=True, parted=None), "together") if not call.together else []
        present = self._rooms.get(call.agent or "")
        customer = self._rooms.get(call.customer)
        if customer is None or (present in self._rooms.room(call.customer) and present is not None):
            return []  # a third party beside the agent
        change: Change = "handoff" if agent.handed else "transfer"
        call = self._pair(replace(call, parted=None), customer, agent)
        return self._end(call, at, "opt_out") if self._says_off(call) else self._change(call, change)

    def _says_off(self, call: Call) -> bool:
        return joint_setting(self._parties(call)) == "off"

    # --- unknown roles ---

    def _meet_strangers(self, room: Sequence[Party], at: float) -> list[Output]:
        """Start an unknown conversation, whose parties' roles are not known."""
        strangers = strangers_of(room, self._roles)
        if strangers is None:
            return []
        known = next((call for party in room if (call := self._register.of(party.channel.id))), None)
        if known is not None:
            meet_again = known.unknown and not known.together
            return self._change(replace(known, together=True, parted=None), "together") if meet_again else []
        first, second, reason = strangers
        call = replace(
            blank(self._register.new_id(first, second), first, second, at),
            agent=second.channel.id, agent_channel=second.channel.name, unknown=reason,
        )  # fmt: skip
        return [] if joint_setting(room) == "off" else [Started(self._register.put(call))]

    def _identify(self, call: Call, customer: Party, agent: Party, at: float) -> list[Output]:
        """Turn an unknown conversation into a call, since the roles are known now."""
        self._register.drop(call)
        call = replace(
            call, customer=customer.channel.id, customer_channel=customer.channel.name, agent=None,
            number=customer.channel.number, unknown=None,
        )  # fmt: skip
        call = self._pair(call, customer, agent)
        return self._end(call, at, "opt_out") if self._says_off(call) else self._change(call, "role")

    def _part(self, call: Call, at: float, left: Role) -> list[Output]:
        room = self._rooms.room(call.customer)
        if call.together and not any(party.channel.id == call.agent for party in room):
            return self._change(replace(call, together=False, parted=(at, left)), "apart")
        return []

    def _change(self, call: Call, change: Change) -> list[Output]:
        return [Changed(self._register.put(call), change)]

    def _end(
        self, call: Call, at: float, reason: Literal["hangup", "opt_out", "lost"], left: Role | None = None
    ) -> list[Output]:
        self._register.drop(call)
        if call.parted and at - call.parted[0] < PARTING_S:
            left = call.parted[1]
        return [Over(at, call, reason, left)]

    # --- facts about a call ---

    def _held(self, event: events.ChannelHold | events.ChannelUnhold) -> list[Output]:
        party = self._rooms.see(event.channel)
        party.held = isinstance(event, events.ChannelHold)
        call = self.call_of(event.channel.id)
        if call is None:
            return []
        held_by = holders(self._rooms.get(call.customer), self._rooms.get(call.agent or ""))
        if held_by == call.held_by:
            return []
        return self._change(replace(call, held_by=held_by), "hold" if held_by else "unhold")

    def _transfer(self, event: events.BridgeTransfer) -> list[Output]:
        call = self.call_of(event.channel.id)
        if call is None:
            return []
        self._register.put(replace(call, transferring=True))
        for party in self._rooms.room(call.customer):
            party.guest = False  # whoever the customer is handed to is the agent
        return self._judge(call.customer, event.at)

    def _variable(self, event: events.ChannelVarset) -> list[Output]:
        party = self._rooms.see(event.channel)
        told = self._note(party, event.name, event.value)
        if event.name == "CALLGUARD_ROLE":
            party.role, party.role_variable = None, event.value  # an empty value takes the role back
            return told + self._judge(event.channel.id, event.at)
        if event.name != "CALLGUARD":
            return told
        setting = setting_of(event.value)
        members = self._rooms.room(event.channel.id)
        for member in (party, *members, *self._rooms.halves(event.channel.id)):
            member.setting = setting
        call = next((call for member in (party, *members) if (call := self._register.of(member.channel.id))), None)
        return told + (self._set_mode(call, setting, event.at) if call else self._judge(event.channel.id, event.at))

    def _set_mode(self, call: Call, setting: str, at: float) -> list[Output]:
        if setting == "off":
            return self._end(call, at, "opt_out")
        mode = "off" if call.unknown else self._present_mode(call)
        return self._change(replace(call, mode=mode), "mode") if mode != call.mode else []

    def _opt_out(self, event: OptOut) -> list[Output]:
        call = self.calls.get(event.call)
        if call is None:
            return []
        for channel in (call.customer, call.agent):
            party = self._rooms.get(channel or "")
            if party is not None:
                party.setting = "off"
        return self._end(call, event.at, "opt_out")

    def _connected(self, event: QueueConnected) -> list[Output]:
        for channel in (event.customer, event.channel):
            if (party := self._rooms.get(channel)) is not None:
                party.connects[key_of(event.queue)] = event
                self._rooms.lend(channel)
        call = next(
            (call for channel in (event.customer, event.channel) if (call := self._call_in_room(channel))), None
        )
        return self._take_word(call) if call else self._judge(event.customer, event.at)

    def _call_in_room(self, channel: str) -> Call | None:
        """Return the call whose customer is in the room of a channel."""
        calls = (self.call_of(party.channel.id) for party in self._rooms.room(channel))
        return next((call for call in calls if call), None)

    def _take_word(self, call: Call) -> list[Output]:
        """Take in a queue's message about its member, if that is the agent who talks now."""
        customer, agent = self._rooms.get(call.customer), self._rooms.get(call.agent or "")
        told = with_member(call, customer, agent) if customer and agent and call.together else call
        return self._change(told, "agent") if told != call else []

    def _hand_off(self, event: HandOff) -> list[Output]:
        party = self._rooms.get(event.channel)
        if party is not None:
            party.handed = party.inspected = True
            self._register.known_as(event.channel, event.supervisor)
        return []

    def _renamed(self, _: Renamed) -> list[Output]:
        return [Changed(call, "agent") for call in self._register.rename()]

    def _settle(self, snapshot: Snapshot) -> list[Output]:
        """Catch up after a gap: handle ended channels first, then rooms."""
        gone = self._rooms.settle(snapshot)
        found = [output for channel in gone for output in self._gone(channel, snapshot.at, "lost")]
        for channel in self._rooms.occupied():
            found += self._judge(channel, snapshot.at)
        for call in self._register.all():
            found += self._part(call, snapshot.at, "agent")
        return found


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
    Renamed: Discovery._renamed,
    Snapshot: Discovery._settle,
}
