"""What a Ray actor does: the loop of `magpie work`, in the process that Ray placed on a node.

Only texts and numbers come in and go out. Recipe, rows and leases are in the run's folder; keys come from the node's
environment. Does not import Ray.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from magpie.errors import MagpieError, UserError
from magpie.install import magpie_version
from magpie.runs import located
from magpie.runs.workers import TOKEN, workers_folder
from magpie.safe.keys import allow, read_allowance
from magpie.safe.redaction import one_line


class RayWorker:
    """One actor. Ray starts it again where its node is lost."""

    def hello(self, run: str) -> dict[str, str]:
        """Which magpie this is, on which host, and the token that it sees in the run's folder."""
        try:
            token = (workers_folder(located(run)) / TOKEN).read_text(encoding="ascii", errors="replace")[:100]
        except (OSError, UserError):
            token = ""
        return {"magpie": magpie_version(), "host": socket.gethostname(), "token": token}

    def work(self, run: str, allowances: Sequence[str]) -> dict[str, str]:
        """Make rows of the run until none is missing; how that ended: `error` is empty where all is well."""
        from magpie.executors.workers import join

        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        allow([read_allowance(text) for text in allowances])
        host = socket.gethostname()
        try:
            join(located(run), executor="ray")
        except MagpieError as error:
            kind = "user" if isinstance(error, UserError) else "other"
            return {"host": host, "error": one_line(str(error)), "kind": kind}
        return {"host": host, "error": "", "kind": ""}
