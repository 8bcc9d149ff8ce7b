"""Run the benchmarks, or the one that is named: `python -m benchmarks [name]`."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    names = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))
    chosen = sys.argv[1:] or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        sys.exit(f"No benchmark {', '.join(unknown)}; there are: {', '.join(names)}")
    for name in chosen:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, FOLDER / f"{name}.py"], check=True)
        print((FOLDER / "results" / f"{name}.json").read_text())


if __name__ == "__main__":
    main()
