"""Find out whether Asterisk lets the RTP of a call bypass its core, and how long the first tap has to wait then.

With bridge_native_rtp loaded, the first snoop on a call takes it into the core, and SSRC and sequence of the live
streams jump. baresip 1.0 stayed deaf for the whole call where that came right after its stream had begun: in 4 of 10
calls whose first snoop came 0.1 s after the join, in none of 10 where it came 0.5 s after it.
"""

from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError
from callguard.config import Config

log = structlog.get_logger(__name__)

MODULE: Final = "bridge_native_rtp.so"
WAIT_S: Final = 0.5
"""Seconds from the join to the first snoop after which no phone went deaf; another Asterisk still did."""
ADVICE: Final = (
    "modules.conf: noload => bridge_native_rtp.so, or options such as tT in each Dial and Queue; or hear with "
    "`callguard doctor --phone` whether your phones bear it, and set asterisk.native_rtp_confirmed: true"
)


async def first_tap_delay(ari: AriClient, config: Config) -> float:
    """Return the seconds from a call's join to its first tap; an Asterisk that does not tell counts as harmful."""
    configured_s = config.media.first_tap_delay_s
    loaded = await _loaded(ari)
    if loaded and not config.asterisk.native_rtp_confirmed:
        log.warning("native_rtp_loaded", advice=ADVICE)
    if configured_s is not None:
        return configured_s
    return 0.0 if loaded is False else WAIT_S


async def _loaded(ari: AriClient) -> bool | None:
    """Return whether Asterisk has the module; None where it does not tell."""
    try:
        return not await ari.lacks_module(MODULE)
    except AriError as error:
        log.warning("native_rtp_not_checked", error=str(error))
        return None
