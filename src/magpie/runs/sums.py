"""A digest of a file's bytes, beside it: what is read is what was written, or an error.

`00000.sum` holds the digests of the bytes that `00000.parquet` may have: one, or two while it is being replaced, so
that a kill between the two writes leaves a pair that agrees. Files that earlier magpies sealed have none, and are read
as they are.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from magpie.errors import RunError
from magpie.runs.files import bring, storage, write_whole

_KIND = "blake2b-128"
_REMEMBERED = 65536
_BLOCK = 1 << 20


def sums_of(parquet: Path) -> Path:
    """Where a file's digests stand."""
    return parquet.with_suffix(".sum")


def write_summed(parquet: Path, data: bytes) -> None:
    """Put `data` at `parquet`, whole, with its digest beside it. A kill at any line leaves a file that is believed."""
    digest = blake2b(data, digest_size=16).hexdigest()
    before = known_sums(parquet) if parquet.exists() else ()
    if parquet.exists() and not before:
        before = (bytes_digest(parquet),)  # of an earlier magpie: believed until now
    _write(parquet, (*before, digest))
    write_whole(parquet, data)
    if before:
        _write(parquet, (digest,))


def _write(parquet: Path, digests: tuple[str, ...]) -> None:
    write_whole(sums_of(parquet), "".join(f"{_KIND} {digest}\n" for digest in dict.fromkeys(digests)).encode())


def known_sums(parquet: Path) -> tuple[str, ...]:
    """The digests that a file may have; none where nothing is known."""
    path = sums_of(parquet)
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(line.partition(" ")[2] for line in lines if line.startswith(f"{_KIND} "))


def bytes_digest(path: Path) -> str:
    """Of all of a file."""
    bring(path)
    digest = blake2b(digest_size=16)
    with storage(path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check_sum(parquet: Path) -> None:
    """Raise `RunError` where a file's bytes are not those that were written. A file that was checked already is not
    read again, as long as its inode, time and size are the same."""
    bring(parquet)
    found = parquet.stat()
    _check(parquet, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(_REMEMBERED)
def _check(parquet: Path, version: tuple[int, int, int]) -> None:  # noqa: ARG001 (names the file)
    known = known_sums(parquet)
    if known and bytes_digest(parquet) not in known:
        raise RunError(
            f"{parquet}: its bytes are not those that magpie wrote, so the file is damaged; `magpie verify RUN` lists "
            "every such file. Restore it from a copy, or delete it and its rows are made again"
        )
