"""An S3 server, moto's, in a process of its own: `python -m tests.objects.server` prints its port and serves until its
standard input ends."""

from __future__ import annotations

import logging
import sys
import warnings


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
