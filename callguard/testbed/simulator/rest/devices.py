"""ARI's requests about phones: device states, endpoints and their settings."""

from aiohttp import web

from callguard.testbed.simulator.applications import Applications
from callguard.testbed.simulator.calls import CONTEXT
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.objects import Json, Phone
from callguard.testbed.simulator.rest.general import AriFault, Rest


class DeviceRest(Rest):
    """The phones."""

    def __init__(self, exchange: Exchange, applications: Applications, phones: dict[str, Phone]) -> None:
        super().__init__(exchange, applications)
        self._phones = phones

    def routes(self) -> list[web.RouteDef]:
        """The routes of this class."""
        return [
            web.get("/ari/deviceStates/{device:.+}", self.show),
            web.get("/ari/endpoints", self.endpoints),
            web.get("/ari/asterisk/config/dynamic/res_pjsip/endpoint/{name}", self.settings),
        ]

    async def endpoints(self, _: web.Request) -> web.Response:
        """GET /endpoints."""
        return web.json_response([self._endpoint(phone) for phone in self._phones.values()])

    async def settings(self, request: web.Request) -> web.Response:
        """GET /asterisk/config/dynamic/res_pjsip/endpoint/{name}: the settings that tell a phone's part."""
        phone = self._phones.get(f"PJSIP/{request.match_info['name']}")
        if phone is None:
            raise AriFault(404, f"Object with id '{request.match_info['name']}' not found")
        person = phone.party
        settings = {"context": CONTEXT, "callerid": f'"{person.name}" <{person.number}>', "outbound_auth": ""}
        return web.json_response([{"attribute": name, "value": value} for name, value in settings.items()])

    def _endpoint(self, phone: Phone) -> Json:
        technology, _, resource = phone.endpoint.partition("/")
        channels = [each.id for each in self.exchange.channels.values() if each.phone is phone]
        state = "online" if phone.registered else "offline"
        return {"technology": technology, "resource": resource, "state": state, "channel_ids": channels}

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
