import os

from hypothesis import settings

# Tiny fits side by side: threads that spin would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says something of the machine, not of the code.
settings.register_profile("epochal", deadline=None)
settings.load_profile("epochal")
