"""Get each answer from the file of answers, from a person, or from a proposal. One way for all questions."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from callguard.config import ConfigError
from callguard.inventory.discrepancy import nearest
from callguard.setup.answers import Answers

Prompt = Callable[[str, str], str]
"""Asks a person: question and proposal in, answer out; an empty answer takes the proposal."""
Tell = Callable[[str, str], None]
"""Prints one line: style and text."""
NONE: Final = "-"
"""A person's answer for nothing, where something is offered."""


@dataclass
class Interview:
    """Questions by their keys. Without `prompt` nobody is asked: what nothing answers is collected in `open`.

    A `proposal` rests on facts and stands where nobody is asked. A `guess` is only offered to a person.
    """

    answers: Answers
    prompt: Prompt | None
    tell: Tell
    open: list[str] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Return whether a person is there to answer."""
        return self.prompt is not None

    def text(self, key: str, question: str, *, proposal: str | None = None, guess: str | None = None) -> str:
        """Return a text."""
        return self._ask(key, question, proposal, guess, str)

    def number(self, key: str, question: str, *, proposal: int) -> int:
        """Return a whole number."""

        def whole(given: str) -> str:
            if not given.isdecimal():
                raise ValueError("a whole number is expected")
            return given

        return int(self._ask(key, question, str(proposal), None, whole) or proposal)

    def choice(
        self, key: str, question: str, allowed: Sequence[str], *, proposal: str | None = None, guess: str | None = None
    ) -> str:
        """Return one of the allowed words."""

        def one(given: str) -> str:
            if given not in allowed:
                raise ValueError(f"allowed: {', '.join(allowed)}")
            return given

        return self._ask(key, f"{question} ({'/'.join(allowed)})", proposal, guess, one)

    def agreed(self, key: str, question: str, *, proposal: str | None = None, guess: str | None = None) -> bool:
        """Return whether the answer is yes."""
        return self.choice(key, question, ("yes", "no"), proposal=proposal, guess=guess) == "yes"

    def endpoints(
        self,
        key: str,
        question: str,
        known: Collection[str],
        *,
        proposal: Sequence[str] | None = None,
        guess: Sequence[str] | None = None,
    ) -> list[str]:
        """Return endpoints that the PBX has; a pattern such as PJSIP/2?? stands for all that it matches."""

        def each(given: str) -> str:
            return ", ".join(name for word in split(given) for name in expanded(word, known))

        words = [None if names is None else ", ".join(names) for names in (proposal, guess)]
        return list(dict.fromkeys(split(self._ask(key, question, words[0], words[1], each))))

    def settle(self) -> None:
        """Raise ConfigError where questions stayed open."""
        if self.open:
            raise ConfigError(self.open)

    def _ask(
        self, key: str, question: str, proposal: str | None, guess: str | None, check: Callable[[str], str]
    ) -> str:
        given = self.answers.given(key) if key else None
        proposed = proposal if given is None else _words(given)
        if self.prompt is None:
            return self._unasked(key, question, proposed, check)
        offered = proposed if proposed is not None else guess or ""
        while True:
            said = self.prompt(question, offered).strip() or offered
            try:
                return check("" if said == NONE else said)
            except ValueError as error:
                self.tell("red", str(error))

    def _unasked(self, key: str, question: str, proposed: str | None, check: Callable[[str], str]) -> str:
        if proposed is None:
            self.open.append(f"answers: {key}: missing; it answers: {question}")
            return ""
        try:
            return check(proposed)
        except ValueError as error:
            self.open.append(f"answers: {key}: {error}; found {proposed!r}")
            return ""


def expanded(word: str, known: Collection[str]) -> list[str]:
    """Return the known names that a word names or matches; raise ValueError where there is none."""
    if found := [name for name in known if name == word] or [name for name in known if fnmatchcase(name, word)]:
        return found
    raise ValueError(f"the PBX has no endpoint {word}{nearest(word, known)}")


def split(text: str) -> list[str]:
    """Return the words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _words(given: object) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    return ", ".join(map(str, given)) if isinstance(given, tuple | list) else str(given)
