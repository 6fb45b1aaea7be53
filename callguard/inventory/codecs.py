"""Find phones whose codec Asterisk can't whisper into. Pure."""

from collections.abc import Iterator
from typing import Final

from callguard.asterisk.names import device_of
from callguard.config import Config
from callguard.inventory.discrepancy import Discrepancy, listed
from callguard.inventory.pbx import Inventory

OPUS: Final = "opus"
TEXT: Final = (
    "may speak Opus. To a phone that offers it in stereo (as baresip does: stereo=1) Asterisk sends near silence while "
    "a whisper is mixed in: the agent hears neither customer nor supervisor"
)
ADVICE: Final = (
    "set stereo=0 at the phones, or disallow opus for them in pjsip.conf; `callguard doctor --phone ENDPOINT` shows it"
)


def silenced_by_whispers(config: Config, inventory: Inventory) -> Iterator[Discrepancy]:
    """Yield one warning of all phones that may speak Opus; nobody whispers to supervisors."""
    rung = {device_of(supervisor.endpoint) for supervisor in config.supervisors}
    phones = [each for each in inventory.endpoints if not each.trunk and each.name not in rung]
    names = [each.name for each in phones if OPUS in each.codecs]
    if names:
        yield Discrepancy("warning", "", f"{listed(names)} {TEXT}", ADVICE)
