"""The address of a run on object storage: what a user writes, and the folder of this machine that mirrors it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from magpie.errors import RunError
from magpie.safe.terminal import brief

_SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "azure": "az"}
_URL = re.compile(r"(s3a?|gc?s|az|azure|hf):/{1,2}(?=[^/])", re.IGNORECASE)
"""One slash is what is left where an address has become a `Path`."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_PART = re.compile(r"[A-Za-z0-9_=+,()!'][A-Za-z0-9._=+,()!' -]{0,200}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a run lies in a bucket."""

    scheme: str
    """`s3`, `gs` or `az`."""
    bucket: str
    """Of `az`, the container; the account is said by `AZURE_STORAGE_ACCOUNT_NAME`."""
    parts: tuple[str, ...]
    """The path within the bucket."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{'/'.join((self.bucket, *self.parts))}"

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return (self.bucket, *self.parts)[-1]


def address_of(given: str | Path) -> Address | None:
    """The address that a user gave; None for what is a path of this machine. Raises `RunError` for an address that no
    run can have.

    address_of("s3://bucket/runs/air").name  # air
    """
    text = str(given)
    match = _URL.match(text)
    if match is None:
        return None
    scheme = match[1].lower()
    if scheme == "hf":
        raise RunError(
            f"hf://{brief(text[match.end() :], quoted=False)}: no run lies on the Hub, whose datasets are only read: "
            "`magpie import OWNER/NAME --to RUN` makes a run of one, and `magpie export RUN --push-to-hub OWNER/NAME` "
            "sends one"
        )
    rest = text[match.end() :]
    if "@" in rest.partition("/")[0]:
        raise RunError(
            f"{scheme}://***: credentials in the address; expected {scheme}://BUCKET/RUN, and credentials where the "
            "provider's own tools look for them (docs/runs.md)"
        )
    bucket, *parts = rest.rstrip("/").split("/")
    if not _BUCKET.fullmatch(bucket) or not all(_PART.fullmatch(part) for part in parts):
        raise RunError(
            f"{scheme}://{brief(rest, quoted=False)}: expected {scheme}://BUCKET/RUN, its parts of letters, digits and "
            "._-=+,()!' that do not begin with a dot or a dash"
        )
    return Address(_SCHEMES[scheme], bucket, tuple(parts))


def cache_of(address: Address) -> Path:
    """Where this machine keeps what it knows of a run: `magpie/objects` in the cache folder of the user. Two endpoints
    have two buckets of one name."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    endpoint = endpoint_of(address.scheme)
    named = blake2b(f"{endpoint}\n{address.url}".encode(), digest_size=8).hexdigest()
    return (base / "magpie" / "objects" / named).resolve()


def endpoint_of(scheme: str) -> str:
    """What the environment says of the server; empty where it is the provider's own."""
    names = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"), "az": ("AZURE_STORAGE_ENDPOINT",)}
    return next((os.environ[name] for name in names.get(scheme, ()) if os.environ.get(name)), "")
