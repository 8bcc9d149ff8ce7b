"""`python -m epochal` and the `epochal` command."""

import gc
import os
import sys

_ONE_THREAD = ("score",)  # commands whose processes are many, not their threads
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SELDOM = (50_000, 50, 50)  # collecting while modules are imported costs a tenth of a cold call


def main() -> None:
    """Run the command line; a user's fault ends in one line and exit code 1 or 2."""
    gc.set_threshold(*_SELDOM)
    if sys.argv[1:2] and sys.argv[1] in _ONE_THREAD:
        for name in _THREADS:  # before numpy is imported
            os.environ.setdefault(name, "1")
    try:
        from epochal.cli import cli  # here: Ctrl-C may come while it is imported
    except KeyboardInterrupt:
        sys.exit("Aborted!")
    cli(prog_name="epochal")


if __name__ == "__main__":
    main()
