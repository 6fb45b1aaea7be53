"""The lab PBX's manager interface, as a program beside CallGuard uses it: redirect, park, bridge, originate, set."""

import asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import CONTEXT
from callguard.testbed.lab.ports import HOST


async def act(lab: Lab, action: str, **headers: str) -> None:
    """Log in, send one action, wait for its success."""
    login = {"Action": "Login", "Username": lab.pbx.manager.user, "Secret": lab.pbx.manager.secret, "Events": "off"}
    reader, writer = await asyncio.open_connection(HOST, lab.pbx.ports.ami)
    try:
        await reader.readline()
        for message in (login, {"Action": action, **headers}):
            lines = "".join(f"{name}: {value}\r\n" for name, value in message.items())
            writer.write(f"{lines}\r\n".encode())
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert b"Response: Success" in answer, answer
    finally:
        writer.close()


async def redirect(lab: Lab, channel: str, extension: str, extra: str = "") -> None:
    """Send a channel, or two, to an extension."""
    first = {"Channel": channel, "Context": CONTEXT, "Exten": extension, "Priority": "1"}
    second = {"ExtraChannel": extra, "ExtraContext": CONTEXT, "ExtraExten": extension, "ExtraPriority": "1"}
    await act(lab, "Redirect", **first, **(second if extra else {}))


async def originate(lab: Lab, channel: str, extension: str, **variables: str) -> None:
    """Call a channel; once it answers, it runs an extension."""
    given = {"Variable": ",".join(f"{name}={value}" for name, value in variables.items())} if variables else {}
    where = {"Context": CONTEXT, "Exten": extension, "Priority": "1", "Async": "true"}
    await act(lab, "Originate", Channel=channel, **where, **given)


async def set_variable(lab: Lab, channel: str, name: str, value: str) -> None:
    """Set a channel's variable."""
    await act(lab, "Setvar", Channel=channel, Variable=name, Value=value)
