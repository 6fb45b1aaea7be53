from pathlib import Path

import pytest

from tests.support.sound import speech_data
from training.data import Clip, LicenceError, load_corpora, permits_shipping, require_shippable
from training.plans import training_plans


@pytest.mark.parametrize(
    "licence",
    ["CC0-1.0", "CC0 by someone", "CC-BY-4.0", "CC-BY by someone", "CC BY 4.0", "CC BY-SA 3.0 (ru: CC BY 3.0)",
     "CC-BY-SA-4.0", "ODbL-1.0", "public-domain", "public-domain (waiver)"],
)  # fmt: skip
def test_permitted_licences(licence):
    assert permits_shipping(licence)


@pytest.mark.parametrize(
    "licence",
    ["CC BY-NC-SA 4.0", "CC BY-NC-ND 4.0", "CC-BY-NC-4.0", "CC BY-ND 4.0", "none stated", "", "all rights reserved",
     "research only", "not CC0", "CC BY (NC for audio)"],
)  # fmt: skip
def test_all_other_licences_forbid(licence):
    assert not permits_shipping(licence)


def clip(licence):
    return Clip(Path("x.flac"), "emodb", "s", "angry", "f", "", "", licence, 2.0, "train")


def test_a_clip_that_may_not_ship_is_refused_by_name():
    with pytest.raises(LicenceError, match=r"x\.flac.*CC BY-NC"):
        require_shippable([clip("CC0-1.0"), clip("CC BY-NC 4.0")])


def test_the_shipped_models_plans_refuse_a_forbidden_clip():
    """The rule is enforced where weights begin, not only where files are chosen."""
    with pytest.raises(LicenceError):
        training_plans([clip("none stated")], 1, 1)


def test_evaluation_corpora_hold_no_shippable_clip():
    clips = load_corpora(speech_data())
    assert not any(c.shippable for c in clips if c.corpus in ("ravdess", "ased"))
    assert all(c.shippable for c in clips if c.corpus in ("emodb", "wuw_phone", "librispeech"))
    assert {c.kind for c in clips if c.corpus == "negatives" and not c.shippable} == {"nonverbal"}


def test_no_data_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="CALLGUARD_DATA"):
        load_corpora(tmp_path)
