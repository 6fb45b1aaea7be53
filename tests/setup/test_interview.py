"""An answer comes from the file, a person or a fact; where nobody is asked, a guess is no answer."""

import pytest

from callguard.config import ConfigError
from callguard.setup.interview import expanded
from tests.setup.people import Person, unasked

KNOWN = ("PJSIP/201", "PJSIP/202")


def test_without_a_person_a_proposal_stands_and_a_guess_does_not() -> None:
    interview = unasked()
    assert interview.text("redis", "Address of Redis", proposal="redis://a") == "redis://a"
    interview.choice("roles.others", "Others", ("ignore", "unknown"), guess="ignore")
    interview.endpoints("roles.agents", "Agents", KNOWN, guess=KNOWN)
    with pytest.raises(ConfigError) as error:
        interview.settle()
    assert [line.split(":")[1].strip() for line in error.value.problems] == ["roles.others", "roles.agents"]
    assert "ignore/unknown" in error.value.problems[0]


def test_without_a_person_the_file_answers() -> None:
    interview = unasked(redis="redis://b", roles={"agents": KNOWN}, asterisk={"install": False}, console_port=81)
    assert interview.text("redis", "", proposal="redis://a") == "redis://b"
    assert interview.endpoints("roles.agents", "", KNOWN) == [*KNOWN]
    assert interview.agreed("asterisk.install", "", guess="yes") is False
    assert interview.number("console_port", "", proposal=8090) == 81
    interview.settle()


def test_a_wrong_answer_of_the_file_is_an_error_with_the_nearest_name() -> None:
    interview = unasked(roles={"agents": ["PJSIP/203"]})
    interview.endpoints("roles.agents", "Agents", KNOWN)
    with pytest.raises(ConfigError, match=r"answers: roles.agents: the PBX has no endpoint PJSIP/203; did you mean"):
        interview.settle()


def test_a_person_takes_what_is_offered_or_says_otherwise() -> None:
    person = Person(Mode="emotion")
    interview = person.interview(redis="redis://b")
    assert interview.text("redis", "Redis", proposal="redis://a") == "redis://b"
    assert interview.choice("mode", "Mode", ("raised_voice", "emotion"), proposal="raised_voice") == "emotion"
    assert interview.endpoints("roles.agents", "Agents", KNOWN, guess=["PJSIP/201"]) == ["PJSIP/201"]
    assert person.asked[0] == ("Redis", "redis://b")


def test_a_wrong_answer_of_a_person_is_asked_again() -> None:
    person = Person(Agents="PJSIP/9|PJSIP/202", Sure="perhaps|yes", Port="x|81")
    interview = person.interview()
    assert interview.endpoints("roles.agents", "Agents", KNOWN) == ["PJSIP/202"]
    assert interview.agreed("", "Sure?") is True
    assert interview.number("console_port", "Port", proposal=8090) == 81
    assert [line.split()[0] for line in person.told] == ["the", "allowed:", "a"]


def test_a_person_can_say_nothing_where_something_is_offered() -> None:
    assert Person(Agents="-").interview().endpoints("roles.agents", "Agents", KNOWN, guess=KNOWN) == []


def test_a_pattern_stands_for_all_endpoints_that_it_matches_each_once() -> None:
    interview = unasked(roles={"agents": ["PJSIP/202", "PJSIP/20?"]})
    assert interview.endpoints("roles.agents", "Agents", KNOWN) == ["PJSIP/202", "PJSIP/201"]
    assert expanded("PJSIP/[x]", ["PJSIP/[x]", "PJSIP/x"]) == ["PJSIP/[x]"]
    with pytest.raises(ValueError, match="no endpoint SIP"):
        expanded("SIP/*", KNOWN)
