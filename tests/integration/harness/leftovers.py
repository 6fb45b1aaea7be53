"""What is on a PBX right now."""

from callguard.testbed.lab.instance import Instance
from callguard.testbed.lab.remote import Remote

KEPT = ("parking", "agent_hold")
"""Classes of bridges that stay once they were used: the parking lot, and the place where a pool's agents wait."""


async def leftovers(instance: Instance) -> list[str]:
    """Return the names of all channels and the ids of all bridges but those that Asterisk keeps."""
    remote = Remote(instance)
    try:
        channels, bridges = await remote.ask("GET", "channels"), await remote.ask("GET", "bridges")
    finally:
        await remote.close()
    return [f"channel {channel['name']} ({channel['id']})" for channel in channels] + [
        f"bridge {bridge['id']} ({bridge['name']})" for bridge in bridges if bridge["bridge_class"] not in KEPT
    ]
