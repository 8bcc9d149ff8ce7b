"""The 110 wavelet columns of the slow-oscillation study, at the size of the challenge's file.

A file of 261,634 rows in the original layout is simulated (1.3 GB; an argument names a folder that
has one already). Then each case runs in a process of its own, imports included: ours, block by
block as the study reads it; the same columns by PyWavelets called row by row; and all rows at once.
Run it with `python benchmarks/slow_oscillation.py`; it writes
`benchmarks/results/slow_oscillation.json`.
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

from epochal.readers.slow_oscillation_files import N_COLUMNS
from epochal.simulation.cohort import write_cohort
from epochal.simulation.slow_oscillation import ORIGINAL_N_ROWS

N_SPEED, N_MEMORY = 10_000, 40_000  # rows that a slow and a greedy peer can be asked for
N_REPEATS = 3
RESULTS = Path(__file__).parent / "results" / "slow_oscillation.json"
LIBRARIES = ("PyWavelets", "numpy", "h5py")
IMPORTS = """
import numpy as np
import pywt
from epochal.features import wavelet
from epochal.readers import slow_oscillation as reader
from epochal.readers.slow_oscillation_files import read_rows
"""
CASES = {
    "ours": """
table = np.empty((n_rows, 121), np.float32)
options = reader.Options()
n_blocks = -(-n_rows // options.rows_per_recording)
for source in reader.find(folder, options)[:n_blocks]:
    recording = reader.read(source, options)
    first = recording.metadata["first_row"]
    columns = wavelet.wavelet_combo(recording.arrays["windows"][:, 0], reader.SFREQ)
    last = min(first + len(recording.table), n_rows)
    given = recording.table.select_dtypes("float32").to_numpy()
    table[first:last] = np.column_stack([given, *columns.values()])[: last - first]
assert np.isfinite(table).all()
""",
    "row by row": """
def describe(band):
    square = band**2
    share = square / (square.sum() + 1e-6)
    return [np.log(max(square.mean(), 1e-6)), -np.sum(share * np.log(share + 1e-300)),
            band.min(), band.max()]

def measure(row):
    row = row - row.mean()
    found = [v for band in pywt.wavedec(row, "haar", level=7) for v in describe(band)]
    for tenth in row.reshape(10, 125):
        bands = pywt.wavedec(tenth, "db4", level=4)
        energy = np.array([np.mean(band**2) for band in bands])
        share = energy / (energy.sum() + 1e-6)
        found += [*np.log(np.maximum(energy, 1e-6)), -np.sum(share * np.log(share)),
                  bands[0].mean()]
    return found

rows = read_rows(folder / "X_train.h5", "features", 0, n_rows)
table = np.array([measure(row) for row in rows[:, 11:].astype(float)], np.float32)
assert np.isfinite(table).all()
""",
    "at once": """
rows = read_rows(folder / "X_train.h5", "features", 0, n_rows)
wavelet._CHUNK = n_rows
columns = wavelet.wavelet_combo(rows[:, 11:], reader.SFREQ)
table = np.column_stack([rows[:, :11], *columns.values()])
assert table.shape == (n_rows, 121)
""",
    "imports": "",
}
# VmHWM belongs to the process alone; getrusage would count the parent's peak too.
MEASURE = """
import re, resource, sys, time
from pathlib import Path
folder, n_rows = Path(sys.argv[1]), int(sys.argv[2])
{imports}
start = time.process_time()  # of the processor: a busy machine does not count
{body}
seconds = time.process_time() - start
status = Path("/proc/self/status")
kib = (int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) if status.exists()
       else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(kib * 1024 / 1e6, seconds)
"""


def main() -> None:
    """Simulate the file unless one is given, measure all cases, write the rows."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made) / "rows"
        if len(sys.argv) == 1:
            write_cohort("slow_oscillation", folder, {"n_rows": ORIGINAL_N_ROWS, "n_test_rows": 0})
        rows = measure_rows(folder)
    report = {
        "name": "slow_oscillation",
        "rows": rows,
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


def measure_rows(folder: Path) -> list[dict[str, object]]:
    whole_mb, whole_s = measure("ours", folder, ORIGINAL_N_ROWS, n_repeats=1)
    imports_mb, _ = measure("imports", folder, 0)
    _, ours_s = measure("ours", folder, N_SPEED)
    _, row_by_row_s = measure("row by row", folder, N_SPEED)
    ours_mb, _ = measure("ours", folder, N_MEMORY)
    at_once_mb, _ = measure("at once", folder, N_MEMORY)
    whole = f"{ORIGINAL_N_ROWS:,} simulated rows from file to 121 columns"
    file_mb = ORIGINAL_N_ROWS * N_COLUMNS * 4 / 1e6
    by_row = "PyWavelets, row by row"
    scaled = (f"{by_row} (10,000, scaled)", row_by_row_s * ORIGINAL_N_ROWS / N_SPEED)
    return [
        row(
            f"{whole}, processor time, 1 thread",
            "s",
            whole_s,
            scaled,
        ),
        row(f"{whole}, peak memory, cold process", "MB", whole_mb, ("the file itself", file_mb)),
        row(
            f"{whole}, peak memory above the imports",
            "MB",
            whole_mb - imports_mb,
            ("the file itself", file_mb),
        ),
        row(f"{N_SPEED:,} rows, processor time, 1 thread", "s", ours_s, (by_row, row_by_row_s)),
        row(
            f"{N_MEMORY:,} rows, peak memory, cold process",
            "MB",
            ours_mb,
            ("all rows at once", at_once_mb),
        ),
    ]


def measure(
    case: str, folder: Path, n_rows: int, *, n_repeats: int = N_REPEATS
) -> tuple[float, float]:
    """Return the median peak resident set in MB and processor seconds of cold processes."""
    code = MEASURE.format(imports=IMPORTS, body=CASES[case])
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    runs = []
    for _ in range(n_repeats):
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(n_rows)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | one_thread,
        )
        runs.append(tuple(map(float, done.stdout.split())))
    peaks_mb, seconds = zip(*runs, strict=True)
    return sorted(peaks_mb)[len(runs) // 2], sorted(seconds)[len(runs) // 2]


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
