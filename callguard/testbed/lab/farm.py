"""A farm of SIP phones: a second Asterisk, each of whose endpoints is a phone, driven over ARI."""

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from callguard.testbed.lab.instance import Instance
from callguard.testbed.lab.phone import Phone, PhoneCall
from callguard.testbed.lab.ports import HOST, Ports
from callguard.testbed.lab.remote import Remote
from callguard.testbed.lab.root import Installation


class Farm(Instance):
    """The phones, by name; `numbers` maps their names to their extensions on the PBX."""

    def __init__(
        self, installation: Installation, folder: Path, ports: Ports, pbx: Ports, numbers: Mapping[str, str]
    ) -> None:
        phones = "".join(_PHONE.format(name=name, host=HOST, port=pbx.sip) for name in numbers)
        files = {"pjsip.conf": _FROM_PBX.format(host=HOST) + phones, "extensions.conf": _DIALPLAN}
        super().__init__("farm", installation, folder, ports, files)
        self._numbers = numbers
        self._pbx = f"{HOST}:{pbx.sip}"
        self._phones: dict[str, Phone] = {}
        self._remote: Remote | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def phone(self, name: str) -> Phone:
        """Return a phone; raise KeyError for a name that the farm doesn't have."""
        return self._phones[name]

    @property
    def phones(self) -> tuple[Phone, ...]:
        """Return all phones."""
        return tuple(self._phones.values())

    async def start(self) -> None:
        """Start Asterisk and take control of the phones."""
        await super().start()
        self._remote = Remote(self, self._on_event)
        await self._remote.open()
        for name, number in self._numbers.items():
            self._phones[name] = Phone(name, number, self._remote, self.recordings, self._pbx, self._spawn)

    async def stop(self) -> None:
        """Release the phones and end Asterisk."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._remote:
            await self._remote.close()
        await super().stop()

    async def hang_up_all(self) -> None:
        """End all calls of all phones and reset the phones."""
        live = [call for phone in self.phones for call in phone.calls if not call.ended.is_set()]
        await asyncio.gather(*(call.hangup() for call in live))
        for phone in self.phones:
            phone.reset()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_event(self, event: dict[str, Any]) -> None:
        channel = event.get("channel", {}).get("id")
        match event["type"]:
            case "StasisStart":
                self._started(channel, event["args"])
            case "ChannelHangupRequest" | "ChannelDestroyed" if call := self._call(channel):
                call.cause = event.get("cause", call.cause)
                if event["type"] == "ChannelDestroyed":
                    call.ended.set()
            case "StasisEnd" if call := self._call(channel):
                call.ended.set()
            case "ChannelDtmfReceived" if call := self._call(channel):
                call.digits += event["digit"]
            case "RecordingFinished" if call := self._call(event["recording"]["name"]):
                call.recording_done()

    def _started(self, channel: str, arguments: list[str]) -> None:
        match arguments:
            case ["incoming", name] if name in self._phones:
                self._phones[name].ring(channel)
            case ["outgoing"] if call := self._call(channel):
                self._spawn(call.begin())
            case ["ear" | "mouth" as part, owner] if call := self._call(owner):
                self._spawn(call.begin_part(part))

    def _call(self, name: str | None) -> PhoneCall | None:
        """Return a call by its channel or by the name of its recording."""
        calls = (call for phone in self._phones.values() for call in phone.calls)
        return next((call for call in calls if name in (call.channel, call.recording_name)), None)


_FROM_PBX: Final = """\

[pbx](phone)
context = phones
moh_passthrough = yes

[pbx]
type = identify
endpoint = pbx
match = {host}
"""

_PHONE: Final = """\

[{name}](phone)
context = nowhere
moh_passthrough = yes
from_user = {name}
aors = {name}

[{name}]
type = aor
contact = sip:{host}:{port}
"""

_DIALPLAN: Final = f"""\
[phones]
exten => _.,1,Stasis({Remote.APP},incoming,${{EXTEN}})
"""
