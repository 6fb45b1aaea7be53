"""Calls of the dialplan: a customer reaches an agent by Queue or Dial, and may be transferred."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.objects import Bridge, Channel, Phone, Place
from callguard.testbed.simulator.ringing import Ringing

CONTEXT: Final = "phones"
RING_S: Final = 20.0
"""Seconds for which one agent is rung."""
RETRY_S: Final = 1.0
"""Seconds until a queue tries its members again."""
OUTGOING: Final = "(Outgoing Line)"


class Call:
    """One customer's call, from the first ring to the end.

    Args:
        queue: name of the queue; None: a Dial of the only agent.
        extension: extension that the customer dialled; default: the queue's name, else the agent's number.
        agents: phones to ring in this order; a queue repeats the list without end.
        joined: called once, when customer and agent first hear each other.
    """

    def __init__(
        self, exchange: Exchange, customer: Phone, agents: Sequence[Phone], *, queue: str | None = None,
        extension: str = "", options: str = "", variables: dict[str, str] | None = None,
        joined: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._agents = tuple(agents)
        self._app: Literal["Queue", "Dial"] = "Queue" if queue else "Dial"
        self._data = ",".join(filter(None, (queue or "&".join(phone.endpoint for phone in agents), options)))
        self._joined = joined
        place = Place(CONTEXT, extension or queue or agents[0].party.number or "s")
        self.customer = exchange.create(
            f"{customer.endpoint}-", phone=customer, state="Ring", caller=customer.party, place=place
        )
        self._shown = place.exten
        """Extension that an agent's channel shows; Asterisk leaves it empty after a blind transfer."""
        self.agent: Channel | None = None
        self.customer.in_dialplan = True
        for name, value in (variables or {}).items():
            exchange.set_variable(self.customer, name, value)
        self._enter_application()

    @property
    def alive(self) -> bool:
        """Return whether the customer is still in the call."""
        return self.customer.id in self._exchange.channels

    def channel(self, who: Literal["customer", "agent"]) -> Channel | None:
        """Return the present channel of a party."""
        return self.customer if who == "customer" else self.agent

    def _enter_application(self) -> None:
        if self._app == "Queue":
            self._exchange.move(self.customer, replace(self.customer.place, app_name="Answer"))
            self._exchange.set_state(self.customer, "Up")
        place = replace(self.customer.place, app_name=self._app, app_data=self._data)
        self._exchange.move(self.customer, place)
        self._exchange.clock.after(FRAME_S, lambda: self._try(0))

    # --- reaching an agent ---

    def _try(self, number: int) -> None:
        if not self.alive:
            return
        if number < len(self._agents):
            self._ring(self._agents[number], lambda _: self._try(number + 1))
        elif self._app == "Queue":
            self._exchange.clock.after(RETRY_S, lambda: self._try(0))
        else:
            self._exchange.hang_up(self.customer)

    def _ring(self, phone: Phone, failed: Callable[[int], None]) -> None:
        agent = self._outgoing(phone, self.customer)
        Ringing(
            self._exchange, agent, phone, caller=self.customer, timeout_s=RING_S,
            answered=lambda: self._join(agent), failed=failed,
        )  # fmt: skip

    def _outgoing(self, phone: Phone, caller: Channel) -> Channel:
        agent = self._exchange.create(
            f"{phone.endpoint}-", linkedid=self.customer.linkedid, phone=phone, caller=phone.party, place=Place(CONTEXT)
        )
        place = Place(CONTEXT, self._shown, 1, f"App{caller.place.app_name}", OUTGOING)
        self._exchange.clock.after(FRAME_S, lambda: self._exchange.move(agent, place))
        agent.connected, caller.connected = caller.caller, phone.party
        inherited = {name: value for name, value in caller.variables.items() if name.startswith("__")}
        agent.variables.update(inherited)
        caller.on_gone.append(lambda: self._abandon(agent))
        return agent

    def _abandon(self, agent: Channel) -> None:
        """Stop ringing after the caller has hung up."""
        if agent.state != "Up":
            self._exchange.hang_up(agent)

    def _join(self, agent: Channel) -> None:
        self.agent = agent
        if self.customer.state != "Up":
            self._exchange.set_state(self.customer, "Up")
        bridge = self._exchange.create_bridge()
        self._exchange.enter(bridge, agent)
        self._exchange.enter(bridge, self.customer)
        self.customer.in_dialplan = False
        joined, self._joined = self._joined, lambda: None
        joined()

    # --- transfers ---

    def transfer_blind(self, to: Phone) -> None:
        """Let the agent send the customer to another phone and leave."""
        agent, bridge = self.agent, self._exchange.bridges.get(self.customer.bridge or "")
        if agent is None or bridge is None:
            return
        self._exchange.about("ChannelUnhold", agent)  # Asterisk sends one whether or not there was a hold
        self._exchange.emit(
            "BridgeBlindTransfer", agent, self.customer, bridge,
            channel=agent.view(), transferee=self.customer.view(), exten=to.party.number or "s", context=CONTEXT,
            result="Success", is_external=True, bridge=bridge.view(),
        )  # fmt: skip
        self.customer.in_dialplan = True
        self._shown = ""
        # Asterisk writes the destination to the channel before it leaves the bridge.
        self.customer.place = replace(self.customer.place, exten=to.party.number or "s")
        self._exchange.leave(self.customer)
        self._exchange.hang_up(agent)
        self._exchange.move(self.customer, Place(CONTEXT, to.party.number or "s", 1, "Dial", f"{to.endpoint},60"))
        self._ring(to, lambda _: self._exchange.hang_up(self.customer))

    def transfer_attended(self, to: Phone, consult_s: float) -> None:
        """Let the agent consult another phone while the customer hears music, then join the two and leave."""
        agent = self.agent
        if agent is None or agent.bridge is None:
            return
        first = self._exchange.bridges[agent.bridge]
        first.kept = True
        self._exchange.leave(agent)
        self.customer.on_music = True
        target = self._outgoing(to, agent)

        def consult() -> None:
            second = self._exchange.create_bridge()
            self._exchange.enter(second, target)
            self._exchange.enter(second, agent)
            self._exchange.clock.after(consult_s, lambda: self._complete(agent, target, first, second))

        Ringing(
            self._exchange, target, to, caller=agent, timeout_s=RING_S,
            answered=consult, failed=lambda _: self._resume(agent, first),
        )  # fmt: skip

    def _resume(self, agent: Channel, first: Bridge) -> None:
        """Return to the customer after a failed consultation."""
        self.customer.on_music = first.kept = False
        if first.id in self._exchange.bridges:
            self._exchange.enter(first, agent)

    def _complete(self, agent: Channel, target: Channel, first: Bridge, second: Bridge) -> None:
        first.kept = self.customer.on_music = False
        if not self.alive or agent.id not in self._exchange.channels or target.id not in self._exchange.channels:
            return
        views: dict[str, Any] = {
            "transferer_first_leg": agent.view(), "transferer_first_leg_bridge": first.view(),
            "transferer_second_leg": agent.view(), "transferer_second_leg_bridge": second.view(),
            "transferee": self.customer.view(), "transfer_target": target.view(),
            "destination_type": "bridge", "destination_bridge": first.id,
        }  # fmt: skip
        self._exchange.emit(
            "BridgeAttendedTransfer", agent, self.customer, first, result="Success", is_external=False, **views
        )
        self.agent = target
        self._exchange.enter(first, target)
        self._exchange.hang_up(agent)
