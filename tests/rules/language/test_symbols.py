"""Names that an expression may use; the model is never asked about an agent."""

import pytest

from callguard.rules.language import symbols
from callguard.rules.language.ast import Ref
from callguard.rules.language.symbols import nearest, resolve, signal_of, signals_of


def test_a_dotted_name_is_its_signal() -> None:
    assert resolve("customer.raised_voice") == Ref("customer", "raised_voice")
    assert resolve("call.talk_over") == Ref("call", "talk_over")


@pytest.mark.parametrize("name", ["raised_voice", "anger"])
def test_an_agents_emotions_do_not_exist(name: str) -> None:
    assert name in signals_of("customer")
    assert name not in signals_of("agent")
    assert Ref("agent", name) not in symbols.ALL
    with pytest.raises(ValueError, match="prohibited"):
        resolve(f"agent.{name}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customer.raised_voise", "; did you mean 'customer.raised_voice'?; allowed: customer.speech"),
        ("call.raised_voice", "did you mean 'customer.raised_voice'?; allowed: call.talk_over"),
        ("agent.talk_over", "did you mean 'call.talk_over'?; allowed: agent.speech"),
        ("caller.x", "allowed: customer.*, agent.*, call.*"),
    ],
)  # fmt: skip
def test_another_name_is_refused_with_the_nearest_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="unknown signal") as caught:
        resolve(text)
    assert said in str(caught.value)


def test_what_is_allowed_for_an_agent_names_no_model_output() -> None:
    with pytest.raises(ValueError, match="unknown signal") as caught:
        resolve("agent.nonsense")
    assert "agent.raised_voice" not in str(caught.value)
    assert "agent.level_rise_db" in str(caught.value)


def test_every_signal_of_every_party_can_be_read_once() -> None:
    assert len(set(symbols.ALL)) == len(symbols.ALL)
    assert all(resolve(str(ref)) == ref and signal_of(ref).name == ref.name for ref in symbols.ALL)
    assert {ref.scope for ref in symbols.ALL} == set(symbols.SCOPES)


def test_model_outputs_are_the_customers() -> None:
    assert {Ref("customer", "raised_voice"), Ref("customer", "anger")} == symbols.MODEL


@pytest.mark.parametrize(
    ("text", "hint"),
    [("cat", "; did you mean 'cats'?"), ("x.dog", "; did you mean 'somebody.dog'?"), ("zebra", "")],
)
def test_the_nearest_name_is_offered_and_the_same_name_of_another_party_before_one_that_looks_alike(
    text: str, hint: str
) -> None:
    assert nearest(text, ["cats", "x.dig", "somebody.dog"]) == hint
