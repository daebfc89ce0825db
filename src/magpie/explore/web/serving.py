"""Serves the explorer on this machine until it is stopped. The one file that owns uvicorn."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from magpie.errors import MissingExtra, UserError
from magpie.explore.web.explorer import Explorer
from magpie.explore.web.selections import Command
from magpie.install import install_hint

PORT = 8421
"""Where it listens unless something else does."""
HOST = "127.0.0.1"


def check_installed() -> None:
    """Raise `MissingExtra` where a package that the explorer needs is not there."""
    lacking = [name for name in ("numpy", "starlette", "uvicorn") if find_spec(name) is None]
    if lacking:
        raise MissingExtra(
            f"magpie explore needs {' and '.join(lacking)}, which is not installed: {install_hint('explore')}"
        )


def listen(port: int | None) -> socket.socket:
    """A socket that listens on this machine alone. port: None for `PORT`, or any that is free. Raises `UserError`."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, PORT if port is None else port))
    except OSError as error:
        if port is not None:
            listening.close()
            raise UserError(f"--port {port}: {error.strerror}; expected a port that is free, or no --port") from error
        listening.bind((HOST, 0))
    return listening


def serve(
    explorer: Explorer,
    listening: socket.socket,
    command: Command,
    ready: Callable[[str], None] = lambda _: None,
    started: Callable[[Any], None] = lambda _: None,
) -> None:
    """Answer requests until the process is asked to stop. ready: receives the address with its token, once the server
    answers. started: receives uvicorn's server before that; `should_exit` ends it."""
    import uvicorn

    from magpie.explore.web.app import make_app
    from magpie.explore.web.guard import Guard

    guard = Guard(make_app(explorer, command))

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(f"http://{HOST}:{listening.getsockname()[1]}/?token={guard.token}")

    config = uvicorn.Config(
        guard, log_config=None, access_log=False, server_header=False, lifespan="off", ws="none", http="h11"
    )
    server = Server(config)
    started(server)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return
    finally:
        listening.close()
