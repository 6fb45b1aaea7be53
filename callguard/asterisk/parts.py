"""Report the failed parts of the PBX."""

from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError
from callguard.asterisk.health import Trouble
from callguard.asterisk.upkeep.leases import MODULE, NOT_KEPT
from callguard.runtime.outages import Outages

log = structlog.get_logger(__name__)

EVENTS_LOST: Final = "event socket lost"
NOT_OUT: Final = "Asterisk has not confirmed that a supervisor who is to be out is out"


class Parts:
    """Parts by their names in node.degraded: `ari`, `ari_refuses`, `ami`, `leases`, `cutting`."""

    def __init__(self, outages: Outages) -> None:
        self._outages = outages
        self.caught_up = False
        """Whether events arrive and missed changes are known; without that, a healthy ARI has not yet recovered."""

    def tell(self, part: str, up: bool, why: str = "", advice: str = "") -> None:
        """Take in whether a part works, with the reason if not; the event holds an advice after the part's name."""
        if up:
            self._outages.back(part)
        else:
            self._outages.away(part, advice, detail=why)

    def look_at(self, trouble: Trouble | None) -> None:
        """Take in ARI's present trouble."""
        text = trouble.text if trouble else ""
        refuses = trouble is not None and trouble.kind == "refuses"
        self.tell("ari_refuses", not refuses, advice=text)
        if trouble and not refuses:
            self.tell("ari", False, advice=text)
        elif self.caught_up:
            self.tell("ari", True)

    async def check_leases(self, ari: AriClient) -> None:
        """Check whether this Asterisk keeps leases."""
        try:
            self.tell("leases", not await ari.lacks_module(MODULE), advice=NOT_KEPT)
        except AriError as error:
            log.warning("leases_not_checked", error=str(error))
