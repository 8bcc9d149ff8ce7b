"""A Sleep-EDFx in small: the real names and layout, with bytes that stand for the recordings."""

import random

CASSETTE = ("SC4001E0-PSG", "SC4001EC-Hypnogram", "SC4002E0-PSG", "SC4002EC-Hypnogram",
            "SC4011E0-PSG", "SC4011EH-Hypnogram", "SC4822G0-PSG", "SC4822GC-Hypnogram")  # fmt: skip
TELEMETRY = ("ST7011J0-PSG", "ST7011JP-Hypnogram", "ST7022J0-PSG", "ST7022JM-Hypnogram")


def small_edfx(n_bytes: int = 3000) -> dict[str, bytes]:
    generator = random.Random(0)
    paths = [f"sleep-cassette/{name}.edf" for name in CASSETTE]
    paths += [f"sleep-telemetry/{name}.edf" for name in TELEMETRY]
    paths += ["SC-subjects.xls", "ST-subjects.xls", "LICENSE.txt"]
    return {path: generator.randbytes(n_bytes + len(path)) for path in paths}
