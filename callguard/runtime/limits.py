"""Limits of the operating system for this process."""

import resource


def raise_file_limit() -> int:
    """Allow as many open files as the system lets this process have; return how many.

    The usual 1,024 is too few: 2,000 legs are as many sockets, beside screens, the PBX and Redis.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
