"""Waiting for what an object does next."""

import pytest

from callguard.asterisk.events import Channel, ChannelDestroyed, StasisStart
from callguard.asterisk.waiter import Waiter

ONE = Channel("1", "PJSIP/a-1")


async def test_the_first_matching_event_about_the_object_settles_the_future() -> None:
    watch = Waiter()
    with watch.on("1", StasisStart, ChannelDestroyed) as seen:
        assert watch.waits_for("1")
        assert not watch.waits_for("2")
        watch.see(StasisStart(0.0, Channel("2", "PJSIP/b-1")))
        assert not seen.done()
        watch.see(ChannelDestroyed(1.0, ONE, 17))
        watch.see(StasisStart(2.0, ONE))
        assert await seen == ChannelDestroyed(1.0, ONE, 17)


async def test_nothing_is_kept_afterwards_whatever_happens_inside() -> None:
    watch = Waiter()
    with pytest.raises(RuntimeError), watch.on("1", StasisStart) as seen:
        raise RuntimeError
    assert seen.cancelled()
    assert not watch._waiting
