"""The doctor asks on where one part is away, and places no call where ARI does not answer."""

import pytest

from callguard.config import Config
from callguard.doctor import examination
from callguard.doctor.examination import examine
from callguard.doctor.findings import Finding, Level


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Level]:
    """Levels of the checks' findings by area; a test changes them."""
    levels: dict[str, Level] = {}
    names = {"check_asterisk": "ari", "check_ami": "ami", "check_redis": "redis", "check_console": "service"}
    for name, area in (names | {"check_parties": "parties", "self_test": "selftest", "try_phones": "phone"}).items():
        levels[area] = "ok"

        async def check(*_: object, area: str = area) -> list[Finding]:
            return [Finding(levels[area], area, "")]

        monkeypatch.setattr(examination, name, check)
    return levels


async def areas(*, call: bool = True, phones: tuple[str, ...] = ()) -> list[str]:
    return [finding.area for finding in await examine(Config(), {}, call=call, phones=phones)]


async def test_all_is_checked_in_order(asked: dict[str, Level]) -> None:
    assert await areas() == ["ari", "ami", "redis", "service", "parties", "selftest"]
    assert await areas(call=False) == ["ari", "ami", "redis", "service", "parties"]
    assert await areas(call=False, phones=("PJSIP/201",)) == ["ari", "ami", "redis", "service", "parties", "phone"]


async def test_without_ari_nothing_more_is_asked_of_it(asked: dict[str, Level]) -> None:
    asked["ari"] = "error"
    assert await areas(phones=("PJSIP/201",)) == ["ari", "ami", "redis", "service"]


async def test_without_redis_the_call_is_placed_all_the_same(asked: dict[str, Level]) -> None:
    asked["redis"] = "error"
    assert (await areas())[-1] == "selftest"
