"""Spoken prompts: texts that are whispered to agents, and what is said to supervisors and to users of tested phones.

`TEXTS` holds their words; `make prompts` renders them with espeak-ng into the files beside this module. Asterisk finds
them as sound:callguard/NAME after `callguard prompts FOLDER` has copied them to its sounds.
"""

import shutil
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "en"

TEXTS: Final = {
    "abuse-warning": "Please let us speak to each other with respect. If that is not possible, this call will end.",
    "lower-your-voice": "Lower your voice.",
    "let-them-finish": "Let them finish.",
    "slow-down": "Slow down.",
    "show-empathy": "Say that you understand.",
    "offer-a-solution": "Offer a concrete next step.",
    "help-is-coming": "A supervisor is on the way.",
    "brief-raised-voice": "The customer's voice has risen.",
    "brief-shouting": "The customer has been shouting.",
    "brief-anger": "The customer sounds angry.",
    "brief-talk-over": "They talk over each other.",
    "brief-help": "The agent asks for help.",
    "brief-abuse": "The agent reports abuse.",
    "brief-request": "You asked to join this call.",
    "brief-queue": "Queue",
    "brief-agent": "Agent",
    "brief-minute": "Minute",
    "wait-hold": "The customer has put the call on hold.",
    "test-tone": "This is a test by CallGuard. Press one if you hear a low tone now. Press two if you do not.",
    "test-whisper": "Press one if you also hear a high tone now. Press two if you do not.",
    "test-talk": "This is a test by CallGuard. You will be connected with another phone. "
    "Press one when you hear the other person. Press two if you do not.",
}
"""Words of each prompt by its name."""


def install(folder: Path) -> list[Path]:
    """Copy all prompts to a folder, made where it lacks; return the copies.

    Raises OSError, and FileNotFoundError where the folder's parent does not exist: Asterisk would not look there.
    """
    folder.mkdir(exist_ok=True)
    return [Path(shutil.copyfile(path, folder / path.name)) for path in sorted(FOLDER.glob("*.wav"))]
