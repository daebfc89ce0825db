"""`--executor ray`: actors of a Ray cluster make the rows of a run in a folder that all nodes share.

Ray places the workers and starts them again where a node is lost; leases decide who makes which rows, as for `magpie
work`. If the driver dies, its actors end with it, and the same command resumes the run.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie.errors import EngineDied, MissingExtra, NetworkError, RunError, UserError
from magpie.executors.placing import Placing
from magpie.executors.ray_worker import RayWorker
from magpie.install import install_hint, magpie_version
from magpie.models.keys import key_uses
from magpie.plan.plan import Plan
from magpie.runs.files import write_whole
from magpie.runs.objects.work import send_all
from magpie.runs.workers import TOKEN, workers_folder
from magpie.safe.names import named
from magpie.safe.redaction import one_line
from magpie.settings.engines import LlamaCpp, Scripted, Server, Transformers, Vllm

CONNECT_SECONDS = 5.0
HELLO_SECONDS = 120.0
"""The most that an actor may take to be placed and started."""
WAIT_SECONDS, END_SECONDS = 0.5, 20.0
RESTARTS = 20
"""How often one actor is restarted after its node or process was lost."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one actor takes of a node."""

    gpus: int
    cpus: float


def room_of(plan: Plan, *, has_gpus: bool) -> Room:
    """What an actor takes that runs the engines of a plan: as many GPUs as the largest engine spreads over. It asks for
    one processor, and for half of one where others compute.

    has_gpus: whether any node has some: an engine that computes on what there is then takes one.
    """
    engines = [use.engine for planned in plan.stages for use in planned.uses.values()]
    gpus = [_gpus_of(engine, has_gpus) for engine in engines]
    light = all(isinstance(engine, Server | Scripted) for engine in engines)
    return Room(max(gpus, default=0), 0.5 if light or any(gpus) else 1.0)


def _gpus_of(engine: object, has_gpus: bool) -> int:
    match engine:
        case Vllm():
            return engine.tensor_parallel * engine.pipeline_parallel
        case Transformers():
            return int(engine.device == "cuda" or (engine.device == "auto" and has_gpus))
        case LlamaCpp():
            return int(has_gpus and engine.gpu_layers != 0)
    return 0


def places(nodes: Sequence[Mapping[str, float]], room: Room, wanted: int | None) -> int:
    """How many actors the nodes have room for. Raises `UserError` where not even one fits.

    nodes: the resources of each, as Ray names them (`GPU`, `CPU`).
    """
    if not nodes:
        raise UserError("the Ray cluster has no live node: start its nodes and run the same command again")
    if room.gpus:
        largest = int(max(node.get("GPU", 0) for node in nodes))
        if largest < room.gpus:
            raise UserError(
                f"an engine of this recipe takes {room.gpus} GPUs (tensor_parallel times pipeline_parallel), and the "
                f"largest node of the Ray cluster has {largest}; engines across nodes are not run: lower "
                "tensor_parallel, or start vLLM's own server over the nodes and use `engine: {name: server}`"
            )
        fit = sum(int(node.get("GPU", 0)) // room.gpus for node in nodes)
    else:
        fit = len(nodes)
    return fit if wanted is None else min(wanted, fit) if room.gpus else wanted


def import_ray() -> Any:
    """Ray. Raises `MissingExtra`."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtra(f"--executor ray needs Ray: {install_hint('ray')}") from error
    return ray


def connect(ray: Any, address: str | None) -> None:
    """Join a cluster as its driver. Raises `NetworkError` where there is none."""
    if address is not None:
        _check_reachable(address)
    try:
        ray.init(address=address or "auto", log_to_driver=False, configure_logging=False, namespace="magpie")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise NetworkError(
            f"Ray: no cluster at {address or 'this machine'} ({one_line(str(error))[:200]}); expected one that was "
            "started, as by `ray start --head`, with the same releases of Ray and Python"
        ) from error


def _check_reachable(address: str) -> None:
    """Ray itself tries for a minute or more."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        raise UserError(f"Ray's address {one_line(address)}: expected HOST:PORT, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise NetworkError(
            f"Ray: the head at {one_line(address)} cannot be reached ({error.strerror or error}); expected the address "
            "that `ray start --head` printed"
        ) from error


