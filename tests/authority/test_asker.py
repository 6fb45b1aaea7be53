"""Each door gives its askers the role and the limits that the configuration gives them."""

import pytest

from callguard.authority import asker
from callguard.config import Config, SupervisorConfig

CRM = {"role": "qa", "teams": ["floor"], "supervisors": ["Ann"], "key": {"env": "CRM"}}


def config(**redis: object) -> Config:
    return Config.model_validate({"redis": redis, "console": {"role": "qa", "supervisors": ["Ann"]}})


def test_a_sender_has_its_configured_role_and_limits() -> None:
    found = asker.sender(config(senders={"crm": CRM}), "crm")
    assert found == asker.Asker("crm", "redis", "qa", ("floor",), ("Ann",))
    with pytest.raises(KeyError):
        asker.sender(config(), "crm")


def test_the_command_line_is_the_operator_unless_it_is_configured() -> None:
    assert asker.sender(config(), "cli") == asker.Asker("cli", "cli", "operator")
    assert asker.sender(config(senders={"cli": CRM}), "cli") == asker.Asker("cli", "cli", "qa", ("floor",), ("Ann",))


def test_the_holder_of_the_consoles_token_is_as_the_console_says() -> None:
    assert asker.console(config()) == asker.Asker("console", "console", "qa", (), ("Ann",))
    assert asker.console(Config()).role == "manager"


def test_at_their_phone_a_supervisor_acts_for_nobody_else() -> None:
    ann = SupervisorConfig(name="Ann", endpoint="PJSIP/1", teams=("floor",), role="manager")
    assert asker.phone(ann) == asker.Asker("Ann", "keys", "manager", ("floor",), ("Ann",))


def test_agents_and_signals_have_doors_of_their_own() -> None:
    assert (asker.agent("Bea").door, asker.agent("Bea").role) == ("codes", "agent")
    assert (asker.signal().door, asker.signal().role) == ("signal", "operator")
    assert (asker.unsigned().door, asker.unsigned().role) == ("redis", "operator")
