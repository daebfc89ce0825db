"""Drives Chromium over its debugging pipe: opens a page, reads what became of it, takes pictures.

Two pipes and JSON, so that neither a driver program nor a library for websockets is needed. What a page asks for, says
on its console and opens as a dialog is noted.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--font-render-hinting=none", "--remote-debugging-pipe", "--mute-audio",
)  # fmt: skip
_WITH_PIPES = (
    "import os, sys\nos.dup2(int(sys.argv[1]), 3)\nos.dup2(int(sys.argv[2]), 4)\nos.execv(sys.argv[3], sys.argv[3:])"
)
"""Chromium reads commands at 3 and writes answers at 4."""
SECONDS = 60.0
"""How long an answer may take."""


def find_chromium() -> str | None:
    """The program; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """What became of a page so far."""

    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    """Errors and warnings, those of the content security policy among them."""
    dialogs: list[str] = field(default_factory=list)


class Chromium:
    """One browser with one tab."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._held = b""
        self._number = 0
        self.page = Page()
        target = self._call("Target.createTarget", {"url": "about:blank"}, tab=False)["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True}, tab=False)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(
        self, url: str, *, width: int = 1120, height: int = 900, dark: bool = False, printed: bool = False
    ) -> Page:
        """Load a page anew in a window of this size, and wait until it has loaded."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", {"media": "print" if printed else "", "features": scheme})
        self._call("Page.navigate", {"url": "about:blank"})
        self.page = Page()
        self._loaded = False
        self._call("Page.navigate", {"url": url})
        end = time.monotonic() + SECONDS
        while not self._loaded:
            self._event(end)
        self.evaluate("document.fonts.ready.then(() => 1)")
        return self.page

    def evaluate(self, script: str) -> Any:
        """What an expression comes to in the page, as plain values. The page's own policy does not hold for it."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self._call("Runtime.evaluate", asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def picture(self, *, of: str = "html", height: int | None = None, form: str = "webp", quality: int = 80) -> bytes:
        """The page, or what a selector finds in it, as WebP or PNG: all of it, or as much as `height`."""
        box = self.evaluate(
            f"(r => [r.top + scrollY, r.height])(document.querySelector({of!r}).getBoundingClientRect())"
        )
        width = self.evaluate("innerWidth")
        top = max(0, box[0] - 20 if of != "html" else 0)
        clip = {"x": 0, "y": top, "width": width, "height": min(box[1] + 40, height or 20_000), "scale": 1}
        asked = {"format": form, "captureBeyondViewport": True, "clip": clip}
        if form == "webp":
            asked["quality"] = quality
        return base64.b64decode(self._call("Page.captureScreenshot", asked)["data"])

    def command(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """A command of the DevTools protocol to the tab, such as `Input.dispatchMouseEvent`."""
        return self._call(method, parameters)

    def pdf(self) -> bytes:
        """The page as it prints, on the paper that its style sheet names."""
        asked = {"preferCSSPageSize": True, "printBackground": True}
        return base64.b64decode(self._call("Page.printToPDF", asked)["data"])

    def _call(self, method: str, parameters: dict[str, Any] | None = None, *, tab: bool = True) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters or {}}
        if tab:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            answer = self._event(end)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _event(self, end: float) -> dict[str, Any]:
        """The next message; events are noted on the way."""
        while b"\0" not in self._held:
            if not select([self._read], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium did not answer within {SECONDS:.0f} s")
            if not (data := os.read(self._read, 1 << 16)):
                raise RuntimeError("Chromium has ended")
            self._held += data
        line, _, self._held = self._held.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.page.requests.append(told["request"]["url"])
            case "Runtime.consoleAPICalled":
                self.page.console.append(json.dumps(told["args"]))
            case "Log.entryAdded":
                self.page.console.append(told["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.page.console.append(str(told["exceptionDetails"])[:300])
            case "Page.javascriptDialogOpening":
                self.page.dialogs.append(told["message"])
                self._number += 1
                closing = {"id": self._number, "method": "Page.handleJavaScriptDialog", "params": {"accept": False}}
                os.write(self._write, json.dumps({**closing, "sessionId": self._session}).encode() + b"\0")
        return message


@contextmanager
def open_chromium(program: str) -> Iterator[Chromium]:
    """A browser with a profile of its own, which ends with the block."""
    commands, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        words = [sys.executable, "-c", _WITH_PIPES, str(commands[0]), str(answers[1]), program]
        process = subprocess.Popen(
            [*words, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands[0], answers[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": profile, "TZ": "UTC", "LANG": "C.UTF-8"},
        )
        os.close(commands[0])
        os.close(answers[1])
        try:
            yield Chromium(commands[1], answers[0])
        finally:
            os.close(commands[1])
            os.close(answers[0])
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def file_url(path: Path) -> str:
    return path.resolve().as_uri()