def run_on_ray(
    plan: Plan, run: Path, placed: Placing, watch: Callable[[str], None], between: Callable[[], None]
) -> None:
    """Let actors make the rows of a prepared run until none is pending.

    watch: receives lines for the user. between: called twice a second, and may raise to stop. Raises `UserError` for
    what the user can correct, and `EngineDied` where every actor was lost.
    """
    ray = import_ray()
    connect(ray, placed.ray_address)
    try:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        room = room_of(plan, has_gpus=any(node.get("GPU", 0) >= 1 for node in nodes))
        count = places(nodes, room, placed.workers)
        watch(f"Ray: {count} workers on {len(nodes)} nodes, {room.gpus} GPUs each")
        _make(ray, plan, run.resolve(), room, count, watch, between)
    finally:
        ray.shutdown()


def _make(
    ray: Any,
    plan: Plan,
    run: Path,
    room: Room,
    count: int,
    watch: Callable[[str], None],
    between: Callable[[], None],
) -> None:
    token = uuid.uuid4().hex
    write_whole(workers_folder(run) / TOKEN, token.encode())
    send_all(run)
    address = named(str(run))  # of a run in a bucket: each node has a folder of its own for it
    kind = ray.remote(RayWorker).options(
        num_gpus=room.gpus,
        num_cpus=room.cpus,
        scheduling_strategy="SPREAD",
        max_restarts=RESTARTS,
        max_task_retries=RESTARTS,
    )
    actors = [kind.remote() for _ in range(count)]
    _greet(ray, actors, run, address, token, watch, between)
    # Permissions are names and hosts, no secrets: the keys themselves are in each node's environment.
    allowances = sorted({str(use) for _, use in key_uses(plan.recipe)})
    working = {actor.work.remote(address, allowances): actor for actor in actors}
    problems: list[dict[str, str]] = []
    while working:
        done, _ = ray.wait(list(working), timeout=WAIT_SECONDS)
        between()
        for reference in done:
            working.pop(reference)
            ended = _ended(ray, reference)
            if not ended["error"]:  # a worker ends well only once no row is missing: so will the others
                ray.wait(list(working), num_returns=max(1, len(working)), timeout=END_SECONDS) if working else None
                return
            problems.append(ended)
            watch(f"warning: a worker on {ended['host']} ended: {ended['error']}")
    first = problems[0]
    raise (RunError if first["kind"] == "user" else EngineDied)(f"every worker ended; the first: {first['error']}")


def _ended(ray: Any, reference: Any) -> dict[str, str]:
    """How an actor's work ended. A report of Ray that it could not restart an actor is an error like others."""
    try:
        told: dict[str, str] = ray.get(reference)
    except ray.exceptions.RayError as error:
        return {"host": "a node that was lost", "error": _said(error), "kind": "other"}
    return told


def _greet(
    ray: Any,
    actors: Sequence[Any],
    run: Path,
    address: str,
    token: str,
    watch: Callable[[str], None],
    between: Callable[[], None],
) -> None:
    """Hold the actors' magpie and folder against the driver's, before they make anything. Raises `UserError`."""
    waiting, left = [actor.hello.remote(address) for actor in actors], HELLO_SECONDS
    while waiting and left > 0:
        done, waiting = ray.wait(waiting, num_returns=1, timeout=WAIT_SECONDS)
        left -= 0 if done else WAIT_SECONDS
        between()
        for reference in done:
            try:
                _check(ray.get(reference), run, token)
            except ray.exceptions.RayError as error:
                raise RunError(
                    f"Ray: a worker could not start: {_said(error)}; expected magpie {magpie_version()} on every node, "
                    "in the Python that Ray was started with"
                ) from error
    if len(waiting) == len(actors):
        raise RunError(
            f"Ray: no worker was placed within {HELLO_SECONDS:.0f} s: the cluster's processors or GPUs are taken; "
            "`ray status` shows by what"
        )
    if waiting:
        watch(f"warning: {len(waiting)} of {len(actors)} workers wait for room on the Ray cluster")


def _check(told: Mapping[str, str], run: Path, token: str) -> None:
    """Raise `RunError` for a worker of another magpie, or one that sees another folder."""
    host, ours = one_line(str(told.get("host"))), magpie_version()
    if told.get("magpie") != ours:
        raise RunError(
            f"Ray: {host} has magpie {one_line(str(told.get('magpie')))}, and this is magpie {ours}; expected the same "
            "version on every node"
        )
    if told.get("token") != token:
        raise RunError(
            f"{run}: {host} does not see this folder, or sees another one of that name; expected --out in a folder "
            "that every node shares"
        )


def _said(error: BaseException) -> str:
    """The last line of Ray's message: tracebacks come before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    with suppress(IndexError):
        return one_line(lines[-1])[:300]
    return type(error).__name__
