"""The snippets that administrators include."""

import re

from callguard.testbed.lab.pbx import snippets


def test_the_snippets_hold_no_secret_and_open_nothing_to_the_network() -> None:
    texts = {path.name: path.read_text() for path in snippets().glob("*.conf")}
    assert len(texts) >= 6
    for name, text in texts.items():
        settings = [line for line in text.splitlines() if not line.startswith(";")]
        for value in re.findall(r"(?:password|secret) = (.*)", "\n".join(settings)):
            assert value.startswith("change-this-"), name
        assert not re.search(r"^bindaddr = (?!127\.0\.0\.1)", "\n".join(settings), re.MULTILINE), name
        assert not re.search("^channelvars", "\n".join(settings), re.MULTILINE), name


def test_the_manager_user_may_only_what_we_need() -> None:
    text = (snippets() / "manager_callguard.conf").read_text()
    rights = dict(re.findall(r"^(read|write) = (.*)$", text, re.MULTILINE))
    assert rights == {"read": "agent", "write": "agent,user,call,reporting"}
    assert "deny = 0.0.0.0/0.0.0.0" in text
