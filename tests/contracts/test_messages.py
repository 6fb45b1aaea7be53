"""What control and a worker say to each other crosses a process boundary unchanged."""

import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from callguard.contracts import messages
from callguard.contracts.messages import Baseline, CallFacts, FromWorker, OpenLeg, ToWorker, Transition

KINDS = [*get_args(ToWorker), *get_args(FromWorker)]
SAMPLES: dict[Any, Any] = {
    str: "x", int: 3, float: 1.5, bool: True, dict[str, int]: {"a": 1}, dict[str, float]: {"a": 0.5},
    dict[str, str]: {"a": "b"}, dict[str, Any]: {"a": [1]}, dict[str, float | None]: {"a": None, "b": 1.0},
    tuple[str, ...]: ("a", "b"), tuple[float, ...]: (0.5,), tuple[tuple[str, str], ...]: (("f", "text"),),
    str | None: None, Baseline: Baseline(b"x", 1, 1.5), Baseline | None: None,
}  # fmt: skip


def sample(kind: type) -> Any:
    hints = get_type_hints(kind)
    values = {each.name: SAMPLES[hints[each.name]] for each in fields(kind) if hints[each.name] in SAMPLES}
    words = {name: get_args(hint)[0] for name, hint in hints.items() if name not in values}
    return kind(**words, **values)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_survives_the_way_and_can_not_be_changed(kind: type) -> None:
    sent = sample(kind)
    assert pickle.loads(pickle.dumps(sent)) == sent
    for each in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(sent, each.name, None)


def test_both_directions_are_told_apart_and_complete() -> None:
    assert not set(get_args(ToWorker)) & set(get_args(FromWorker))
    defined = {kind for kind in vars(messages).values() if is_dataclass(kind) and kind.__module__ == messages.__name__}
    assert set(KINDS) == defined - {Baseline}  # a part of messages


def test_what_is_not_said_is_the_usual_case() -> None:
    facts = CallFacts("1")
    assert (facts.mode, facts.together, facts.on_hold, facts.agent_request) == ("raised_voice", True, False, 0)
    assert (OpenLeg("l", "1", "customer").transport, OpenLeg("l", "1", "customer").codec) == ("audiosocket", "slin")
    told = Transition("fired", "1", "Loud", "customer", 1.0)
    assert (told.shadow, told.private, told.reason, told.severity, told.actions) == (False, False, "", "warning", ())


def test_messages_do_not_share_their_defaults() -> None:
    one, two = (Transition("fired", "1", "Loud", "customer", 1.0) for _ in range(2))
    assert one.evidence is not two.evidence
    assert one.labels is not two.labels
