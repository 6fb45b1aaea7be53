"""The lab's Asterisks listen on loopback alone, and load only what is there."""

import re
from pathlib import Path

import pytest

from callguard.testbed.lab.files import common_files
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.root import Installation


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("app_queue", "res_ari_channels", "res_ari_mailboxes", "chan_iax2"):
        (modules / f"{name}.so").touch()
    return common_files(Installation(("asterisk",), modules, tmp_path), tmp_path, Ports(1, 2, 3, 4), "s3cret")


def test_everything_binds_to_loopback(files: dict[str, str]) -> None:
    bound = [value for text in files.values() for value in re.findall(r"^bind(?:addr)? = (\S+)", text, re.MULTILINE)]
    assert len(bound) == 3
    assert all(value.startswith("127.0.0.1") for value in bound)
    assert "bind_rtp_to_media_address = yes" in files["pjsip.conf"]


def test_only_wanted_modules_that_exist_are_loaded(files: dict[str, str]) -> None:
    assert re.findall("load => (.*)", files["modules.conf"]) == ["app_queue.so", "res_ari_channels.so"]


def test_no_channel_variables_are_asked_of_ari(files: dict[str, str]) -> None:
    assert "channelvars" not in files["ari.conf"]
