"""No alert is lost, whenever the service is killed and whatever Redis and a webhook do meanwhile."""

from pathlib import Path

import pytest

from benchmarks.kills import run


@pytest.mark.timeout(400)
async def test_no_alert_is_lost_by_kills_while_redis_and_a_webhook_flap(tmp_path: Path) -> None:
    """Two calls on each of four lines; `python -m benchmarks.kills` does it for longer."""
    kills, told = await run(tmp_path, seconds=45, seed=3)
    assert kills >= 6
    assert told.due >= 16
    assert told.wrong == []
