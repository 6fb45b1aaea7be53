"""An ingest for each test."""

from collections.abc import Iterator

import pytest

from tests.audio.ingest.plane import Plane


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane()
    with plane.stack:
        yield plane
    plane.ingest.close()
