"""Tell trunks from phones by their settings. Pure.

Asterisk does not say which endpoint is a trunk, so this is a guess: it is shown with its reason, and gives no role.
"""

import re
from collections.abc import Mapping
from typing import Final

CONTEXTS: Final = re.compile(r"pstn|trunk|from-did|from-outside|inbound|incoming|external|provider", re.IGNORECASE)
"""Contexts of calls from outside; FreePBX has from-pstn, from-trunk, from-did-direct."""
NAMES: Final = re.compile(r"trunk|gateway|(^|[-_])gw\d*($|[-_])|provider|carrier|pstn|sbc", re.IGNORECASE)


def trunk_reason(name: str, settings: Mapping[str, str], contact: str) -> str:
    """Return why an endpoint seems to be a trunk; empty for a phone.

    `settings` are the endpoint's PJSIP settings; `contact` is the fixed address of its AOR, empty where it registers.
    """
    context = settings.get("context", "")
    if settings.get("outbound_auth"):
        return "it logs in elsewhere (outbound_auth)"
    if CONTEXTS.search(context):
        return f"its calls enter by context {context}"
    if NAMES.search(name):
        return "its name"
    if contact and not settings.get("auth") and "ip" in settings.get("identify_by", ""):
        return f"it has a fixed address ({contact}) and no login"
    return ""
