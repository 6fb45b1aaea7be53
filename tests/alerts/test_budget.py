"""The budget counts rings of the last hour, per supervisor."""

from callguard.alerts.budget import Spent, left, spend


def test_rings_count_for_an_hour() -> None:
    spent: Spent = {}
    spend(spent, ["ann", "bob"], 0)
    spend(spent, ["ann"], 10)
    assert [left(spent, name, 2, 3599) for name in ("ann", "bob", "chief")] == [0, 1, 2]
    assert left(spent, "ann", 2, 3600) == 1


def test_what_is_older_is_forgotten() -> None:
    spent: Spent = {}
    for hour in range(100):
        spend(spent, ["ann"], hour * 3600.0)
    assert spent == {"ann": [99 * 3600.0]}
