import os

# Tiny fits side by side: threads that spin would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
