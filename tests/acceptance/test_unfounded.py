"""No party without a told role is ever judged or whispered to, in any meeting.

Random worlds of people, Local channels, mixing bridges and waiting rooms, in which people come, go, wait in queues, are
rung, parked, transferred, and get or lose variables; the service may lose its events and read everything anew. A second
and simpler account of who was told what, kept here, says for whom a role is founded.
"""

from dataclasses import dataclass, field
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.asterisk.discovery.calls import Call, Changed, Snapshot, Started
from callguard.asterisk.events import Bridge, BridgeTransfer, Channel, ChannelDestroyed, ChannelEnteredBridge
from callguard.config import Roles
from tests.asterisk.harness.told import Pbx

PEOPLE = {"s1": "PJSIP/201-1", "s2": "PJSIP/202-2", "x": "PJSIP/trunk-3", "y": "PJSIP/trunk-4", "z": "PJSIP/desk-5"}
HALVES = {"l1": "Local/a@b-1;1", "l2": "Local/a@b-1;2", "m1": "Local/c@d-2;1", "m2": "Local/c@d-2;2"}
NAMES = PEOPLE | HALVES
MIXING, WAITING = ("b1", "b2", "b3"), "w"
APPS = ("Dial", "AppDial", "Queue", "AppQueue", "ConfBridge", "AgentLogin", "ParkedCall", "Stasis", "")
SCOPES = {
    "nobody is told": Roles(),
    "staff by rule": Roles.model_validate({"rules": [{"channel": "PJSIP/20*", "role": "agent"}]}),
    "customers by rule": Roles.model_validate({"rules": [{"channel": "PJSIP/trunk*", "role": "customer"}]}),
}

who, where, app = st.sampled_from(sorted(NAMES)), st.sampled_from((*MIXING, WAITING)), st.sampled_from(APPS)
STEP = st.one_of(
    st.tuples(st.just("enter"), who, where, app),
    st.tuples(st.just("enter"), who, where, app),
    st.tuples(st.just("leave"), who, where, app),
    st.tuples(st.sampled_from(["destroy", "transfer"]), who, where, app),
    st.tuples(st.sampled_from(["customer", "Agent", "ignore", "", "nonsense"]), who, where, app),
    st.tuples(st.sampled_from(["connect", "blind"]), who, where, app),
)


