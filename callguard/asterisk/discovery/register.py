"""The register of conversations: by id, by channel, and the ids that were used. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, count
from types import MappingProxyType

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.discovery.party import Party


class Register:
    """Calls, and conversations in which the parties' roles are not known (`Call.unknown`).

    `name_of` returns the name of whom an endpoint belongs to, or the endpoint. A stored call has the agent's name,
    unless nobody gives one.
    """

    def __init__(self, name_of: Callable[[str], str] = str) -> None:
        self._name_of = name_of
        self._people: dict[str, str] = {}
        """Names of supervisors who took over, by channel."""
        self._calls: dict[str, Call] = {}
        self._unknown: dict[str, Call] = {}
        self._by_channel: dict[str, str] = {}
        self._used: set[str] = set()
        """Ids of calls whose channels still live; none of them is used for a second call."""

    @property
    def calls(self) -> Mapping[str, Call]:
        """Present calls by id, without unknown ones."""
        return MappingProxyType(self._calls)

    def all(self) -> list[Call]:
        """Return calls and unknown conversations."""
        return [*self._calls.values(), *self._unknown.values()]

    def of(self, channel: str) -> Call | None:
        """Return the call or the unknown conversation in which a channel is a party."""
        call = self._by_channel.get(channel, "")
        return self._calls.get(call) or self._unknown.get(call)

    def put(self, call: Call) -> Call:
        """Store a call in its present form, with its channels and its agent's name."""
        call = self._named(call)
        (self._unknown if call.unknown else self._calls)[call.id] = call
        self._used.add(call.id)
        for channel in (call.customer, call.agent):
            if channel:
                self._by_channel[channel] = call.id
        return call

    def known_as(self, channel: str, name: str) -> None:
        """Note the name of whom a channel belongs to; empty where not known."""
        self._people[channel] = name

    def rename(self) -> list[Call]:
        """Give present agents the names that became known; return their calls."""
        return [self.put(call) for call in list(self._calls.values()) if self._named(call) != call]

    def _named(self, call: Call) -> Call:
        if call.member is None or call.member != call.interface:
            return call  # the queue gave a name: where it has none, it repeats the interface
        return replace(call, member=self._people.get(call.agent or "") or self._name_of(call.member))

    def drop(self, call: Call) -> None:
        """Remove a call and release its channels."""
        self._calls.pop(call.id, None)
        self._unknown.pop(call.id, None)
        for channel in (call.customer, call.agent):
            self.release(call, channel)

    def release(self, call: Call, channel: str | None) -> None:
        """Release a channel from a call, unless another call has taken it since."""
        if channel and self._by_channel.get(channel) == call.id:
            del self._by_channel[channel]

    def forget_channel(self, channel: str) -> None:
        """Remove an ended channel: its id may be used for a call again."""
        self._people.pop(channel, None)
        self._used.discard(channel)

    def new_id(self, customer: Party, agent: Party) -> str:
        """Return the linkedid, or another id where several calls have, or will have, that linkedid.

        An agent who stays logged in (AgentLogin) passes one linkedid to all customers.
        """
        stays = agent.channel.app == "AgentLogin" and customer.linkedid == agent.channel.id
        own = customer.channel.id
        wanted = own if stays or not customer.linkedid else customer.linkedid
        candidates = chain((wanted, own), (f"{own}-{number}" for number in count(2)))
        return next(each for each in candidates if each not in self._used)
