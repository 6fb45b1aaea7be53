"""Say which setting is wrong where a port can't be listened on."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class PortError(OSError):
    """A port that can't be listened on; the message names the setting and the remedy."""


@contextmanager
def listening(section: str, port_key: str, host: str, port: int) -> Iterator[None]:
    """Word an OSError of the attempt to listen; raises PortError.

    Args:
        section: of the configuration; its key `listen` holds the host.
        port_key: name of the port's key in it.
    """
    try:
        yield
    except OSError as error:
        raise PortError(_words(error, section, port_key, host, port)) from error


def _words(error: OSError, section: str, port_key: str, host: str, port: int) -> str:
    key = f"{section}.{port_key}"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"{key}: port {port} at {host} is taken by another program (a second CallGuard?); "
                f"`ss -ltnp 'sport = :{port}'` names it; end it, or set {key} to a free port"
            )
        case errno.EADDRNOTAVAIL:
            return f"{section}.listen: this machine has no address {host}; `ip address` lists those that it has"
        case errno.EACCES:
            return f"{key}: port {port} needs a privilege; set {key} to a port above 1023"
        case _:
            return f"{key}: can't listen on port {port} at {host}: {error.strerror or error}"
