"""Ports of the lab."""

import socket

from callguard.testbed.lab.ports import HOST, Ports


def test_free_ports_can_be_bound_and_lie_below_the_kernel_s_own() -> None:
    ports = Ports.free()
    with socket.socket() as http, socket.socket() as ami, socket.socket(type=socket.SOCK_DGRAM) as sip:
        http.bind((HOST, ports.http))
        ami.bind((HOST, ports.ami))
        sip.bind((HOST, ports.sip))
    assert ports.rtp % 2 == 0
    assert all(10_000 <= port < 31_000 for port in vars(ports).values())
