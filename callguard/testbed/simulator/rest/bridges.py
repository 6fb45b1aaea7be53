"""ARI's requests about bridges."""

from aiohttp import web

from callguard.testbed.simulator.objects import Channel
from callguard.testbed.simulator.rest.channels import make_playback
from callguard.testbed.simulator.rest.general import AriFault, Rest, arguments, needed


class BridgeRest(Rest):
    """Bridges."""

    def routes(self) -> list[web.RouteDef]:
        """The routes of this class."""
        one = "/ari/bridges/{bridge}"
        return [
            web.get("/ari/bridges", self.index),
            web.post("/ari/bridges", self.create),
            web.get(one, self.show),
            web.post(one, self.create),
            web.delete(one, self.destroy),
            web.post(f"{one}/addChannel", self.add),
            web.post(f"{one}/removeChannel", self.remove),
            web.post(f"{one}/play", self.play),
            web.post(f"{one}/play/{{playback}}", self.play),
        ]

    async def index(self, _: web.Request) -> web.Response:
        """GET /bridges."""
        return web.json_response([each.view() for each in self.exchange.bridges.values()])

    async def show(self, request: web.Request) -> web.Response:
        """GET /bridges/{bridge}."""
        return web.json_response(self.bridge(request).view())

    async def create(self, request: web.Request) -> web.Response:
        """POST /bridges: an existing one is returned as it is."""
        found = await arguments(request)
        own = request.match_info.get("bridge") or found.get("bridgeId") or None
        bridge = self.exchange.bridges.get(str(own)) or self.exchange.create_bridge(
            bridge=own, kind="stasis", name=str(found.get("name", "")), creator="Stasis"
        )
        return web.json_response(bridge.view())

    async def destroy(self, request: web.Request) -> web.Response:
        """DELETE /bridges/{bridge}."""
        self.exchange.destroy_bridge(self.bridge(request))
        return web.Response(status=204)

    async def add(self, request: web.Request) -> web.Response:
        """POST /bridges/{bridge}/addChannel."""
        bridge, found = self.bridge(request), await arguments(request)
        muted = str(found.get("mute", "false")).lower() in ("true", "yes", "1")
        for channel in self._channels(needed(found, "channel", "Channel")):
            self.exchange.enter(bridge, channel, muted=muted)
        return web.Response(status=204)

    async def remove(self, request: web.Request) -> web.Response:
        """POST /bridges/{bridge}/removeChannel."""
        bridge, found = self.bridge(request), await arguments(request)
        for channel in self._channels(needed(found, "channel", "Channel")):
            if channel.bridge != bridge.id:
                raise AriFault(422, "Channel not in this bridge")
            self.exchange.leave(channel)
        return web.Response(status=204)

    def _channels(self, names: str) -> list[Channel]:
        """All channels of a comma-separated list, or an error and none."""
        found = [self.exchange.channels.get(name) for name in names.split(",")]
        if None in found:
            raise AriFault(400, "Channel not found")
        return [self.ours(channel, 422) for channel in found if channel is not None]

    async def play(self, request: web.Request) -> web.Response:
        """POST /bridges/{bridge}/play."""
        bridge = self.bridge(request)
        playback = make_playback(await arguments(request), request, bridge.id, to_bridge=True)
        self.exchange.play(playback)
        return web.json_response(playback.view(), status=201)
