"""Sends an exported folder to the Hugging Face Hub. The one file that knows `huggingface_hub`, which is opened lazily.

Nothing is written or sent before a token and a name that can be used are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from magpie.errors import MissingExtra, UserError
from magpie.install import install_hint_for
from magpie.safe.redaction import one_line, register

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class Api(Protocol):
    """What is asked of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool | None, exist_ok: bool) -> Any: ...
    def upload_folder(self, *, repo_id: str, folder_path: str, repo_type: str, commit_message: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """What is to be sent, and where."""

    repository: str
    """`owner/name` of a dataset."""
    private: bool = False
    """Whether a repository that is new is private; one that is there stays as it is."""


def check_can_push(upload: Upload) -> None:
    """Raise `UserError` for a name that the Hub would not take, `MissingExtra` without the library, and `UserError`
    without a token."""
    check_name(upload)
    token = _library().get_token()
    register(token)
    if token is None:
        raise UserError(
            "--push-to-hub: no token of the Hugging Face Hub is set here; expected one that may write, by `hf auth "
            "login` or the variable HF_TOKEN (--dry-run needs none)"
        )


def check_name(upload: Upload) -> None:
    """Raise `UserError` for a name that the Hub would not take."""
    if not _REPOSITORY.fullmatch(upload.repository):
        raise UserError(f"--push-to-hub {upload.repository!r}: expected OWNER/NAME, such as my-team/my-dataset")


def push(folder: Path, upload: Upload, about: str, api: Api | None = None) -> str:
    """Send a folder as a commit of a dataset repository, which is made where it is not there; its address.

    Raises `UserError` for what the Hub, or the way there, refuses.
    """
    api = _library().HfApi() if api is None else api
    assert api is not None, "made above"
    try:
        api.create_repo(upload.repository, repo_type="dataset", private=upload.private or None, exist_ok=True)
        api.upload_folder(repo_id=upload.repository, folder_path=str(folder), repo_type="dataset", commit_message=about)
    except Exception as error:  # the errors of the HTTP client below that library have no name that stays
        problem = one_line(str(error))
    else:
        return f"https://huggingface.co/datasets/{upload.repository}"
    raise UserError(  # outside of the handler: the caught error knows the request, and so the token
        f"--push-to-hub {upload.repository}: it was not taken: {problem}; expected a name and a token that may write "
        "there: try again, or keep the folder by --to"
    )


def shown(upload: Upload, files: Sequence[tuple[str, int]], splits: Mapping[str, int]) -> str:
    """What would be sent, for a reader."""
    total = sum(size for _, size in files)
    lines = [f"{size:>14,}  {name}" for name, size in files]
    rows = ", ".join(f"{count:,} rows in {split}" for split, count in splits.items())
    kind = "a private repository, if it is new" if upload.private else "a public repository, if it is new"
    return "\n".join(
        [f"Would send to the dataset {upload.repository} ({kind}): {rows}", *lines, f"{total:>14,}  bytes in all"]
    )


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtra(
            f"--push-to-hub needs huggingface_hub, which is not installed: {install_hint_for('huggingface_hub')}"
        ) from error
    return huggingface_hub
