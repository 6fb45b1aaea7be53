"""A replayed recording made by hand."""

import numpy as np

from callguard.analysis.replay import Alert, Replay
from callguard.audio.gates import Reason
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS


def replayed(hops: int) -> Replay:
    """Two legs in which nothing was measured and all was judged; one alert fired at 0.1 s and goes on."""
    alert = Alert("Loud", "customer", "warning", 0.1, None, 0.7, {})
    return Replay(
        duration_s=hops / 10,
        legs=("customer", "agent"),
        signals=np.full((hops, 2, len(LEG_SIGNALS)), np.nan, np.float32),
        call=np.full((hops, len(CALL_SIGNALS)), np.nan, np.float32),
        reasons=np.full((hops, 2), Reason.JUDGED, np.int8),
        alerts=(alert,),
    )
