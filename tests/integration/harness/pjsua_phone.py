"""A phone that is PJSIP's user agent, in a process of its own: one line of JSON a command on standard input.

Usage: python -m tests.integration.harness.pjsua_phone NAME PORT PBX_PORT VOICE RECORDING
Commands: {"do": "call", "to": "201"}, {"do": "hold"}, {"do": "mute"}, {"do": "resume"},
{"do": "transfer", "to": "202"}, {"do": "keys", "digits": "*55"}, {"do": "hang_up"}.
An incoming call is answered at once. Each line of standard output tells an event: ready, up, ended.
"""

import json
import os
import queue
import sys
import threading
from typing import Any, Final

import pjsua2 as pj

HOST: Final = "127.0.0.1"
RATE: Final = 8000
POLL_MS: Final = 10


def tell(event: str) -> None:
    sys.stdout.write(f"@{event}\n")
    sys.stdout.flush()


class Call(pj.Call):
    """The phone's one call: it speaks a file and records what it hears."""

    def __init__(self, phone: "Phone", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone, call_id)
        self.phone = phone

    def onCallState(self, prm: Any) -> None:  # noqa: N802 -- PJSUA2's name
        state = self.getInfo().state
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            tell("up")
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            tell("ended")

    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802 -- PJSUA2's name
        info = self.getInfo()  # kept: PJSUA2 frees its parts with it
        for index, medium in enumerate(info.media):
            if medium.type == pj.PJMEDIA_TYPE_AUDIO and medium.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                audio = self.getAudioMedia(index)
                self.phone.voice.startTransmit(audio)
                audio.startTransmit(self.phone.recorder)


class Phone(pj.Account):
    """The account; `voice` is what it says, `recorder` what it hears."""

    def __init__(self, name: str, pbx: str, voice: str, recording: str) -> None:
        super().__init__()
        self.pbx = pbx
        self.call: Call | None = None
        config = pj.AccountConfig()
        config.idUri = f"sip:{name}@{pbx}"
        config.mediaConfig.transportConfig.boundAddress = HOST
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        self.create(config)
        self.voice, self.recorder = pj.AudioMediaPlayer(), pj.AudioMediaRecorder()
        self.voice.createPlayer(voice)
        self.recorder.createRecorder(recording)

    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 -- PJSUA2's name
        self.call = Call(self, prm.callId)
        self.call.answer(_said(200))

    def obey(self, command: dict[str, Any]) -> None:
        to = f"sip:{command.get('to')}@{self.pbx}"
        if command["do"] == "call":
            self.call = Call(self)
            self.call.makeCall(to, pj.CallOpParam(True))
        assert self.call
        match command["do"]:
            case "hold":
                self.call.setHold(pj.CallOpParam(True))
            case "mute":  # a hold by the SDP's `inactive`
                self.call.reinvite(_directed(pj.PJMEDIA_DIR_NONE))
            case "resume":
                self.call.reinvite(_directed(pj.PJMEDIA_DIR_ENCODING_DECODING))
            case "transfer":
                self.call.xfer(to, pj.CallOpParam(True))
            case "keys":
                self.call.dialDtmf(command["digits"])
            case "hang_up":
                self.call.hangup(pj.CallOpParam(True))


def _directed(direction: int) -> Any:
    """Return the parameters of a re-INVITE that ends a hold and sets the direction of the audio."""
    again = pj.CallOpParam(True)
    again.opt.flag = pj.PJSUA_CALL_UNHOLD | pj.PJSUA_CALL_SET_MEDIA_DIR
    again.opt.mediaDir = pj.IntVector([direction])
    return again


def _said(code: int) -> Any:
    answer = pj.CallOpParam(True)
    answer.statusCode = code
    return answer


def _read(commands: "queue.Queue[str]") -> None:
    """Hand on each line of standard input, and an empty one at its end."""
    for line in sys.stdin:
        commands.put(line)
    commands.put("")


def main(name: str, port: str, pbx_port: str, voice: str, recording: str) -> None:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 1
    config.uaConfig.threadCnt = 0
    config.medConfig.noVad = True  # silence is sent too
    config.medConfig.clockRate = RATE
    config.medConfig.ecTailLen = 0
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.port, transport.boundAddress = int(port), HOST
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    phone = Phone(name, f"{HOST}:{pbx_port}", voice, recording)
    commands: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(commands,), daemon=True).start()
    tell("ready")
    while True:
        endpoint.libHandleEvents(POLL_MS)
        while not commands.empty():
            line = commands.get()
            if not line:
                os._exit(0)  # PJSUA2's own destruction may crash the interpreter
            phone.obey(json.loads(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
