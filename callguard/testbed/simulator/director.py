"""Play a scenario on a simulator."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from callguard.audio.frames import Pcm
from callguard.config import ConfigError
from callguard.testbed.simulator.calls import Call
from callguard.testbed.simulator.objects import Key, Party, Phone
from callguard.testbed.simulator.scenario import (
    CallScript,
    Dtmf,
    Hold,
    PhoneScript,
    Piece,
    Scenario,
    SetVariable,
    Transfer,
    WeatherScript,
)
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.sound import SoundError, clip, load, music, silence, tone
from callguard.testbed.simulator.voice import Effort, speak
from callguard.testbed.simulator.weather import FOR_EVER_S, Fault

FEATURE_EVENTS: Final = {"*55": ("callguard-help", "CallGuardHelp"), "*56": ("callguard-abuse", "CallGuardAbuse")}
"""Feature code: name in DYNAMIC_FEATURES, and the UserEvent that it sends."""


class Director:
    """Connects a scenario's phones and plays its actions by the simulator's time.

    Args:
        folder: folder of relative sound files.

    Raises:
        ConfigError: a sound file is unusable.
    """

    def __init__(self, simulator: Simulator, scenario: Scenario, folder: Path) -> None:
        self.calls: list[Call] = []
        self._simulator = simulator
        self._scenario = scenario
        self._folder = folder
        self._to_come = len(scenario.calls) + len(scenario.weather)
        simulator.add(*(self._phone(endpoint, script) for endpoint, script in scenario.phones.items()))
        for call in scenario.calls:
            self._at(call.at, lambda call=call: self._place(call))  # type: ignore[misc]
        for weather in scenario.weather:
            self._at(weather.at, lambda weather=weather: self._blow(weather))  # type: ignore[misc]

    @property
    def over(self) -> bool:
        """Return whether all actions are done and all calls have ended."""
        return self._to_come == 0 and not any(call.alive for call in self.calls)

    async def finished(self) -> None:
        """Wait until the scenario is over; the simulator's time must run by itself."""
        await self._simulator.until(lambda: self.over)

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        self._simulator.clock.after(seconds, act)

    # --- people ---

    def _phone(self, endpoint: str, script: PhoneScript) -> Phone:
        return Phone(
            endpoint, Party(script.name, script.number), script.answers_after, script.busy, script.registered,
            audio=self._audio(script), loop=script.repeat,
            by_hand=tuple(Key(press.at, press.digits, press.hang_up) for press in script.by_hand),
        )  # fmt: skip

    def _audio(self, script: PhoneScript) -> Pcm:
        try:
            pieces = [self._piece(piece, script.speaker) for piece in script.says]
        except SoundError as error:
            raise ConfigError([str(error)]) from error
        return np.concatenate(pieces) if pieces else silence(0)

    def _piece(self, piece: Piece, speaker: int) -> Pcm:
        pcm = load(self._folder / piece.file) if piece.file else _made(piece, speaker)
        return clip(pcm * 10 ** (piece.gain_db / 20)) if piece.gain_db else pcm

    # --- calls ---

    def _place(self, script: CallScript) -> None:
        self._to_come -= 1
        phones = self._simulator.phones
        call = Call(
            self._simulator.exchange, phones[script.customer], [phones[agent] for agent in script.agents],
            queue=script.queue, options=script.options, variables=script.variables,
            joined=lambda: self._joined(call, script),
        )  # fmt: skip
        self.calls.append(call)

    def _joined(self, call: Call, script: CallScript) -> None:
        for action in script.actions:
            self._at(action.at, lambda action=action: self._act(call, action))  # type: ignore[misc]

    def _act(self, call: Call, action: object) -> None:
        if not call.alive:
            return
        if isinstance(action, Transfer):
            to = self._simulator.phones[action.to]
            call.transfer_attended(to, action.consult_s) if action.consult_s else call.transfer_blind(to)
            return
        channel = call.channel(getattr(action, "who", "customer"))
        exchange = self._simulator.exchange
        if channel is None or channel.id not in exchange.channels:
            return
        if isinstance(action, Hold):
            exchange.hold(channel, on=action.do == "hold")
        elif isinstance(action, SetVariable):
            exchange.set_variable(channel, action.name, action.value)
        elif isinstance(action, Dtmf):
            self._press(channel.id, action.digits)
        else:
            exchange.request_hangup(channel)

    def _press(self, name: str, digits: str) -> None:
        exchange = self._simulator.exchange
        channel = exchange.channels[name]
        exchange.press(channel, digits)
        feature, event = FEATURE_EVENTS.get(digits, ("", ""))
        offered = next((value for key, value in channel.variables.items() if key.strip("_") == "DYNAMIC_FEATURES"), "")
        if feature and feature in offered.split("#"):
            self._at(
                0.2 * len(digits), lambda: exchange.about("ChannelUserevent", channel, eventname=event, userevent={})
            )

    # --- weather ---

    def _blow(self, script: WeatherScript) -> None:
        self._to_come -= 1
        simulator, weather = self._simulator, self._simulator.weather
        faults = {
            "slow_rest": Fault(script.path, delay_s=script.delay_s),
            "fail_rest": Fault(script.path, status=script.status),
            "hang_rest": Fault(script.path, delay_s=FOR_EVER_S),
        }
        if script.do in faults:
            weather.faults.append(faults[script.do])
            self._at(script.for_s, weather.clear)
        elif script.do == "refuse_sockets":
            weather.sockets_refused = True
            simulator.drop_sockets()
            self._at(script.for_s, weather.clear)
        elif script.do == "restart":
            simulator.restart_soon(script.for_s)
        else:
            {"drop_sockets": simulator.drop_sockets, "cut_media": simulator.cut_media}[script.do]()


def _made(piece: Piece, speaker: int) -> Pcm:
    seconds = piece.for_s or 0.0
    if piece.voice:
        return _speech(seconds, piece.voice, speaker, piece.text)
    if piece.tone:
        return tone(piece.tone, seconds)
    return music(seconds) if piece.music else silence(seconds)


@lru_cache(maxsize=32)
def _speech(seconds: float, effort: Effort, speaker: int, text: str | None) -> Pcm:
    return speak(seconds, effort, seed=speaker, text=text)
