"""Every phone of a floor has one part."""

from benchmarks.chaos_records import ON_CALL, Cast


def test_every_phone_has_one_part() -> None:
    cast = Cast(6)
    parts = [phone for line in range(1, 7) for phone in (*cast.of_line(line), cast.joiner(line))]
    assert len(set(parts)) == 24
    assert set(parts) <= set(cast.phones)
    assert len(cast.phones) == len(set(cast.phones)) == 24 + ON_CALL
    assert set(cast.phones) - set(parts) == {f"supervisor{number}" for number in range(1, ON_CALL + 1)}
