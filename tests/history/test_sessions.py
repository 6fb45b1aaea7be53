"""Each session's end is told once, by whichever run."""

import pytest

from callguard.contracts.events import (
    Event,
    SupervisionEnded,
    SupervisionEvent,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
    SupervisionStarted,
    published,
)
from callguard.history.sessions import SESSION, OpenSessions
from callguard.runtime.journal import Journal
from tests.support.events import call_started

FACTS = {"call": "c1", "session": "s1", "supervisor": "anna", "mode": "listen", "alert": "a1"}
ENDED = SupervisionEnded.model_validate(FACTS | {"reason": "stopped", "lasted_s": 3.0})
JOINED = (
    SupervisionRequested.model_validate(FACTS),
    SupervisionRinging.model_validate(FACTS),
    SupervisionStarted.model_validate(FACTS | {"ring_s": 1.0}),
)
SWITCHED = SupervisionModeChanged.model_validate(FACTS | {"mode": "barge", "previous": "listen", "by": "key"})


class Run:
    """A run of the service; its events return to what keeps sessions, as the hub does."""

    def __init__(self, journal: Journal) -> None:
        self.told: list[Event] = []
        self.sessions = OpenSessions(journal, self.emit)

    def emit(self, event: Event) -> None:
        self.told.append(event)
        self.see(event)

    def see(self, *events: Event) -> None:
        for event in events:
            self.sessions.see(published(event, "n1"))


@pytest.fixture
def journal() -> Journal:
    return Journal(None)


@pytest.mark.parametrize(
    ("seen", "end"),
    [
        (JOINED[:1], SupervisionFailed.model_validate(FACTS | {"reason": "restart"})),
        (JOINED[:2], SupervisionFailed.model_validate(FACTS | {"reason": "restart"})),
        (JOINED, SupervisionEnded.model_validate(FACTS | {"reason": "restart", "lasted_s": None})),
        (
            (*JOINED, SWITCHED),
            SupervisionEnded.model_validate(FACTS | {"mode": "barge", "reason": "restart", "lasted_s": None}),
        ),
    ],
    ids=["requested", "ringing", "joined", "switched"],
)  # fmt: skip
def test_the_next_run_tells_the_end_that_this_run_could_not_see(
    journal: Journal, seen: tuple[SupervisionEvent, ...], end: SupervisionEvent
) -> None:
    Run(journal).see(*seen)
    later = Run(journal)
    later.sessions.settle(())
    assert later.told == [end]
    later.sessions.settle(())
    last = Run(journal)
    last.sessions.settle(())
    assert (later.told, last.told) == ([end], [])


def test_an_end_that_was_told_is_not_told_again(journal: Journal) -> None:
    Run(journal).see(*JOINED, ENDED)
    later = Run(journal)
    later.sessions.settle(())
    assert (later.told, journal.records(SESSION)) == ([], {})


def test_a_supervisor_who_is_still_there_is_told_of_by_the_one_who_ends_it(journal: Journal) -> None:
    Run(journal).see(*JOINED)
    later = Run(journal)
    later.sessions.settle({"s1"})
    assert later.told == []
    later.see(ENDED)
    later.sessions.settle(())
    assert later.told == []


def test_sessions_of_this_run_are_not_settled(journal: Journal) -> None:
    run = Run(journal)
    run.see(*JOINED)
    run.sessions.settle(())
    assert run.told == []


def test_what_is_journalled_is_on_disk_at_once(journal: Journal) -> None:
    commits: list[bool] = []
    commit = journal.commit
    journal.commit = lambda: commits.append(True) or commit()  # type: ignore[method-assign, func-returns-value]
    run = Run(journal)
    run.see(call_started("c1"))
    assert commits == []
    run.see(*JOINED)
    assert len(commits) == len(JOINED)


def test_a_session_of_another_version_is_left_out(journal: Journal) -> None:
    journal.stage(SESSION, "s1", '{"version": 99}')
    run = Run(journal)
    run.sessions.settle(())
    assert (run.told, journal.records(SESSION)) == ([], {})
