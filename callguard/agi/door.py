"""The dialplan's door: one part of the service, built from scripts, outcomes, acts and the server."""

from collections.abc import Callable, Collection

import structlog

from callguard.agi.acts import Acts, Submit
from callguard.agi.outcomes import Outcomes
from callguard.agi.scripts import Earlier, Scripts
from callguard.agi.server import AgiServer
from callguard.ari_app import AriApp
from callguard.config import Config
from callguard.contracts.events import Published

log = structlog.get_logger(__name__)


class AgiDoor:
    """Answers the dialplan from `start` to `stop`.

    Args:
        config: of the node.
        ari: the PBX.
        submit: carries a command of an asker out and returns its answer.
        earlier: returns the record of a number, see `Scripts`.
        count: called with the script and the outcome of each session.
    """

    def __init__(
        self, config: Config, ari: AriApp, submit: Submit, earlier: Earlier, count: Callable[[str, str], None]
    ) -> None:
        self._config = config
        self._outcomes = Outcomes()
        self._server = AgiServer(config.agi, Scripts(earlier, self._outcomes, Acts(ari, submit)), count)
        self._met = False

    @property
    def port(self) -> int:
        """Return the port on which it listens; 0 before the start."""
        return self._server.port

    def see(self, happened: Published) -> None:
        """Take in an event."""
        self._outcomes.see(happened)

    def calls_known(self, calls: Collection[str]) -> None:
        """Take in the calls that had begun before this run: the first that Asterisk tells of."""
        if not self._met:
            self._outcomes.found(calls)
        self._met = True

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        await self._server.start()
        privacy = self._config.privacy.number_hash_key
        if not (privacy.env or privacy.file):
            log.warning("agi_knows_no_caller", why="privacy.number_hash_key is not set")
        log.info("agi_listens", port=self.port)

    async def stop(self) -> None:
        """Stop listening and close all sessions."""
        await self._server.stop()
