"""`python -m magpie` is `magpie`."""

from magpie.cli import main

if __name__ == "__main__":
    main()
