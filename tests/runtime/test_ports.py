"""A port that can't be listened on is told with its setting and the remedy."""

import asyncio
import errno
import socket

import pytest

from callguard.runtime.ports import PortError, listening


async def test_a_taken_port_is_told_with_key_and_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError) as refused, listening("console", "port", "127.0.0.1", port):
            await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", port)
    assert str(refused.value).startswith(f"console.port: port {port} at 127.0.0.1 is taken by another program")
    assert "set console.port to a free port" in str(refused.value)


def test_an_address_of_another_machine_is_told() -> None:
    said = r"media\.listen: this machine has no address 192\.0\.2\.9"
    with pytest.raises(PortError, match=said), listening("media", "audiosocket_port", "192.0.2.9", 9092):
        socket.create_server(("192.0.2.9", 9092))


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.EACCES, "port 80 needs a privilege"), (errno.EMFILE, "can't listen on port 80 at ::1: too many")],
)
def test_other_causes_are_told(number: int, said: str) -> None:
    with pytest.raises(PortError, match=said), listening("console", "port", "::1", 80):
        raise OSError(number, "too many")
