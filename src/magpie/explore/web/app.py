"""The page and its questions over HTTP, as a Starlette app. All of it reads; nothing is changed by a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from magpie.errors import UserError
from magpie.explore.web.explorer import Asked, AskedMap, AskedPlace, AskedRows, Explorer
from magpie.explore.web.reading import opened
from magpie.explore.web.selections import Command, ids, selection

MOST_BODY = 256 << 10
"""Bytes of a question."""
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
Handler = Callable[[Request], Awaitable[Response]]


class AskedRow(BaseModel):
    """One row of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run: int = Field(ge=0)
    row: int = Field(ge=0)


class AskedIds(Asked):
    """The ids of a run's rows that match."""

    run: int = Field(0, ge=0)


def make_app(explorer: Explorer, command: Command) -> Starlette:
    """The app, without a guard. command: words to a line for a shell."""

    def view(asked: Asked) -> Response:
        return _json(explorer.view(asked))

    def rows(asked: AskedRows) -> Response:
        return _json(explorer.page(asked))

    def row(asked: AskedRow) -> Response:
        return _json(opened(explorer, asked.run, asked.row))

    def nearest(asked: AskedPlace) -> Response:
        return _json(explorer.nearest(asked))

    def part_of_map(asked: AskedMap) -> Response:
        return Response(explorer.map(asked), media_type="application/octet-stream")

    def chosen(asked: Asked) -> Response:
        return _json(selection(explorer, asked, command))

    def listed(asked: AskedIds) -> Response:
        if asked.run >= len(explorer.runs):
            raise UserError(f"there is no run {asked.run}")
        return StreamingResponse(iterate_in_threadpool(ids(explorer, asked, asked.run)), media_type="text/plain")

    async def about(_: Request) -> Response:
        return await run_in_threadpool(lambda: _json(explorer.about()))

    routes = [Route(f"/{name}" if name != "index.html" else "/", partial(_file, name)) for name in static_files()]
    routes.append(Route("/api/about", about))
    for name, model, answer in (
        ("view", Asked, view),
        ("rows", AskedRows, rows),
        ("row", AskedRow, row),
        ("nearest", AskedPlace, nearest),
        ("map", AskedMap, part_of_map),
        ("selection", Asked, chosen),
        ("ids", AskedIds, listed),
    ):
        routes.append(Route(f"/api/{name}", _question(model, answer), methods=["POST"]))
    return Starlette(routes=routes)


def _question(model: type[BaseModel], answer: Callable[[Any], Response]) -> Handler:
    """A question as JSON, checked against its type and answered in a thread."""

    async def handle(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _json({"error": "expected JSON"}, 415)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BODY:
                return _json({"error": f"a question is larger than {MOST_BODY:,} bytes"}, 413)
        try:
            return await run_in_threadpool(answer, model.model_validate_json(bytes(body)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"]))
            return _json({"error": f"{where}: {first['msg']}"[:300]}, 400)
        except UserError as error:
            return _json({"error": str(error)}, 400)

    return handle


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value, default=str), status, media_type="application/json")


async def _file(name: str, _: Request) -> Response:
    return Response(static_files()[name], media_type=_KINDS[name.rpartition(".")[2]])


@cache
def static_files() -> dict[str, bytes]:
    """Name to bytes of what the page is made of."""
    folder = files("magpie.explore.web") / "static"
    found = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.rpartition(".")[2] in _KINDS}
    return dict(sorted(found.items()))
