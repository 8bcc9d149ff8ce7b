"""The networks that `worker.py` can build, ours and braindecode's, and how each takes epochs."""

import importlib.machinery
import sys
import types

SFREQ, EPOCH_S, N_CLASSES = 100, 30, 5
N_TIMES = SFREQ * EPOCH_S
PEERS = ("SleepStagerChambon2018", "DeepSleepNet", "AttnSleep", "USleep")


def make_ours(name, n_channels):
    from epochal.models.networks.roster import NETWORKS

    shape = {"n_channels": n_channels, "n_times": N_TIMES, "sfreq": SFREQ, "n_classes": N_CLASSES}
    return NETWORKS[name](**shape)


def make_peer(name, n_channels):
    stand_in_for_torchaudio()
    import braindecode.models

    shape = {"n_chans": n_channels, "n_times": N_TIMES, "sfreq": SFREQ, "n_outputs": N_CLASSES}
    return getattr(braindecode.models, name)(**shape)


def shape_input(name, n_sequences, length):
    """Return the input's shape but for channels and samples: the other peers take no sequences."""
    if name in PEERS and name != "USleep":
        return (n_sequences * length,)
    return (n_sequences, length)


def flatten_logits(name, logits):
    """Return logits as `(n_epochs, n_classes)`; USleep gives `(B, n_classes, L)`."""
    if name == "USleep" and logits.ndim == 3:
        logits = logits.movedim(1, -1)
    return logits.reshape(-1, N_CLASSES)


def stand_in_for_torchaudio():
    """Let braindecode import where torchaudio's wheel does not load; no network here needs it."""
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        package = make_empty("torchaudio")
        for name in ("functional", "transforms"):
            setattr(package, name, make_empty(f"torchaudio.{name}"))


def make_empty(name):
    """Return a module, entered among the imported ones, whose every name is an empty class."""

    def make_class(attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return type(attribute, (), {})

    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__getattr__ = make_class
    sys.modules[name] = module
    return module
