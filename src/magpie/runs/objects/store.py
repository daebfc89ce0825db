"""The one file that talks to object storage: whole objects, conditional puts, one line for each thing that goes wrong.

The library is obstore (docs/runs.md says why); credentials are looked for where the provider's own tools look. Knows
names and bytes.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any, NamedTuple

from magpie.errors import MissingExtra, StorageError
from magpie.install import install_hint, install_hint_for
from magpie.runs.objects.addresses import Address, endpoint_of
from magpie.safe.redaction import one_line, redact

RETRY_SECONDS = 60.0
"""How long one request is tried again where a server is busy or does not answer."""
_MULTIPART = 64 << 20
"""Bytes from which on an object is put in parts, all of which appear at once."""
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")


class Stored(NamedTuple):
    """An object as it was read."""

    data: bytes
    etag: str


class Listed(NamedTuple):
    """An object in a listing."""

    name: str
    etag: str
    size: int


class ObjectStore:
    """The objects of one run, by their names below its address.

    store = ObjectStore(address_of("s3://bucket/runs/air"))
    etag = store.put("run.json", b"{}")
    """

    def __init__(self, address: Address) -> None:
        if find_spec("obstore") is None:
            raise MissingExtra(
                f"{address.url}: needs obstore, which is not installed. To install it: {install_hint('objects')}"
            )
        self.address = address
        self.requests: Counter[str] = Counter()
        """How many of each kind were made, tries that the library made again left out."""
        self._lock = threading.Lock()
        self._store = _opened(address)

    def get(self, name: str) -> Stored | None:
        """An object; None where there is none."""
        import obstore

        self._count("get")
        with self._said(name):
            try:
                found = obstore.get(self._store, name)
                return Stored(bytes(found.bytes()), _version(found.meta))
            except FileNotFoundError as error:
                _check_bucket(error)
                return None

    def get_end(self, name: str, count: int) -> Stored | None:
        """The last bytes of an object; None where there is none."""
        import obstore

        self._count("get")
        with self._said(name):
            try:
                found = obstore.get(self._store, name, options={"range": {"suffix": count}})
                return Stored(bytes(found.bytes()), _version(found.meta))
            except FileNotFoundError as error:
                _check_bucket(error)
                return None

    def put(self, name: str, data: bytes) -> str:
        """Put an object, whole, whatever there was."""
        import obstore

        self._count("put")
        with self._said(name):
            return _version(obstore.put(self._store, name, data, use_multipart=len(data) > _MULTIPART))

    def create(self, name: str, data: bytes) -> str | None:
        """Put an object where there is none. None: there is one, which may be the one of this call, where an answer was
        lost and the library tried again."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        self._count("put")
        with self._said(name):
            try:
                return _version(obstore.put(self._store, name, data, mode="create", use_multipart=False))
            except (AlreadyExistsError, PreconditionError):
                return None

    def replace(self, name: str, data: bytes, etag: str) -> str | None:
        """Put an object where its etag is still this one. None: it is not, see `create`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        self._count("put")
        mode: Any = dict(zip(("e_tag", "version"), etag.split("\n"), strict=False))
        with self._said(name):
            try:
                return _version(obstore.put(self._store, name, data, mode=mode, use_multipart=False))
            except (AlreadyExistsError, PreconditionError):
                return None
            except FileNotFoundError as error:
                _check_bucket(error)
                return None

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects, as far as they are there."""
        import obstore

        for first in range(0, len(names), 1000):
            self._count("delete")
            with self._said(names[first]):
                try:
                    obstore.delete(self._store, list(names[first : first + 1000]))
                except FileNotFoundError as error:
                    _check_bucket(error)

    def list(self, folder: str = "", start: str = "") -> Iterator[Listed]:
        """The objects below a folder, in the order of their names where `start` is given: those behind it."""
        import obstore

        with self._said(folder):
            for chunk in obstore.list(self._store, prefix=folder or None, offset=start or None, chunk_size=1000):
                self._count("list")
                for meta in chunk:
                    yield Listed(meta["path"], _version(meta), meta["size"])

    def _count(self, kind: str) -> None:
        with self._lock:
            self.requests[kind] += 1

    @contextmanager
    def _said(self, name: str) -> Iterator[None]:
        """What the library says of an object, as one line that helps and holds no secret."""
        from obstore.exceptions import BaseError

        where = self.address.url if not name else f"{self.address.url}/{name}"
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise StorageError(f"{where}: {_advice(error)}") from None


