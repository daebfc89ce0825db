"""The environment of child processes: that of this process, without the keys that they do not need."""

from __future__ import annotations

import os

from magpie.safe.redaction import (
    HUB_VARIABLES,
    PROXY_VARIABLES,
    has_credentials,
    is_copy,
    is_secret_variable,
)


def child_environment(*, downloads: bool = False) -> dict[str, str]:
    """This process's environment without variables that hold secrets: by their names, because a recipe names them, or
    by what they hold.

    downloads: whether the child fetches something from the Hugging Face Hub, for which it gets the Hub's token, and the
    proxies as they are.

    >>> "OPENAI_API_KEY" in child_environment()
    False
    """
    return {name: value for name, value in os.environ.items() if _may_know(name, value, downloads)}


def _may_know(name: str, value: str, downloads: bool) -> bool:
    if downloads and (name in HUB_VARIABLES or name.lower() in PROXY_VARIABLES):
        return True
    if is_secret_variable(name) or is_copy(value.strip()):
        return False
    return not ("://" in value and has_credentials(value.partition("://")[2].partition("/")[0]))
