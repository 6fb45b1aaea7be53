"""Inventories for tests: a small PBX with numeric endpoints and FreePBX's contexts."""

from callguard.config import Config
from callguard.inventory.pbx import Endpoint, Inventory, Member, Queue


def phone(number: str, context: str = "from-internal", **facts: object) -> Endpoint:
    return Endpoint(f"PJSIP/{number}", True, context, number, **facts)  # type: ignore[arg-type]


PHONES = tuple(phone(number) for number in ("201", "202", "203", "301"))
TRUNK = Endpoint("PJSIP/acme-out", True, "from-pstn", trunk="its calls enter by context from-pstn")
SUPPORT = Queue("support", (Member("Local/201@from-queue/n", "Ann", "PJSIP/201", "the hint of extension 201"),))
CONTEXTS = frozenset({"from-internal", "from-pstn", "callguard-tap", "callguard-join"})
PBX = Inventory("22.10.1", (*PHONES, TRUNK), (SUPPORT, Queue("sales")), CONTEXTS)


def config(**sections: object) -> Config:
    return Config.model_validate(sections)


def rules(*given: tuple[str, str]) -> dict[str, object]:
    """Rules of roles by pattern of the channel."""
    return {"rules": [{"channel": pattern, "role": role} for pattern, role in given]}
