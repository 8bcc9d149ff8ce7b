"""Peak memory of reading a 24 h, 8-channel, 512 Hz EDF, beside MNE and the recording's own size.

Each reader runs in a process of its own, the library's import included. Run it with
`python benchmarks/edf_memory.py`; it writes `benchmarks/results/edf_memory.json`.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import edfio
import numpy as np

HOURS, N_CHANNELS, SFREQ = 24, 8, 512
RESULTS = Path(__file__).parent / "results" / "edf_memory.json"
LIBRARIES = ("edfio", "mne", "numpy")
READERS = {
    "ours": "from epochal.readers.edf import read_edf\n"
    "recording = read_edf(path, recording_id='night', subject_id='somebody')\n"
    "assert len(recording.channels) == 8, recording.channel_names",
    "mne": "import mne\n"
    "raw = mne.io.read_raw_edf(path, preload=True, verbose='error')\n"
    "assert len(raw.ch_names) == 8, raw.ch_names",
    "imports": "import epochal.readers.edf",
}
# VmHWM belongs to the process alone; getrusage would count the parent's peak too.
MEASURE = """
import re, resource, sys, time
from pathlib import Path
path = sys.argv[1]
{body}
seconds = time.process_time()  # of the processor: a busy machine does not count
status = Path("/proc/self/status")
kib = (int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) if status.exists()
       else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(kib * 1024 / 1e6, seconds)
"""


def main() -> None:
    """Measure all readers and write the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        write_night(path)
        measured = {name: measure(body, path) for name, body in READERS.items()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(build_report(measured), indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def write_night(path: Path) -> None:
    """Write the file a minute at a time, so that this process stays small."""
    rng = np.random.default_rng(0)
    minute = [
        edfio.EdfSignal(
            rng.normal(0, 30, 60 * SFREQ),
            SFREQ,
            label=f"EEG {index}",
            physical_dimension="uV",
            physical_range=(-500, 500),
        )
        for index in range(N_CHANNELS)
    ]
    edfio.Edf(minute, data_record_duration=1).write(path)
    raw = path.read_bytes()
    n_header = 256 * (1 + N_CHANNELS)
    header = raw[:236] + str(HOURS * 3600).encode().ljust(8) + raw[244:n_header]
    with path.open("wb") as file:
        file.write(header)
        for _ in range(HOURS * 60):
            file.write(raw[n_header:])


def measure(body: str, path: Path) -> tuple[float, float]:
    """Return the peak resident set in MB and the processor seconds of one cold process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(body=body), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    peak_mb, seconds = done.stdout.split()
    return float(peak_mb), float(seconds)


def build_report(measured: dict[str, tuple[float, float]]) -> dict[str, object]:
    """Put the figures into the form that `make bench` collects."""
    size_mb = HOURS * 3600 * SFREQ * N_CHANNELS * 4 / 1e6
    (ours_mb, ours_s), (mne_mb, mne_s) = measured["ours"], measured["mne"]
    what, peer = "24 h, 8 channels, 512 Hz", "mne.io.read_raw_edf(preload=True)"
    above_imports_mb = ours_mb - measured["imports"][0]
    return {
        "name": "edf_memory",
        "rows": [
            row(f"{what}, peak memory, cold process", "MB", ours_mb, (peer, mne_mb)),
            row(
                f"{what}, peak memory above the imports",
                "MB",
                above_imports_mb,
                ("the recording as float32", size_mb),
            ),
            row(f"{what}, processor time, cold process", "s", ours_s, (peer, mne_s)),
        ],
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }


def row(case: str, unit: str, ours: float, peer: tuple[str, float]) -> dict[str, object]:
    return {
        "case": case,
        "unit": unit,
        "ours": round(ours, 2),
        "peer_name": peer[0],
        "peer": round(peer[1], 2),
        "ratio": round(peer[1] / ours, 3),
    }


if __name__ == "__main__":
    main()
