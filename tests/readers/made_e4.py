"""E4 folders with known content, and the ways in which they go wrong."""

import zipfile

import numpy as np

START = 1644227574
LENGTH_S = 120
RATES = {"BVP": 64, "EDA": 4, "TEMP": 4, "ACC": 32, "HR": 1}
LABELS = [(9, 40, 0), (49, 30, 1), (79, 30, 0)]  # onset from the start, seconds, code


def samples(name, length_s=LENGTH_S):
    """A ramp in the sensor's range; ACC holds a wrist at rest, in counts."""
    n_samples = RATES[name] * length_s
    if name == "ACC":
        return np.tile([2, 10, 63], (n_samples, 1))
    low, high = {"BVP": (-50, 50), "EDA": (0.1, 2.0), "TEMP": (30, 34), "HR": (60, 90)}[name]
    return np.linspace(low, high, n_samples)[:, None].round(6)


def text(name, *, start=START, values=None, end="\n"):
    values = samples(name) if values is None else values
    delay = 10 if name == "HR" else 0
    n_columns = 3 if name == "ACC" else 1
    rows = [[f"{start + delay:.6f}"] * n_columns, [f"{RATES[name]:.6f}"] * n_columns]
    lines = [", ".join(row) for row in rows] + [",".join(map(str, row)) for row in values.tolist()]
    return end.join(lines) + end


def write_folder(folder, *, files=("ACC", "BVP", "EDA", "HR", "TEMP"), **changed):
    """Write an E4 folder; `BVP="…"` gives another text to one file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        (folder / f"{name}.csv").write_text(changed.get(name, text(name)), encoding="utf-8")
    (folder / f"tags_{folder.name}.csv").write_text(f"{START + 30}\r\n{START + 90}\r\n")
    (folder / "IBI.csv").write_text(f"{START}.000000, IBI\n12.5,0.8\n13.3,0.8\n")
    return folder


def write_zip(path, **changed):
    with zipfile.ZipFile(path, "w") as archive:
        for name in RATES:
            archive.writestr(f"{name}.csv", changed.get(name, text(name)))
        archive.writestr("info.txt", "about the files")
    return path


def write_table(root, labels=LABELS, *, participants=(2,), start=START, rows=None):
    table = root / "Processed_data" / "Improved_All_Combined_hr_rsp_binary.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    lines = ["Participant,HR,respr,Time(sec),Label"]
    for participant in participants:
        for onset, seconds, code in labels:
            lines += [f"{participant},70,12,{start + onset + i},{code}" for i in range(seconds)]
    table.write_text("\n".join(rows or lines) + "\n")
    return table
