"""The command line: parse, call one function, print. Nothing is decided here."""

from magpie.cli.app import main

__all__ = ["main"]