@dataclass
class World:
    """What the PBX does, and for whom a role is founded; `queues` says whether anybody may wait in a queue."""

    roles: Roles
    queues: bool
    pbx: Pbx = field(init=False)
    now: "count[int]" = field(default_factory=count)
    apps: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    guests: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pbx = Pbx(self.roles)

    def channel(self, name: str) -> Channel:
        app = self.apps.get(name, "")
        return Channel(name, NAMES[name], app=app, app_data="support" if app == "Queue" else "")

    # --- what happens ---

    def step(self, what: str, name: str, place: str, app: str) -> None:
        at, before = float(next(self.now)), self.places.get(name)
        if what == "enter":
            self.apps[name] = app if self.queues or "Queue" not in app else ""
            self.places[name] = place
            self.account()
            self.pbx.tell(ChannelEnteredBridge(at, self.channel(name), Bridge(place, mixes=place != WAITING)))
        elif what == "leave" and before:
            del self.places[name]
            self.account()
            self.pbx.leave(self.channel(name), before)
        elif what == "destroy":
            for known in (self.places, self.variables, self.apps, self.pbx.variables):
                known.pop(name, None)
            for founded in (self.customers, self.agents, self.guests):
                founded.discard(name)
            self.account()
            self.pbx.tell(ChannelDestroyed(at, self.channel(name)))
        elif what == "transfer":
            self.guests -= set(self.group(name))
            self.pbx.tell(BridgeTransfer(at, self.channel(name)))
        elif what == "connect":
            self.pbx.connected(name, "support", "Mia", "PJSIP/201", "s1")
        elif what == "blind":
            self.pbx.tell(self.snapshot(at))
        elif what in ("customer", "Agent", "ignore", "", "nonsense"):
            self.variables[name] = what.lower()
            self.apps.setdefault(name, "")  # the channel exists
            self.pbx.variables[name] = (what, "")
            self.account()
            self.pbx.set(self.channel(name), "CALLGUARD_ROLE", what)

    def snapshot(self, at: float) -> Snapshot:
        bridges = (
            Bridge(each, tuple(name for name, place in self.places.items() if place == each), mixes=each != WAITING)
            for each in (*MIXING, WAITING)
        )
        return Snapshot(at, tuple(self.channel(name) for name in self.apps), tuple(bridges))

    # --- who hears whom, and who was told ---

    def group(self, name: str) -> list[str]:
        """Everybody, halves included, whom a channel reaches."""
        reached, todo = set(), [self.places.get(name, WAITING)]
        while todo:
            place = todo.pop()
            if place == WAITING or place in reached:
                continue
            reached.add(place)
            here = [each for each in HALVES if self.places.get(each) == place]
            todo += [self.places.get(each[0] + ("2" if each[1] == "1" else "1"), WAITING) for each in here]
        return [each for each, place in self.places.items() if place in reached]

    def told(self, name: str) -> str:
        if self.variables.get(name) in ("customer", "agent", "ignore"):
            return self.variables[name]
        rules = ((rule.channel or "").rstrip("*") for rule in self.roles.rules)
        matches = any(NAMES[name].startswith(prefix) for prefix in rules)
        return (self.roles.rules[0].role or "") if matches else ""

    def account(self) -> None:
        """Note for whom the present meetings found a role: customers first, since they make agents of others."""
        calls = list(self.pbx.discovery.calls.values())
        present = [each for each in PEOPLE if each in self.places]
        for name in present:
            words, apps, others = self.facts(name)
            by_halves = any(self.variables.get(half) == "agent" for half in self.halves(name))
            beside_agent = bool(others) and (by_halves or any(self.told(each) == "agent" for each in others))
            if "customer" in words or "Queue" in apps or (beside_agent and name not in self.guests):
                self.customers.add(name)
        for name in present:
            words, apps, others = self.facts(name)
            made = bool(set(others) & self.customers) and name not in self.guests
            if "agent" in words or "AppQueue" in apps or made:
                self.agents.add(name)
            if any(call.customer in others and call.agent in others for call in calls) and not words - {""}:
                self.guests.add(name)

    def halves(self, name: str) -> list[str]:
        return [each for each in self.group(name) if each in HALVES]

    def facts(self, name: str) -> tuple[set[str], set[str], list[str]]:
        """The roles and applications that are told of a person, by Local halves too, and the others in the room."""
        halves = self.halves(name)
        words = {self.told(name), *(self.variables.get(half, "") for half in halves)}
        apps = {self.apps[name], *(self.apps[half] for half in halves)}
        return words, apps, [each for each in self.group(name) if each in PEOPLE and each != name]

    def check(self, call: Call) -> None:
        if call.unknown:
            assert call.legs() == {}
            return
        assert call.customer in self.customers, f"nobody told that {call.customer} is a customer"
        assert self.told(call.customer) != "agent"
        assert call.agent is None or call.agent in self.agents, f"nobody told that {call.agent} is an agent"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SCOPES)), st.booleans(), st.lists(STEP, max_size=40))
def test_a_role_rests_on_told_facts_in_any_meeting(
    scope: str, queues: bool, story: list[tuple[str, str, str, str]]
) -> None:
    world = World(SCOPES[scope], queues)
    for what, name, place, app in story:
        said = len(world.pbx.said)
        world.step(what, name, place, app)
        for output in world.pbx.said[said:]:
            if isinstance(output, Started | Changed):
                world.check(output.call)


@settings(deadline=None)
@given(st.lists(STEP.filter(lambda step: step[0] in ("enter", "leave", "destroy", "transfer", "blind")), max_size=40))
def test_where_nothing_is_told_nobody_is_judged_in_any_meeting(story: list[tuple[str, str, str, str]]) -> None:
    world = World(Roles(), queues=False)
    for what, name, place, app in story:
        world.step(what, name, place, app)
        assert not world.pbx.discovery.calls


def test_the_worlds_hold_judged_calls_of_each_kind() -> None:
    """The properties above would hold if no call were ever judged: these stories are told with the same means."""
    stories = {
        "rule": [("enter", "s1", "b1", "AppDial"), ("enter", "x", "b1", "Dial")],
        "queue": [("enter", "y", "b1", "Queue"), ("enter", "z", "b1", "AppQueue")],
        "variable": [("customer", "y", "b1", ""), ("enter", "y", "b1", ""), ("enter", "z", "b1", "")],
        "Local": [
            ("enter", "x", "b2", "AppDial"), ("enter", "l2", "b2", "Dial"),
            ("enter", "l1", "b1", "Queue"), ("enter", "z", "b1", "AppQueue"),
        ],
        "dialler": [("enter", name, "b1", "ConfBridge") for name in ("s1", "s2", "x")],
    }  # fmt: skip
    for name, story in stories.items():
        world = World(SCOPES["staff by rule"], queues=True)
        for step in story:
            world.step(*step)
        assert len(world.pbx.discovery.calls) == 1, name
        world.check(world.pbx.call)
