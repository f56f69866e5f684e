"""``lateen logs``, ``exec`` and ``port-forward`` against real API servers, as people use them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from support.platforms import BEIJING, HANGZHOU_1, Platform, application, unique
from support.terminals import Terminal

COMMAND = [sys.executable, "-m", "lateen.cli"]


@dataclass
class Running:
    """A command that goes on, and the lines that it has written by now."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def until(self, text: str, *, within: float = 60) -> str:
        """Wait for a line with a text and return it."""
        deadline = time.monotonic() + within
        while True:
            for line in list(self.lines):
                if text in line:
                    return line
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.05)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)


@dataclass
class Reach:
    """An application in two clusters, and the command."""

    platform: Platform
    name: str

    def env(self) -> dict[str, str]:
        return {**os.environ, **self.platform.stack.environment(), "LATEEN_NAMESPACE": "examples"}

    def run(
        self, verb: str, *arguments: str, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        found = subprocess.run(
            [*COMMAND, verb, self.name, *arguments],
            env=self.env(),
            input=stdin.decode(),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert "Traceback" not in found.stderr, found.stderr
        return found

    def start(self, verb: str, *arguments: str) -> Running:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            process = subprocess.Popen(
                [*COMMAND, verb, self.name, *arguments],
                env=self.env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)
        return Running(process)

    def terminal(self, verb: str, *arguments: str, columns: int = 80, lines: int = 24) -> Terminal:
        command = [*COMMAND, verb, self.name, *arguments]
        return Terminal(command, self.env(), columns=columns, lines=lines)

    def log(self, text: str, *, cluster: str = BEIJING) -> None:
        """Write a line as every container of a cluster."""
        home = self.platform.stack.kubeconfig(cluster).parent.parent
        path = home / "configurations" / cluster / "container.log"
        time_text = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        with path.open("a") as file:
            file.write(f"{time_text} stdout F {text}\n")

    def pods(self, cluster: str = BEIJING) -> list[str]:
        path = f"/api/v1/namespaces/examples/pods?labelSelector=app.oam.dev/name={self.name}"
        items = self.platform.api(cluster).get(path)["items"]
        return [item["metadata"]["name"] for item in items]


@pytest.fixture(scope="module")
def reach(platform: Platform) -> Iterator[Reach]:
    """An application with a Service, in two clusters."""
    name = unique("reach")
    wanted = application(name, clusters=[BEIJING, HANGZHOU_1])
    wanted["spec"]["components"][0]["traits"] = [{"type": "expose", "properties": {"port": [80]}}]
    asyncio.run(platform.deliver(wanted))
    yield Reach(platform, name)
    asyncio.run(platform.delete(name))


def test_logs_of_every_cluster_are_shown_with_pod_container_and_time(reach: Reach) -> None:
    found = reach.run("logs", "--all")
    assert found.returncode == 0, found.stderr
    pattern = rf"{BEIJING} {reach.name}-\S+ {reach.name} \d{{4}}-\d\d-\d\dT\S+Z {BEIJING}: starting"
    assert re.search(pattern, found.stdout)
    assert f"{HANGZHOU_1}: starting" in found.stdout
    assert re.search(rf"^\+ {BEIJING} {reach.name}-\S+ › {reach.name}$", found.stderr, re.MULTILINE)
    one = reach.run("logs", "--cluster", f"{BEIJING}/examples", "--tail", "1", "--no-timestamps")
    assert re.fullmatch(rf"{reach.name}-\S+ {reach.name} {BEIJING}: .*\n", one.stdout)


def test_without_a_terminal_a_choice_is_an_error_that_names_the_flags(reach: Reach) -> None:
    for verb, more in (("logs", ()), ("exec", ("--", "true")), ("port-forward", (":80",))):
        found = reach.run(verb, *more)
        assert found.returncode == 1
        assert f"--cluster {BEIJING}" in found.stderr
        assert f"Cluster: {BEIJING} | Namespace: examples | Kind: Deployment" in found.stderr
        assert ("Kind: Service" in found.stderr) == (verb == "port-forward")


def test_what_is_not_there_is_an_error_with_the_nearest_name(reach: Reach) -> None:
    wrong = reach.run("logs", "--cluster", "cluster-bejing")
    assert (wrong.returncode, f"did you mean '{BEIJING}'" in wrong.stderr) == (1, True)
    wrong = reach.run("logs", "--all", "--container", "side")
    assert (wrong.returncode, f"known: {reach.name}" in wrong.stderr) == (1, True)
    unknown = Reach(reach.platform, f"{reach.name}x").run("exec", "--", "true")
    assert (unknown.returncode, f"did you mean '{reach.name}'" in unknown.stderr) == (1, True)


def test_a_person_chooses_with_the_arrow_keys(reach: Reach) -> None:
    with reach.terminal("logs", columns=160) as terminal:
        terminal.until(b"You have 2 deployed resources in your app. Please choose one:")
        terminal.until(HANGZHOU_1.encode())
        terminal.type(b"\x1b[B\r")
        shown = terminal.until(f"{HANGZHOU_1}: starting".encode())
        assert terminal.wait() == 0
        assert f"{BEIJING}: starting".encode() not in shown


def test_following_goes_on_through_a_restart_of_the_api_server_without_loss_or_repetition(
    reach: Reach,
) -> None:
    following = reach.start("logs", "--cluster", BEIJING, "-f", "--tail", "1")
    following.until("› ")
    first, second = unique("before"), unique("after")
    reach.log(first)
    following.until(first)
    reach.platform.stack.restart_api_server(BEIJING)
    reach.log(second)
    following.until(second)
    time.sleep(2)
    assert following.end() == 130
    for text in (first, second):
        assert sum(text in line for line in following.lines) == 1, following.lines
    assert not any("Traceback" in line for line in following.lines)
    reach.platform.until_controllers_work(BEIJING)


def test_a_pod_that_goes_is_told_and_one_that_comes_joins_in(reach: Reach) -> None:
    (pod,) = reach.pods()
    following = reach.start("logs", "--cluster", BEIJING, "-f", "--tail", "1")
    following.until(f"+ {pod} › ")
    reach.platform.api(BEIJING).delete(f"/api/v1/namespaces/examples/pods/{pod}")
    following.until(f"- {pod} › ")
    deadline = time.monotonic() + 30
    while (others := [name for name in reach.pods() if name != pod]) == []:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    following.until(f"+ {others[0]} › ")
    assert following.end() == 130


def test_a_reader_who_has_seen_enough_ends_it_quietly(reach: Reach) -> None:
    command = " ".join([*COMMAND, "logs", reach.name, "--all", "-f"])
    found = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1"],
        env=reach.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stdout.count("\n") == 1
    assert "Traceback" not in found.stderr
    assert "Broken pipe" not in found.stderr


def test_a_commands_output_and_exit_code_are_ours(reach: Reach) -> None:
    script = "read line; echo got $line in $LATEEN_CLUSTER; echo oops >&2; exit 7"
    found = reach.run("exec", "--cluster", BEIJING, "-i", "--", "sh", "-c", script, stdin=b"it\n")
    assert (found.returncode, found.stdout) == (7, f"got it in {BEIJING}\n")
    assert "oops\n" in found.stderr
    missing = reach.run("exec", "--cluster", BEIJING, "--", "no-such-program")
    assert (missing.returncode, "no such program" in missing.stderr) == (127, True)


def test_a_terminal_is_handed_on_and_given_back(reach: Reach) -> None:
    """Size and its changes, keys as they are typed (Ctrl-C too), exit code, and the modes after it."""
    choice = ("--cluster", BEIJING, "-it", "--", "sh")
    with reach.terminal("exec", *choice, columns=77, lines=33) as terminal:
        terminal.until(b"# ")
        terminal.type(b"stty size\n")
        terminal.until(b"33 77")
        terminal.resize(55, 20)
        deadline = time.monotonic() + 20
        while b"20 55" not in terminal.until(b"# "):
            assert time.monotonic() < deadline
            terminal.type(b"stty size\n")
        terminal.type(b"stty raw -echo; echo re''ady; head -c 1 | od -An -tx1; stty sane; exit 9\n")
        terminal.until(b"ready")
        terminal.type(b"\x03")
        terminal.until(b"03")
        assert terminal.wait() == 9
        assert terminal.modes() == terminal.before


def test_a_terminal_is_given_back_when_we_are_terminated(reach: Reach) -> None:
    with reach.terminal("exec", "--cluster", BEIJING, "-it", "--", "sh") as terminal:
        terminal.until(b"# ")
        assert terminal.modes() != terminal.before
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        assert terminal.modes() == terminal.before


def test_a_port_is_reached_over_both_families_and_through_another_pod(reach: Reach) -> None:
    forward = reach.start("port-forward", "--cluster", BEIJING, "--service", reach.name, ":80")
    port = int(forward.until("Forwarding from 127.0.0.1:").split(":")[1].split()[0])
    forward.until("Forward successfully!")
    addresses = ["127.0.0.1"]
    if any("[::1]" in line for line in forward.lines):
        addresses.append("[::1]")
    for address in addresses:
        with urllib.request.urlopen(f"http://{address}:{port}/healthz", timeout=30) as answer:
            assert answer.read() == b"ok"
    (pod,) = reach.pods()
    reach.platform.api(BEIJING).delete(f"/api/v1/namespaces/examples/pods/{pod}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        assert answer.read() == b"ok"
    forward.until(f"Handling connection for {port}")
    assert forward.end() == 0
    assert not any("Traceback" in line or "Exception" in line for line in forward.lines)


def test_a_port_that_is_taken_is_a_clear_error(reach: Reach) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        choice = ("--cluster", BEIJING, "--resource", f"deployment/{reach.name}")
        found = reach.run("port-forward", *choice, f"{port}:80")
    assert found.returncode == 1
    assert f"port {port} of 127.0.0.1: another process listens there" in found.stderr


async def test_a_cluster_that_is_down_is_named_and_the_others_go_on(reach: Reach) -> None:
    await asyncio.to_thread(reach.platform.stack.stop_cluster, BEIJING)
    try:
        found = await asyncio.to_thread(reach.run, "logs", "--all")
        only = await asyncio.to_thread(reach.run, "logs", "--cluster", BEIJING)
    finally:
        await asyncio.to_thread(reach.platform.stack.start_cluster, BEIJING)
        await asyncio.to_thread(reach.platform.until_controllers_work, BEIJING)
    assert (found.returncode, f"{HANGZHOU_1}: starting" in found.stdout) == (1, True)
    assert f"warning: cluster {BEIJING}" in found.stderr
    assert (only.returncode, f"cluster {BEIJING}" in only.stderr) == (1, True)


def test_a_workload_without_pods_says_so(reach: Reach) -> None:
    path = f"/apis/apps/v1/namespaces/examples/deployments/{reach.name}"
    reach.platform.api(HANGZHOU_1).patch(path, {"spec": {"replicas": 0}})
    deadline = time.monotonic() + 30
    while reach.pods(HANGZHOU_1):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for verb, more in (("logs", ()), ("exec", ("--", "true"))):
        found = reach.run(verb, "--cluster", HANGZHOU_1, *more)
        assert (found.returncode, "has no pods: it may be scaled to 0" in found.stderr) == (1, True)
