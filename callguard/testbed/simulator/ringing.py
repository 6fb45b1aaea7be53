"""Make a phone ring: it answers, is busy or is not answered; the same for agents and supervisors."""

from collections.abc import Callable
from typing import Final

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.clock import Timer
from callguard.testbed.simulator.exchange import ABSENT, BUSY, NO_ANSWER, NORMAL, Exchange
from callguard.testbed.simulator.objects import Channel, Key, Phone

RING_DELAY_S: Final = 2 * FRAME_S
"""Seconds from dialling to the phone's first answer, ringing or busy."""


class Ringing:
    """One attempt to reach a phone on a channel made for it.

    Exactly one of `answered` and `failed` is called, with the outcome's Q.850 cause; neither if the channel is hung up
    from outside.
    """

    def __init__(
        self, exchange: Exchange, channel: Channel, phone: Phone, *, caller: Channel | None, timeout_s: float,
        answered: Callable[[], None], failed: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._exchange = exchange
        self._channel = channel
        self._phone = phone
        self._caller = caller
        self._answered = answered
        self._failed = failed
        self._timers: list[Timer] = []
        exchange.dial(caller, channel, "", phone.endpoint)
        channel.on_gone.append(self._stop)
        self._after(RING_DELAY_S, self._absent if not phone.registered else self._refuse if phone.busy else self._ring)
        self._after(timeout_s, self._nobody)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._timers.append(self._exchange.clock.after(seconds, act))

    def _stop(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _ring(self) -> None:
        self._exchange.dial(self._caller, self._channel, "RINGING")
        self._exchange.set_state(self._channel, "Ringing")
        if self._phone.answers_after is not None:
            self._after(self._phone.answers_after, self._answer)

    def _answer(self) -> None:
        self._stop()
        self._channel.on_gone.remove(self._stop)
        self._exchange.set_state(self._channel, "Up")
        self._exchange.dial(self._caller, self._channel, "ANSWER")
        for key in self._phone.by_hand:
            self._exchange.clock.after(key.at, lambda key=key: self._by_hand(key))  # type: ignore[misc]
        self._answered()

    def _by_hand(self, key: Key) -> None:
        if key.digits:
            self._exchange.press(self._channel, key.digits)
        if key.hang_up and self._exchange.channels.get(self._channel.id) is self._channel:
            self._exchange.request_hangup(self._channel)

    def _refuse(self) -> None:
        self._exchange.about("ChannelHangupRequest", self._channel, cause=BUSY)
        self._exchange.dial(self._caller, self._channel, "BUSY")
        self._fail(BUSY)

    def _absent(self) -> None:
        self._exchange.dial(self._caller, self._channel, "CHANUNAVAIL")
        self._fail(ABSENT)

    def _nobody(self) -> None:
        if self._caller:
            self._exchange.dial(self._caller, self._channel, "NOANSWER")
        self._fail(NO_ANSWER if self._caller is None else NORMAL)

    def _fail(self, cause: int) -> None:
        self._stop()
        self._exchange.hang_up(self._channel, cause)
        self._failed(cause)
