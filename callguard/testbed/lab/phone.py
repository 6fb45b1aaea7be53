"""A phone of the farm and its calls: real SIP and RTP, a voice from a WAV file, and a recording of all it hears."""

import asyncio
import itertools
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from callguard.testbed.lab.remote import Remote
from callguard.testbed.lab.tones import RATE

ANSWER_TIMEOUT_S: Final = 30.0
_DIGIT_S: Final = 0.2
_REFER_S: Final = 0.3
"""Seconds to wait for the acceptance of a REFER, which no ARI event reports; on loopback it takes milliseconds."""
_GOING_S: Final = 2.0
"""Seconds within which a hung-up channel ends."""
_numbers = itertools.count(1)


class CallFailed(Exception):  # noqa: N818 -- an outcome of a call
    """The call was not answered; `cause` is the ISDN cause code (17 busy, 19 no answer, 21 rejected)."""

    def __init__(self, text: str, cause: int) -> None:
        super().__init__(f"{text}: cause {cause}")
        self.cause = cause


class Phone:
    """A phone: its behaviour when rung, and its own calls.

    `answer_after_s`: seconds of ringing before it answers; None: rings for ever. `busy`: refuses. `voice`: what it
    says after answering, an 8 kHz mono 16-bit WAV. `pbx` is the PBX's host and SIP port.
    """

    def __init__(self, name: str, number: str, remote: Remote, recordings: Path, pbx: str, spawn: "Spawn") -> None:
        self.name = name
        self.number = number
        self.answer_after_s: float | None = 0.1
        self.busy = False
        self.voice: Path | None = None
        self.calls: list[PhoneCall] = []
        self._answered: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._rung: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._remote = remote
        self._recordings = recordings
        self.pbx = pbx
        self._spawn = spawn

    def reset(self) -> None:
        """Forget past calls and behave as a new phone does."""
        self.answer_after_s, self.busy, self.voice = 0.1, False, None
        self.calls.clear()
        self._answered, self._rung = asyncio.Queue(), asyncio.Queue()

    async def call(self, extension: str, voice: Path | None = None) -> "PhoneCall":
        """Call an extension of the PBX and speak `voice` after the answer; raise CallFailed where there is none."""
        call = self._new(f"from-{self.name}-{next(_numbers)}", voice)
        await self._remote.ask(
            "POST",
            "channels",
            endpoint=f"PJSIP/{extension}@{self.name}",
            app=Remote.APP,
            appArgs="outgoing",
            channelId=call.channel,
            timeout=ANSWER_TIMEOUT_S,
        )
        await first_of(call.up, call.ended)
        if not call.up.is_set():
            raise CallFailed(f"{self.name} called {extension}", call.cause)
        return call

    async def rung(self, timeout_s: float = ANSWER_TIMEOUT_S) -> "PhoneCall":
        """Wait for the next call that makes this phone ring."""
        return await asyncio.wait_for(self._rung.get(), timeout_s)

    async def answered(self, timeout_s: float = ANSWER_TIMEOUT_S) -> "PhoneCall":
        """Wait for the next call that this phone has answered."""
        return await asyncio.wait_for(self._answered.get(), timeout_s)

    def ring(self, channel: str) -> "PhoneCall":
        """Register an incoming call and behave as set."""
        call = self._new(channel, self.voice)
        self._rung.put_nowait(call)
        self._spawn(self._behave(call))
        return call

    async def _behave(self, call: "PhoneCall") -> None:
        if self.busy:
            await call.hangup("busy")
            return
        await self._remote.ask("POST", f"channels/{call.channel}/ring")
        if self.answer_after_s is None:
            return
        await asyncio.sleep(self.answer_after_s)
        if not call.ended.is_set() and await _answer(call):
            self._answered.put_nowait(call)

    def _new(self, channel: str, voice: Path | None) -> "PhoneCall":
        if voice:
            check_voice(voice)
        call = PhoneCall(self, channel, voice, self._remote, self._recordings / f"{self.name}-{next(_numbers)}.wav")
        self.calls.append(call)
        return call


Spawn = Callable[[Coroutine[Any, Any, None]], None]


