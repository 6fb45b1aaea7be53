"""Roles exist without configuration; configured ones replace them or are added."""

import pytest

from callguard.config import Config, ConfigError, parse_config
from callguard.config.access import ROLES, Access


def test_roles_exist_without_configuration() -> None:
    roles = {
        "supervisor", "agent", "qa", "manager", "ops", "auditor", "dialplan", "operator"
    }  # fmt: skip
    assert set(Access().rights) == roles
    assert "opt_out" not in ROLES["supervisor"]


def test_a_configured_role_replaces_its_rights_only() -> None:
    rights = Config.model_validate({"access": {"roles": {"qa": ["judge"], "trainer": ["whisper"]}}}).access.rights
    assert (rights["qa"], rights["trainer"], rights["ops"]) == (("judge",), ("whisper",), ROLES["ops"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("access: {roles: {qa: [fly]}}", "access.roles.qa.0: allowed: listen, whisper, .*found 'fly'"),
        ("supervisors: [{name: a, endpoint: PJSIP/1, role: boss}]", "supervisors: a: no role 'boss'; allowed: agent"),
        ("redis: {senders: {crm: {role: boss, key: {env: K}}}}", "redis: senders.crm: no role 'boss'; allowed: agent"),
        ("console: {role: boss}", "console: role: no role 'boss'"),
        ("redis: {senders: {crm: {role: qa}}}", "redis.senders.crm.key: missing, must be given"),
        ("redis: {senders: {crm: {role: qa, key: s3cret-s3cret}}}", "a secret is not written here"),
        ("redis: {senders: {crm: {key: {env: K}}}}", "redis.senders.crm.role: missing"),
    ],
)
def test_what_can_not_be_is_told_by_its_key(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        parse_config(text, "x.yaml")
    assert "s3cret" not in str(refused.value)


def test_a_role_of_ones_own_can_be_given_to_everybody() -> None:
    text = """
    access: {roles: {trainer: [listen, whisper]}}
    supervisors: [{name: a, endpoint: PJSIP/1, role: trainer}]
    console: {role: trainer}
    redis: {senders: {crm: {role: trainer, key: {env: K}, teams: [floor], supervisors: [a]}}}
    """
    assert parse_config(text, "x.yaml").supervisors[0].role == "trainer"
