"""ARI's requests about device states."""

from aiohttp import web

from callguard.testbed.simulator.applications import Applications
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.objects import Phone
from callguard.testbed.simulator.rest.general import Rest


class DeviceRest(Rest):
    """Device states of the phones."""

    def __init__(self, exchange: Exchange, applications: Applications, phones: dict[str, Phone]) -> None:
        super().__init__(exchange, applications)
        self._phones = phones

    def routes(self) -> list[web.RouteDef]:
        """The routes of this class."""
        return [web.get("/ari/deviceStates/{device:.+}", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """GET /deviceStates/{device}."""
        device = request.match_info["device"]
        return web.json_response({"name": device, "state": self._state(device)})

    def _state(self, device: str) -> str:
        phone = self._phones.get(device)
        if phone is None:
            return "INVALID"
        if not phone.registered:
            return "UNAVAILABLE"
        channels = [each for each in self.exchange.channels.values() if each.phone is phone and each.state != "Down"]
        if any(channel.held for channel in channels):
            return "ONHOLD"
        if channels:
            return "RINGING" if all(channel.state == "Ringing" for channel in channels) else "INUSE"
        return "NOT_INUSE"
