"""Read the card beside a model file: the model's kind, inputs and training data. A model without a card is refused."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CARD_VERSION: Final = 1
Kind = Literal["emotion", "gate", "encoder", "ear"]
OPSETS: Final = range(13, 24)
"""ONNX opsets with which this version's runtime is tested."""


class ModelError(Exception):
    """An unusable model; the message names the file and the fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Corpus(_Part):
    """Data from which the model was trained."""

    name: str
    licence: str
    clips: int = Field(ge=0)
    shippable: bool


class Thresholds(_Part):
    """Thresholds of the shipped rules, chosen on validation calls."""

    quiet_floor: float = Field(ge=0, le=1)
    watchful: float = Field(ge=0, le=1)


class Card(_Part):
    """Contents of `<model>.json`; unknown keys are kept as information for people."""

    card: Literal[1]
    name: str
    kind: Kind
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    opset: int
    features: tuple[str, ...]
    inputs: dict[str, tuple[int | None, ...]]
    outputs: dict[str, tuple[int | None, ...]]
    classes: tuple[str, ...] = ()
    corpora: tuple[Corpus, ...] = ()
    thresholds: Thresholds | None = None
    research: bool = False
    """True where the training data may not be shipped: the model is for local research only."""
    metrics: dict[str, Any] = {}
    limits: tuple[str, ...] = ()


def card_path(model: Path) -> Path:
    """Return the path of a model file's card."""
    return model.with_suffix(".json")


def sha256(path: Path) -> str:
    """Return a file's SHA-256 as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_card(model: Path, kind: Kind, features: tuple[str, ...]) -> Card:
    """Read and check the card of a model file; raise ModelError where it does not fit the file or this version.

    Args:
        model: the ONNX file.
        kind: the expected kind of model.
        features: names of the features that this version computes, in order.
    """
    path = card_path(model)
    try:
        card = Card.model_validate_json(path.read_text("utf-8"))
        found = sha256(model)
    except OSError as error:
        raise ModelError(f"{error.filename}: can't be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(f"{path}: {where}: {first['msg']}") from error
    if found != card.sha256:
        raise ModelError(f"{model}: SHA-256 {found[:12]}… is not the card's {card.sha256[:12]}…: file and card differ")
    if card.kind != kind:
        raise ModelError(f"{path}: kind is {card.kind!r}, expected {kind!r}")
    if card.opset not in OPSETS:
        raise ModelError(f"{path}: opset {card.opset}, allowed {OPSETS.start}-{OPSETS.stop - 1}")
    if card.features != features:
        raise ModelError(f"{path}: made for other features than this version computes; train it again")
    return card
