"""Measure what `callguard analyze` needs for a long recording: seconds of CPU and the highest memory.

    python -m benchmarks.recordings [--hours 3] [--rate 8000] [--json]

The recording is stereo: a voice-like buzz that comes and goes on the left, noise on the right.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

CONFIG = Path(__file__).parent.parent / "config" / "callguard.yaml"


def main() -> None:
    """Write the recording, analyse it in another process, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0, help="length of the recording")
    parser.add_argument("--rate", type=int, default=8000, help="its sample rate, Hz")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        write(path, round(args.hours * 3600), args.rate)
        words = ["analyze", str(path), "--json", "--config", str(CONFIG)]
        found = subprocess.run([sys.executable, "-m", "callguard", *words], capture_output=True, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "hours": args.hours,
        "heard_s": json.loads(found.stdout)["duration_s"],
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "highest_mb": round(used.ru_maxrss * 1024 / 1e6),
    }
    print(json.dumps(figures) if args.json else ", ".join(f"{name} {value}" for name, value in figures.items()))


def write(path: Path, seconds: int, rate: int) -> None:
    """Write a stereo recording, second by second."""
    rng = np.random.default_rng(0)
    time = np.arange(rate) / rate
    with soundfile.SoundFile(path, "w", rate, 2, "PCM_16") as file:
        for second in range(seconds):
            voice = np.sign(np.sin(2 * np.pi * (150 + 20 * np.sin(second)) * time)) * (0.2 if second % 7 < 4 else 0.0)
            file.write(np.stack([voice, 0.1 * rng.standard_normal(rate)], axis=1))


if __name__ == "__main__":
    main()
