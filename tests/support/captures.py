"""Named captures: bytes as hex with comments, good and bad ones apart."""

from pathlib import Path

ROOT = Path(__file__).parents[1] / "captures"


def names(protocol: str, quality: str) -> list[str]:
    """Return the names of a protocol's `good` or `bad` captures."""
    return sorted(path.stem for path in (ROOT / protocol / quality).glob("*.hex"))


def capture(protocol: str, quality: str, name: str) -> bytes:
    """Return the bytes of one capture."""
    lines = (ROOT / protocol / quality / f"{name}.hex").read_text().splitlines()
    return bytes.fromhex(" ".join(line for line in lines if not line.startswith("#")))
