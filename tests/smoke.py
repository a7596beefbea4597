"""`make run` as a stranger meets it: a fresh clone, a terminal, the punch that is printed, Ctrl-C.

`--servers` does the same on PostgreSQL and Redis, both started for this run only. `--tree` copies
the working tree instead of cloning the last commit. Run as `python -m tests.smoke`; it is a stage
of .ci/run, and no test of the suite.
"""

from __future__ import annotations

import argparse
import contextlib
import http.cookiejar
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.run import IGNORED_ENVIRONMENT, ROOT, Server, free_port, postgres

INSTALL_S, START_S, STOP_S = 900, 90, 10


class Failed(Exception):
    """Something that must hold does not."""


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def must(holds: object, text: str) -> None:
    """Say that something holds, or stop here."""
    if not holds:
        raise Failed(text)
    say(f"  ✓ {text}")


class Terminal:
    """A command in a terminal of its own: what it prints, Ctrl-C, and how it ended."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.began, self.output, self.status = time.monotonic(), "", None
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._screen, 65536):
                self.output += chunk.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, text: str, seconds: float) -> float:
        """How many seconds after its start the command had printed `text`."""
        while text not in self.output:
            if self.ended(0) is not None:
                raise Failed(f"it ended with {self.status} before it said “{text}”")
            if time.monotonic() - self.began > seconds:
                raise Failed(f"it did not say “{text}” within {seconds} s")
            select.select([], [], [], 0.05)
        return time.monotonic() - self.began

    def ctrl_c(self) -> None:
        """What a person does."""
        os.write(self._screen, b"\x03")

    def ended(self, seconds: float) -> int | None:
        """The exit status (minus the signal's number, if one ended it); None when it still runs
        after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                return None
            else:
                time.sleep(0.05)
        return self.status


class Smoke:
    """One clone and what is tried in it."""

    def __init__(self, clone: Path, environment: dict[str, str], port: int) -> None:
        self.clone, self.port = clone, port
        self.environment = environment | {"PORT": str(port)}
        self.base, self.receiver = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"

    def run(self) -> None:
        """Everything, in the order in which a stranger would meet it."""
        first = self.start("first start", INSTALL_S)
        self.punch(first.output)
        self.console(first.output)
        self.fresh_credentials()
        self.stop(first, "Ctrl-C", Terminal.ctrl_c, 0)
        must(
            not self.git("status", "--porcelain"),
            "nothing was written outside .venv and the data folder",
        )
        second = self.start("second start", START_S)
        self.stop(
            second, "TERM to make", lambda terminal: os.kill(terminal.pid, signal.SIGTERM), None
        )
        self.lost_worker()
        self.occupied()

    def start(self, name: str, seconds: float) -> Terminal:
        """`make run`, until it says that it runs."""
        self.terminal = Terminal(["make", "run"], self.clone, self.environment)
        self.began_in = self.terminal.wait_for("Ctrl-C stops it", seconds)
        self.terminal.wait_for("/admin/webhooks/delivery/", seconds)
        say(f"  · {name}: {self.began_in:.1f} s")
        return self.terminal

    def punch(self, output: str) -> None:
        """Paste the punch twice; it arrives once in each format, signed."""
        found = re.search(r"^curl .*?\}'$", output, re.DOTALL | re.MULTILINE)
        must(found, "a punch to paste is printed")
        assert found is not None
        pasted = found.group(0).replace("curl ", "curl -sS ", 1)
        for time_of in ("first", "second"):
            said = subprocess.run(
                ["bash", "-c", pasted], capture_output=True, text=True, check=False
            ).stdout
            must(said == '{"ok":true}', f"the {time_of} paste is answered with {said}")
        arrivals = self.arrivals(2)
        time.sleep(2)
        arrivals = self.arrivals(2)
        must(len(arrivals) == 2, "sent twice, it arrives once in each format")
        must(
            {one["mode"] for one in arrivals} == {"standard", "cams"},
            "as the standard event and in the Cams form",
        )
        must(
            all(one["verified"] and not one["problems"] for one in arrivals),
            "both signatures verify, both shapes are right",
        )
        standard = next(one["event"]["data"] for one in arrivals if one["mode"] == "standard")
        must(standard["employee"]["code"] == "1001", "it is Asha's")

    def arrivals(self, wanted: int) -> list[dict[str, Any]]:
        """What the receiver got, once there is as much as wanted or 20 s have passed."""
        deadline = time.monotonic() + 20
        while True:
            with urllib.request.urlopen(f"{self.receiver}/received", timeout=5) as reply:
                arrivals: list[dict[str, Any]] = json.load(reply)
            if len(arrivals) >= wanted or time.monotonic() > deadline:
                return arrivals
            time.sleep(0.1)

    def console(self, output: str) -> None:
        """Sign in with what is printed, and find the punch and its deliveries."""
        username, password = re.search(r"Sign in: +(\S+) / (\S+)", output).groups()  # type: ignore[union-attr]
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(f"{self.base}/admin/login/", timeout=20).read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
        form = {
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": token,
            "next": "/admin/",
        }
        browser.open(
            f"{self.base}/admin/login/", urllib.parse.urlencode(form).encode(), timeout=20
        ).read()
        must(
            "sessionid" in {cookie.name for cookie in jar},
            "the printed account signs in to the console",
        )
        page = browser.open(f"{self.base}/admin/attendance/punch/", timeout=20).read().decode()
        must("Asha Verma" in page, "the console shows the punch")
        page = browser.open(f"{self.base}/admin/webhooks/delivery/", timeout=20).read().decode()
        must("Demo receiver" in page, "the console shows its deliveries")

    def fresh_credentials(self) -> None:
        """`manage.py demo --json`, as it stands, beside the running demo."""
        shell = {name: value for name, value in self.environment.items() if name != "PORT"}
        said = subprocess.run(
            [".venv/bin/python", "manage.py", "demo", "--json"],
            cwd=self.clone,
            env=shell,
            capture_output=True,
            text=True,
            check=False,
        )
        credentials = json.loads(said.stdout.splitlines()[-1])
        must(
            credentials["base_url"] == self.base, "manage.py demo --json knows where the demo runs"
        )
        body = {
            "user_id": "EMP001",
            "att_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "att_state": 2,
            "input_type": 50,
        }
        device = credentials["device"]
        request = urllib.request.Request(
            f"{self.base}/api/attendance/v1/punch",
            json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "sn": device["sn"],
                "auth-token": device["auth_token"],
            },
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            must(reply.read() == b'{"ok":true}', "and its token opens the device channel")

    def stop(
        self, terminal: Terminal, how: str, act: Callable[[Terminal], None], status: int | None
    ) -> None:
        """End it one way, and look for what is left."""
        began = time.monotonic()
        act(terminal)
        ended = terminal.ended(STOP_S + 5)
        took = time.monotonic() - began
        must(ended is not None and took < STOP_S, f"{how} ends it within {STOP_S} s ({took:.1f} s)")
        if status is not None:
            must(ended == status, f"with status {status}")
            must("***" not in terminal.output, "and no complaint of make")
        self.nothing_left()

    def nothing_left(self) -> None:
        """No process of the clone and nobody on its ports."""
        deadline = time.monotonic() + 3
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        must(not left, f"nothing is left behind{''.join(f'; {one}' for one in left.values())}")
        for port in (self.port, self.port + 1):
            with socket.socket() as probe:
                must(probe.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is free")

    def processes(self) -> dict[int, str]:
        """Who runs from the clone."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                cwd = (folder / "cwd").readlink()
                line = (
                    (folder / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode(errors="replace")
                    .strip()
                )
                if line and (cwd == self.clone or self.clone in cwd.parents):
                    found[int(folder.name)] = line
        return found

    def lost_worker(self) -> None:
        """A part that dies takes the rest with it, and is named."""
        terminal = self.start("third start", START_S)
        worker = min(pid for pid, line in self.processes().items() if "celery" in line)
        os.kill(worker, signal.SIGKILL)
        must(
            terminal.ended(STOP_S + 5) not in (0, None),
            "when the worker dies, make run ends with an error",
        )
        must("The worker ended by itself" in terminal.output, "that names it")
        self.nothing_left()

    def occupied(self) -> None:
        """A port in use is said at once, in a sentence."""
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", self.port))
            other.listen()
            terminal = Terminal(["make", "run"], self.clone, self.environment)
            must(terminal.ended(START_S) not in (0, None), "an occupied port ends it with an error")
            must(f"Port {self.port} cannot be used" in terminal.output, "that says which port")
        self.terminal = terminal

    def git(self, *arguments: str) -> str:
        """What git says in the clone."""
        if not (self.clone / ".git").exists():
            return ""
        return subprocess.run(
            ["git", *arguments], cwd=self.clone, capture_output=True, text=True, check=True
        ).stdout

    def clean_up(self) -> None:
        """After a failure: end what this run started, by its ids."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def make_clone(folder: Path, *, tree: bool) -> Path:
    """The last commit, or with `tree` every file that git would know."""
    clone = folder / "muster"
    if not tree:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        return clone
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = (
        subprocess.run(listed, cwd=ROOT, capture_output=True, check=True)
        .stdout.decode()
        .split("\0")
    )
    for name in filter(None, names):
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    return clone


def port_pair() -> int:
    """A free port whose neighbour is free too."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
        return port


@contextlib.contextmanager
def servers(scratch: Path) -> Iterator[dict[str, str] | str]:
    """The environment that leads to a PostgreSQL and a Redis of this run, or why there is none."""
    redis = shutil.which("redis-server")
    with postgres(scratch) as server:
        if not isinstance(server, Server) or redis is None:
            yield server if isinstance(server, str) else "redis-server is not installed"
            return
        port = free_port()
        process = subprocess.Popen(
            [
                redis,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(scratch),
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield {
                "DATABASE_URL": server.url,
                "BROKER_URL": f"redis://127.0.0.1:{port}/0",
                "MUSTER_LIMITS_CACHE_URL": f"redis://127.0.0.1:{port}/1",
            }
        finally:
            process.terminate()
            process.wait()


def main() -> int:
    """Exit status 0 when everything holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", action="store_true")
    parser.add_argument("--tree", action="store_true")
    options = parser.parse_args()
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in IGNORED_ENVIRONMENT and not name.startswith("MUSTER_")
    }
    with (
        tempfile.TemporaryDirectory(prefix="muster-smoke-") as folder,
        contextlib.ExitStack() as stack,
    ):
        where = stack.enter_context(servers(Path(folder))) if options.servers else {}
        if isinstance(where, str):
            say(f"SKIPPED: {where}")
            return 0
        smoke = Smoke(make_clone(Path(folder), tree=options.tree), own | where, port_pair())
        try:
            smoke.run()
        except Failed as failure:
            say(f"  ✗ {failure}\n\n{smoke.terminal.output[-4000:]}")
            return 1
        finally:
            smoke.clean_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())