def _opened(address: Address) -> Any:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, S3Store

    options: Any = {"timeout": "300s", "connect_timeout": "10s", "user_agent": "magpie"}
    if endpoint_of(address.scheme).startswith("http://"):
        options["allow_http"] = True
    retries: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    given: Any = {"prefix": "/".join(address.parts) or None, "client_options": options, "retry_config": retries}
    try:
        if address.scheme == "gs":
            return GCSStore(address.bucket, **given)
        if address.scheme == "az":
            return AzureStore(address.bucket, **given)
        if (provider := _profile()) is not None:
            given["credential_provider"] = provider
        return S3Store(address.bucket, **given)
    except (BaseError, OSError, ValueError) as error:
        raise StorageError(f"{address.url}: {_advice(error)}") from None


def _profile() -> Any:
    """What gives credentials of the files that the AWS command line writes, which obstore itself does not read; None
    where the environment, a role or a machine gives them."""
    files = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or Path.home() / ".aws" / "credentials")
    config = Path(environ.get("AWS_CONFIG_FILE") or Path.home() / ".aws" / "config")
    if environ.get("AWS_ACCESS_KEY_ID") or not (environ.get("AWS_PROFILE") or files.is_file() or config.is_file()):
        return None
    if find_spec("boto3") is None:
        if environ.get("AWS_PROFILE"):
            raise MissingExtra(
                "AWS_PROFILE: reading profiles needs boto3, which is not installed; install it, or give "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. To install it: " + install_hint_for("boto3")
            )
        return None
    from obstore.auth.boto3 import Boto3CredentialProvider

    return Boto3CredentialProvider()


def _version(found: Any) -> str:
    """An etag, and a version where the provider tells objects apart by it."""
    etag, version = found["e_tag"] or "", found["version"]
    return f"{etag}\n{version}" if version else str(etag)


def _check_bucket(error: FileNotFoundError) -> None:
    """Raise where not the object is missing but the bucket."""
    if "NoSuchBucket" in _CODE.findall(str(error)):
        raise error


_ADVICE = {
    "NoSuchBucket": "there is no such bucket: create it, or give another",
    "ContainerNotFound": "there is no such container: create it, or give another",
    "InvalidAccessKeyId": "the credentials are not known to the server: see what the environment gives it",
    "SignatureDoesNotMatch": "the credentials are wrong: see what the environment gives the server",
    "AccessDenied": "the credentials do not allow this: list, read, write and delete are needed",
    "ExpiredToken": "the credentials have expired: get new ones",
    "SlowDown": "the server is busy: try again later",
}
_BY_STATUS = {
    "401": "the credentials are not accepted: see what the environment gives the server",
    "403": "the credentials do not allow this, or are wrong: see what the environment gives the server",
    "404": "there is no such bucket: create it, or give another",
    "503": "the server is busy: try again later",
}


def _advice(error: BaseException) -> str:
    said = str(error)
    code = next(iter(_CODE.findall(said)), "")
    status = next(iter(_STATUS.findall(said)), "")
    known = _ADVICE.get(code) or _BY_STATUS.get(status)
    if known is not None:
        return f"{known} ({code or status})"
    first = said.partition("<?xml")[0].partition("\n")[0]
    return one_line(redact(first)).rstrip(" :.") or type(error).__name__
