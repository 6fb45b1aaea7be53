"""The simulation's time goes on frame by frame, and what is due happens in the order in which it was asked for."""

from callguard.testbed.simulator.clock import Clock


def test_time_is_counted_in_frames_of_twenty_milliseconds() -> None:
    clock = Clock(1000.0)
    for _ in range(50):
        clock.tick()
    assert (clock.frame, clock.elapsed, clock.now) == (50, 1.0, 1001.0)


def test_what_is_due_happens_at_its_frame_in_the_order_of_asking() -> None:
    clock, done = Clock(0.0), []
    for name, seconds in (("b", 0.04), ("a", 0.02), ("c", 0.04), ("at once", 0.0)):
        clock.after(seconds, lambda name=name: done.append((name, clock.frame)))  # type: ignore[misc]
    clock.tick()
    assert done == [("a", 1), ("at once", 1)]
    clock.tick()
    assert done[2:] == [("b", 2), ("c", 2)]


def test_what_was_cancelled_does_not_happen() -> None:
    clock, done = Clock(0.0), []
    clock.after(0.02, lambda: done.append("no")).cancel()
    clock.tick()
    assert done == []


def test_what_asks_again_is_called_again() -> None:
    clock, done = Clock(0.0), []

    def again() -> None:
        done.append(clock.frame)
        clock.after(0.02, again)

    again()
    for _ in range(3):
        clock.tick()
    assert done == [0, 1, 2, 3]
