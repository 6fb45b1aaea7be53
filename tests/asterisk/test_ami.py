"""AMI: queue facts in, actions out once, and a connection that comes back around panoramisk."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import structlog

from callguard.asterisk import ami as module
from callguard.asterisk.ami import AmiClient, AmiError, Paused, ami_session
from callguard.asterisk.discovery.calls import QueueConnected
from callguard.asterisk.people import Member, Roster
from callguard.asterisk.supervision.cooldown import REASON, Cooldowns
from callguard.config import Ami, Secret

SECRET = "s3cret-of-ami"


class FakeAmi:
    """Answers as a manager does; `silent` actions get no answer, `refused` ones an Error."""

    def __init__(self) -> None:
        self.actions: list[dict[str, str]] = []
        self.silent: set[str] = set()
        self.refused: set[str] = set()
        self.why = "because"
        """What is said to refused actions."""
        self.writers: list[asyncio.StreamWriter] = []
        self.members: list[dict[str, str]] = []
        """Headers of the queue members that QueueStatus lists."""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while block := await reader.readuntil(b"\r\n\r\n"):
                action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                self.actions.append(action)
                if action["Action"] not in self.silent:
                    response = "Error" if action["Action"] in self.refused else "Success"
                    self._answer(writer, action, response)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, action: dict[str, str], response: str) -> None:
        blocks = [{"Response": response, "Message": self.why}]
        if action["Action"] == "QueueStatus" and response == "Success":
            blocks = [{"Response": response, "EventList": "start", "Message": "Queue status will follow"}]
            blocks += [{"Event": "QueueParams", "Queue": "support"}]
            blocks += [{"Event": "QueueMember", **member} for member in self.members]
            blocks += [{"Event": "QueueStatusComplete", "EventList": "Complete"}]
        for block in blocks:
            lines = [f"{key}: {value}\r\n" for key, value in {**block, "ActionID": action["ActionID"]}.items()]
            writer.write(("".join(lines) + "\r\n").encode())

    def tell(self, **headers: str) -> None:
        self.writers[-1].write(("".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode())

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def of(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["Action"] == name]


class Client:
    """A running client and what it said."""

    def __init__(self, fake: FakeAmi) -> None:
        self.queue: list[QueueConnected] = []
        self.states: list[tuple[bool, str]] = []
        config = Ami(port=fake.port, secret=Secret(env="FAKE_AMI_SECRET"))
        self.ami = AmiClient(config, self.queue.append, lambda up, why: self.states.append((up, why)))

    async def until(self, condition: object) -> None:
        for _ in range(300):
            if condition():  # type: ignore[operator]
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not within 3 s; states: {self.states}")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_AMI_SECRET", SECRET)
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    running = FakeAmi()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    yield running
    server.close()
    running.cut()
    await asyncio.sleep(0)


@pytest.fixture
async def client(fake: FakeAmi) -> AsyncIterator[Client]:
    running = Client(fake)
    task = asyncio.create_task(running.ami.run())
    yield running
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_agent_connect_tells_queue_member_and_wait(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    fake.tell(
        Event="AgentConnect", Queue="support", MemberName="Mia", Interface="PJSIP/mia", HoldTime="12", Uniqueid="1.1"
    )
    await client.until(lambda: client.queue)
    (connect,) = client.queue
    assert (connect.customer, connect.queue, connect.member, connect.wait_s) == ("1.1", "support", "Mia", 12.0)


@pytest.mark.parametrize("hold", ["", "soon", "-1", "nan", "²"])
async def test_odd_headers_harm_nothing(fake: FakeAmi, client: Client, hold: str) -> None:
    await client.until(lambda: client.ami.connected)
    fake.tell(Event="AgentConnect", HoldTime=hold)
    await client.until(lambda: client.queue)
    assert (client.queue[0].wait_s, client.queue[0].customer) == (0.0, "")


async def test_only_the_events_that_are_used_are_asked_for(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    (login,) = fake.of("Login")
    assert (login["Username"], login["Secret"], login["Events"]) == ("callguard", SECRET, "agent")


async def test_a_refused_login_is_one_error_in_the_log_until_one_succeeds(fake: FakeAmi) -> None:
    fake.refused.add("Login")
    client = Client(fake)
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(client.ami.run())
        await client.until(lambda: len(client.states) >= 2)
        fake.refused.clear()
        await client.until(lambda: client.ami.connected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    (error,) = [line for line in logs if line["log_level"] == "error"]
    assert error["event"] == "ami_refused"
    assert "login as 'callguard' refused" in error["error"]
    assert "manager.conf" in error["advice"]
    assert SECRET not in str(logs)


async def test_actions_are_sent_once_and_no_value_begins_a_header(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    await client.ami.pause("PJSIP/mia", paused=True, reason="a\r\nAction: Command")
    (pause,) = fake.of("QueuePause")
    assert (pause["Interface"], pause["Paused"], pause["Reason"]) == ("PJSIP/mia", "true", "a Action: Command")


async def test_a_refused_and_an_unanswered_action_are_errors(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    fake.refused.add("QueuePause")
    with pytest.raises(AmiError, match="QueuePause: because"):
        await client.ami.pause("PJSIP/mia", paused=True, reason="r")
    fake.silent.add("QueuePause")
    with pytest.raises(AmiError, match="no answer"):
        await client.ami.pause("PJSIP/mia", paused=True, reason="r")


async def test_the_roster_holds_queues_and_members(fake: FakeAmi, client: Client) -> None:
    assert await client.ami.roster() is None, "not connected yet"
    await client.until(lambda: client.ami.connected)
    fake.members = [{"Location": "Local/1@q/n", "StateInterface": "PJSIP/1", "Name": "Mia"}, {"Location": "PJSIP/2"}]
    assert await client.ami.roster() == Roster(
        frozenset({"support"}), (Member("Local/1@q/n", "PJSIP/1", "Mia"), Member("PJSIP/2", "", ""))
    )
    fake.refused.add("QueueStatus")
    assert await client.ami.roster() is None


async def test_a_hangup_tells_whether_there_was_such_a_channel(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    assert await client.ami.hang_up("callguard.ear.listen.e") is True
    assert fake.of("Hangup")[0]["Channel"] == "callguard.ear.listen.e"
    fake.refused.add("Hangup")
    fake.why = "No such channel"
    assert await client.ami.hang_up("callguard.ear.listen.e") is False
    fake.why = "Permission denied"
    with pytest.raises(AmiError, match="Permission denied"):
        await client.ami.hang_up("callguard.ear.listen.e")


async def test_a_lost_connection_comes_back_and_sends_nothing_again(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    fake.silent.add("QueuePause")
    pausing = asyncio.create_task(client.ami.pause("PJSIP/mia", paused=True, reason="r"))
    await client.until(lambda: fake.of("QueuePause"))
    fake.cut()
    with pytest.raises(AmiError):
        await pausing
    await client.until(lambda: [up for up, _ in client.states] == [True, False, True])
    fake.tell(Event="FullyBooted", Status="Fully Booted")
    await asyncio.sleep(0.1)
    assert len(fake.of("QueuePause")) == 1, "a stale pause an hour later would harm"
    assert len(fake.of("Login")) == 2


async def test_a_peer_that_no_longer_answers_is_left(
    fake: FakeAmi, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_S", 0.1)
    fake.silent.add("Ping")
    await client.until(lambda: [up for up, _ in client.states][:3] == [True, False, True])


async def test_a_refused_login_is_told_without_the_secret_and_tried_again(fake: FakeAmi, client: Client) -> None:
    fake.refused.add("Login")
    await client.until(lambda: len(client.states) > 1)
    assert not any(up for up, _ in client.states)
    assert "login as 'callguard' refused" in client.states[0][1]
    assert SECRET not in str(client.states)
    fake.refused.clear()
    await client.until(lambda: client.ami.connected)


async def test_without_a_connection_an_action_is_an_error_at_once(fake: FakeAmi) -> None:
    with pytest.raises(AmiError, match="not connected"):
        await Client(fake).ami.pause("PJSIP/mia", paused=True, reason="r")


async def test_a_cool_down_pauses_and_unpauses(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    cooldowns = Cooldowns(client.ami, 0.1)
    cooldowns.start("PJSIP/mia")
    await client.until(lambda: len(fake.of("QueuePause")) == 2)
    assert [pause["Paused"] for pause in fake.of("QueuePause")] == ["true", "false"]
    assert {pause["Reason"] for pause in fake.of("QueuePause")} == {REASON}
    Cooldowns(client.ami, 0).start("PJSIP/mia")
    await cooldowns.close()
    assert len(fake.of("QueuePause")) == 2


async def test_the_service_leaves_nobody_paused(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    cooldowns = Cooldowns(client.ami, 60)
    cooldowns.start("PJSIP/mia")
    await client.until(lambda: fake.of("QueuePause"))
    await cooldowns.close()
    assert [pause["Paused"] for pause in fake.of("QueuePause")] == ["true", "false"]


def member(interface: str, since: float, reason: str = REASON, paused: str = "1") -> dict[str, str]:
    return {"Location": interface, "Paused": paused, "PausedReason": reason, "LastPause": str(int(since))}


async def test_who_is_paused_why_and_since_when(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    assert await client.ami.paused() == []
    fake.members = [
        member("PJSIP/mia", 1000, "Lunch"),
        member("PJSIP/tom", 0, paused="0"),
        {"Location": "PJSIP/eva", "Paused": "1", "LastPause": "soon"},
        {"Paused": "1"},
    ]
    assert await client.ami.paused() == [Paused("PJSIP/mia", "Lunch", 1000.0), Paused("PJSIP/eva", "", 0.0)]
    fake.refused.add("QueueStatus")
    with pytest.raises(AmiError, match="QueueStatus: because"):
        await client.ami.paused()


async def test_a_cool_down_that_nobody_ends_goes_on_for_what_is_left_of_it(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    now = time.time()
    fake.members = [
        member("PJSIP/over", now - 100),
        member("PJSIP/left", now - 30),
        member("PJSIP/left", now - 30),
        member("PJSIP/lunch", now - 100, "Lunch"),
        member("PJSIP/future", now + 1000),
    ]
    cooldowns = Cooldowns(client.ami, 60)
    cooldowns.start("PJSIP/mine")
    await client.until(lambda: fake.of("QueuePause"))
    fake.members.append(member("PJSIP/mine", now))
    await cooldowns.resume()
    await client.until(lambda: len(fake.of("QueuePause")) == 2)
    assert [(each["Interface"], each["Paused"]) for each in fake.of("QueuePause")[1:]] == [("PJSIP/over", "false")]
    await cooldowns.close()
    released = [each["Interface"] for each in fake.of("QueuePause")[2:]]
    assert sorted(released) == ["PJSIP/future", "PJSIP/left", "PJSIP/mine"]


async def test_a_cool_down_left_behind_ends_at_once_where_there_are_none_any_more(
    fake: FakeAmi, client: Client
) -> None:
    await client.until(lambda: client.ami.connected)
    fake.members = [member("PJSIP/mia", time.time())]
    await Cooldowns(client.ami, 0).resume()
    await client.until(lambda: fake.of("QueuePause"))
    assert fake.of("QueuePause")[0]["Paused"] == "false"


async def test_a_list_that_cannot_be_had_is_no_obstacle(fake: FakeAmi, client: Client) -> None:
    await client.until(lambda: client.ami.connected)
    fake.silent.add("QueueStatus")
    await Cooldowns(client.ami, 60).resume()
    assert fake.of("QueuePause") == []


async def test_a_session_asks_and_logs_off(fake: FakeAmi) -> None:
    config = Ami(port=fake.port, secret=Secret(env="FAKE_AMI_SECRET"))
    fake.members = [{"Queue": "support", "Location": "PJSIP/201"}]
    fake.refused.add("ShowDialPlan")
    async with ami_session(config) as ask:
        answers = await ask({"Action": "QueueStatus"})
        assert [each.event for each in answers if each.event == "QueueMember"] == ["QueueMember"]
        with pytest.raises(AmiError, match="ShowDialPlan: because"):
            await ask({"Action": "ShowDialPlan"})
    assert fake.of("Login")[0]["Events"] == "off"
    fake.refused.add("Login")
    with pytest.raises(AmiError, match="refused"):
        async with ami_session(config):
            pass
