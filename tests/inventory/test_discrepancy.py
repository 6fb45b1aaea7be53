"""Names are listed shortly, and a name that is alike is offered."""

from callguard.inventory.discrepancy import listed, nearest


def test_a_name_that_is_alike_is_offered_in_its_own_spelling() -> None:
    assert nearest("suport", ["Support", "sales"]) == "; did you mean Support?"
    assert nearest("xyz", ["Support"]) == ""


def test_many_names_are_cut() -> None:
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(8)]) == "0, 1, 2, 3, 4 and 3 more"
