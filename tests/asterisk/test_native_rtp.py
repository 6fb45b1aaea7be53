"""Where RTP may bypass Asterisk's core, or nobody knows, the first tap waits."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.asterisk.client import AriClient
from callguard.asterisk.native_rtp import MODULE, WAIT_S, first_tap_delay
from callguard.config import Config
from tests.asterisk.harness.fake_ari import fake_ari

PATH = f"/asterisk/modules/{MODULE}"


async def delay(answer: tuple[Any, int], **config: Any) -> float:
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=1)) as ari:
        fake.answer("GET", PATH, *answer)
        return await first_tap_delay(ari, Config.model_validate(config))


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


LOADED: tuple[Any, int] = ({"name": MODULE, "status": "Running"}, 200)
ABSENT: tuple[Any, int] = ({"message": "Module could not be found"}, 404)
SILENT: tuple[Any, int] = ({"message": "no"}, 500)


@pytest.mark.parametrize(
    ("answer", "configured_s", "wait_s"),
    [
        (ABSENT, None, 0),
        (({"name": MODULE, "status": "Not Running"}, 200), None, 0),
        (ABSENT, 0.3, 0.3),
        (LOADED, None, WAIT_S),
        (LOADED, 0, 0),
        (LOADED, 2, 2),
        (SILENT, None, WAIT_S),
        (SILENT, 2, 2),
    ],
)
async def test_the_wait_is_the_configured_one_or_long_enough(
    answer: tuple[Any, int], configured_s: float | None, wait_s: float
) -> None:
    assert await delay(answer, media={"first_tap_delay_s": configured_s}) == wait_s


@pytest.mark.parametrize("confirmed", [True, False])
async def test_the_log_warns_of_the_module_until_somebody_has_confirmed_it(confirmed: bool) -> None:
    with capture_logs() as logs:
        await delay(LOADED, asterisk={"native_rtp_confirmed": confirmed})
    assert ["native_rtp_loaded" in each["event"] for each in logs] == ([] if confirmed else [True])
