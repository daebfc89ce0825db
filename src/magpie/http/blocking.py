"""The HTTP client for code that waits: an event loop in a thread of its own, and calls into it from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from magpie.http.client import Client
from magpie.http.endpoints import Endpoint
from magpie.http.exchange import Deadline, Response

CLOSE_SECONDS = 10.0
"""How long the thread may take to end."""

Result = TypeVar("Result")


class LoopThread:
    """An event loop in a thread of its own. `call` runs a coroutine there; `close` ends the thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """What the coroutine returns or raises. Where this thread is interrupted, it is canceled."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the thread, and with it whatever still runs in the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


class BlockingClient:
    """`client.Client`, called from threads; each waits for its own answer."""

    def __init__(self, thread: LoopThread, client: Client) -> None:
        self._thread, self._client = thread, client

    def fetch(self, method: str, path: str, body: bytes | None = None, *, seconds: float, most: int) -> Response:
        """Send a request and take the answer: all of it within `seconds`, in at most `most` bytes. Raises as
        `Client.exchange` does."""
        return self._thread.call(self._client.exchange(method, path, body, deadline=Deadline(whole=seconds), most=most))


@contextmanager
def open_blocking(endpoint: Endpoint, connect_seconds: float) -> Iterator[BlockingClient]:
    """A client for code that waits; leaving the block closes its connections.

    with open_blocking(endpoint, connect_seconds=10.0) as client:
        client.fetch("GET", "/v1/models", seconds=30.0, most=1 << 20).status
    """
    thread = LoopThread("magpie-http")

    async def make() -> Client:
        return Client(endpoint, connect_seconds)

    try:
        client = thread.call(make())
        try:
            yield BlockingClient(thread, client)
        finally:
            thread.call(client.close())
    finally:
        thread.close()
