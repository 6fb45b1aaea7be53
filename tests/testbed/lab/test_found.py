"""The PBX as found is stock but for ports, addresses and calls, and holds no file of ours."""

from pathlib import Path

import pytest

from callguard.setup.conf import FREEPBX, PLAIN, layout_of, setting
from callguard.testbed.lab.found import FoundPbx
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.root import Installation

PORTS, FARM = Ports(8001, 5001, 5061, 10000), Ports(8002, 5002, 5062, 20000)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A package's files: two of its stock files, no sounds."""
    stock = tmp_path / "root" / "etc" / "asterisk"
    stock.mkdir(parents=True)
    (stock / "modules.conf").write_text("[modules]\nautoload=yes\n")
    (stock / "cdr.conf").write_text("[general]\n")
    return Installation(("asterisk",), tmp_path / "modules", tmp_path / "root" / "usr" / "share" / "asterisk")


@pytest.mark.parametrize("freepbx", [False, True])
def test_nothing_of_ours_is_there(installation: Installation, tmp_path: Path, freepbx: bool) -> None:
    pbx = FoundPbx(installation, tmp_path / "pbx", PORTS, FARM, freepbx=freepbx)
    texts = {path.name: path.read_text() for path in pbx.etc.iterdir()}
    assert "cdr.conf" in texts
    assert not [name for name, text in texts.items() if "callguard" in text.replace(str(tmp_path), "")]
    assert layout_of(pbx.etc) is (FREEPBX if freepbx else PLAIN)
    assert setting(pbx.etc, "http.conf", "general", "bindport") == "8001"
    assert setting(pbx.etc, "http.conf", "general", "enabled") in (None, "no")
    assert setting(pbx.etc, "manager.conf", "general", "port") == "5001"


def test_it_listens_on_loopback_only(installation: Installation, tmp_path: Path) -> None:
    pbx = FoundPbx(installation, tmp_path / "pbx", PORTS, FARM, freepbx=False)
    texts = "\n".join(path.read_text() for path in pbx.etc.iterdir())
    assert "0.0.0.0" not in texts
    assert "bind = 127.0.0.1:5061" in texts
    assert "noload => chan_iax2.so" in texts


def test_its_console_is_reached_by_a_command(installation: Installation, tmp_path: Path) -> None:
    pbx = FoundPbx(installation, tmp_path / "pbx", PORTS, FARM, freepbx=False)
    assert pbx.command == f"asterisk -C {tmp_path}/pbx/etc/asterisk.conf"
