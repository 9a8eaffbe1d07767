"""`amsr` and `python -m amsr_deploy`, which Ctrl-C ends with a line also while the command line is loaded."""

import sys


def main() -> None:
    """Load the command line, and run it."""
    try:
        from amsr_deploy import cli
    except KeyboardInterrupt:
        print("amsr: interrupted", file=sys.stderr)
        sys.exit(130)
    cli.main(prog_name="amsr")


if __name__ == "__main__":
    main()