class PhoneCall:
    """One call at one phone, from its first ring to hangup.

    `channel` is the id of the farm's own channel, not of the PBX's. Seconds of the recording count from `up`.
    """

    def __init__(self, phone: Phone, channel: str, voice: Path | None, remote: Remote, recording: Path) -> None:
        self.phone = phone
        self.channel = channel
        self.up = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause = 0
        self.digits = ""
        self._voice = voice
        self._remote = remote
        self._recording = recording
        self._recording_since = 0.0
        self._recorded = asyncio.Event()
        self._playback: str | None = None

    @property
    def recording_name(self) -> str:
        """ARI's name of the recording."""
        return self._recording.stem

    async def answer(self) -> None:
        """Answer, begin to record, speak."""
        await self._remote.ask("POST", f"channels/{self.channel}/answer")
        await self.begin()

    async def begin(self) -> None:
        """Give the answered call an ear (it records the audio that the phone hears) and a mouth (it plays the voice).

        Both are snoops: a Stasis channel runs its commands in series, so a voice played on the channel itself would
        delay every digit and every hold until its end. The channel itself sends silence, as a phone does.
        """
        await self._remote.ask("POST", f"channels/{self.channel}/silence")
        await self._snoop("ear", spy="in")
        await self._snoop("mouth", spy="none", whisper="out")

    async def begin_part(self, part: str) -> None:
        """Start the ear's recording or the mouth's first words, now that its snoop is ready."""
        if part == "ear":
            path = f"channels/ear-{self.channel}/record"
            await self._remote.ask("POST", path, name=self.recording_name, format="wav", ifExists="overwrite")
            self._recording_since = asyncio.get_running_loop().time()
            return
        self.up.set()
        if self._voice:
            await self.say(self._voice)

    def recording_done(self) -> None:
        """Mark the recording's file as complete."""
        self._recorded.set()

    @property
    def elapsed(self) -> float:
        """Return the seconds recorded so far, which is the position of the present audio in `heard`."""
        return asyncio.get_running_loop().time() - self._recording_since

    async def say(self, voice: Path) -> None:
        """Speak a file instead of the present voice."""
        check_voice(voice)
        await self.hush()
        self._playback = f"say-{next(_numbers)}"
        path = f"channels/mouth-{self.channel}/play/{self._playback}"
        await self._remote.ask("POST", path, media=_media(voice))

    async def hush(self) -> None:
        """Stop speaking."""
        if self._playback:
            await self._remote.ask("DELETE", f"playbacks/{self._playback}")

    async def dtmf(self, digits: str) -> None:
        """Key digits (RFC 4733) and wait until they are sent."""
        half = round(_DIGIT_S * 500)
        await self._remote.ask("POST", f"channels/{self.channel}/dtmf", dtmf=digits, duration=half, between=half)
        await asyncio.sleep(_DIGIT_S * len(digits))

    async def hold(self) -> None:
        """Put the other side on hold (re-INVITE)."""
        await self._remote.ask("POST", f"channels/{self.channel}/hold")

    async def unhold(self) -> None:
        """Take the other side back."""
        await self._remote.ask("DELETE", f"channels/{self.channel}/hold")

    async def forward(self, extension: str) -> None:
        """Send the caller to another extension instead of answering (302)."""
        endpoint = f"PJSIP/sip:{extension}@{self.phone.pbx}"
        await self._remote.ask("POST", f"channels/{self.channel}/redirect", endpoint=endpoint)

    async def transfer(self, extension: str) -> None:
        """Transfer the other side blindly by SIP REFER, then hang up, as the transferring party must."""
        await self._refer(f"sip:{extension}@{self.phone.pbx}")

    async def transfer_to(self, consultation: "PhoneCall") -> None:
        """Join the other side with that of another call of this phone (SIP REFER with Replaces), then hang up."""
        call, own, other = [await consultation._dialog(part) for part in ("call-id", "local_tag", "remote_tag")]
        replaces = quote(f"{call};to-tag={other};from-tag={own}", safe="")
        await self._refer(f"<sip:{self.phone.pbx}?Replaces={replaces}>")

    async def _refer(self, target: str) -> None:
        await self._remote.ask("POST", f"channels/{self.channel}/redirect", endpoint=f"PJSIP/{target}")
        await asyncio.sleep(_REFER_S)
        await self.hangup()

    async def _dialog(self, part: str) -> str:
        answer = await self._remote.ask("GET", f"channels/{self.channel}/variable", variable=f"CHANNEL(pjsip,{part})")
        return str(answer["value"])

    async def hangup(self, reason: str = "normal") -> None:
        """Hang up and wait until the call has ended."""
        await self._remote.ask("DELETE", f"channels/{self.channel}", reason=reason)
        await asyncio.wait_for(self.ended.wait(), ANSWER_TIMEOUT_S)

    async def heard(self) -> Path:
        """Wait for the end of the call; return the WAV of all audio that the phone heard from answer to hangup."""
        await self.ended.wait()
        await asyncio.wait_for(self._recorded.wait(), ANSWER_TIMEOUT_S)
        return self._recording

    async def _snoop(self, part: str, **what: str) -> None:
        identity = f"{part}-{self.channel}"
        path = f"channels/{self.channel}/snoop/{identity}"
        await self._remote.ask("POST", path, app=Remote.APP, appArgs=f"{part},{self.channel}", **what)


async def _answer(call: PhoneCall) -> bool:
    """Answer; return False where the caller hung up meanwhile, so that Asterisk refuses the call's other requests."""
    try:
        await call.answer()
    except aiohttp.ClientResponseError:
        await asyncio.wait_for(call.ended.wait(), _GOING_S)
        return False
    return True


def _media(voice: Path) -> str:
    """Return ARI's name of a file: absolute, without suffix."""
    return f"sound:{voice.absolute().with_suffix('')}"


def check_voice(voice: Path) -> None:
    """Raise ValueError unless a phone can speak the file: 8 kHz mono 16-bit WAV."""
    try:
        with wave.open(str(voice), "rb") as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
    except (OSError, wave.Error, EOFError) as error:
        raise ValueError(f"{voice}: {error}") from error
    if voice.suffix != ".wav" or form != (RATE, 1, 2):
        raise ValueError(f"{voice}: a phone speaks .wav files of 8 kHz, mono, 16 bit")


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
