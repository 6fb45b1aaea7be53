"""Each command has an answer, a malformed one too."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import CommandCompleted, CommandFailed


def test_a_command_that_cannot_be_read_has_an_answer() -> None:
    failed = CommandFailed(reason="not JSON")
    assert (failed.command, failed.action, failed.call) == (None, None, None)


def test_a_completed_command_has_a_name() -> None:
    with pytest.raises(ValidationError, match="command"):
        CommandCompleted.model_validate({"action": "listen"})
