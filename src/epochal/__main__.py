"""`python -m epochal` and the `epochal` command."""

from epochal.cli import cli


def main() -> None:
    """Run the command line; a user's fault ends in one line and exit code 1 or 2."""
    cli(prog_name="epochal")


if __name__ == "__main__":
    main()
