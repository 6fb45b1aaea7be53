"""Interviews for tests: without a person, and with one whose answers are listed."""

from callguard.setup.answers import Answers
from callguard.setup.interview import Interview


class Person:
    """Answers each question by the first words that occur in it; every other with what is offered."""

    def __init__(self, **said: str) -> None:
        self._said = {key.replace("_", " "): value.split("|") for key, value in said.items()}
        self.asked: list[tuple[str, str]] = []
        self.told: list[str] = []

    def prompt(self, question: str, offered: str) -> str:
        self.asked.append((question, offered))
        for words, answers in self._said.items():
            if words in question and answers:
                return answers.pop(0)
        return ""

    def tell(self, style: str, text: str) -> None:
        self.told.append(text)

    def interview(self, **answers: object) -> Interview:
        return Interview(Answers.model_validate(answers), self.prompt, self.tell)


def unasked(**answers: object) -> Interview:
    """An interview with --yes."""
    return Interview(Answers.model_validate(answers), None, Person().tell)
