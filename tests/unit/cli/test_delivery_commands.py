"""`up`, `delete`, `approve`, `status` as far as they go without a server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lateen.cli.gathering import InvalidDocuments, read_files
from lateen.cli.main import cli
from lateen.cli.submitting import end_with
from lateen.client.documents import write_yaml
from lateen.client.errors import NoWorker
from support.applications import application


@pytest.fixture
def nowhere() -> dict[str, str]:
    """An environment whose Temporal server and hub do not exist."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    keep = {key: value for key, value in os.environ.items() if not key.startswith("TEMPORAL_")}
    return {**keep, "TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "KUBECONFIG": "/nonexistent"}


def write(path: Path, *documents: Any) -> Path:
    path.write_text(write_yaml(documents))
    return path


def invoke(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


class TestGathering:
    def test_reads_files_directories_and_the_namespace(self, tmp_path: Path) -> None:
        anonymous = application("first")
        del anonymous["metadata"]["namespace"]
        write(tmp_path / "one.yaml", anonymous)
        folder = tmp_path / "more"
        folder.mkdir()
        write(folder / "two.yaml", application("second"), policy("north"))
        found = read_files([tmp_path / "one.yaml", folder], namespace="prod")
        assert [each.id for each in found.applications] == ["prod/first", "default/second"]
        assert [each.metadata.name for each in found.external] == ["north"]

    def test_everything_that_is_wrong_is_told_at_once(self, tmp_path: Path) -> None:
        unknown = application("first")
        unknown["spec"]["components"][0]["properties"] = {"imagee": "nginx"}
        files = [
            write(tmp_path / "a.yaml", unknown),
            write(tmp_path / "b.yaml", {"kind": "Nothing"}),
            tmp_path / "missing.yaml",
            write(tmp_path / "c.yaml", application("good")),
        ]
        with pytest.raises(InvalidDocuments) as caught:
            read_files(files, namespace="default")
        message = str(caught.value)
        assert all(word in message for word in ("imagee", "b.yaml", "missing.yaml"))

    def test_an_application_given_twice_is_refused(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a.yaml", application("same"))
        with pytest.raises(InvalidDocuments, match="default/same is given twice"):
            read_files([file, file], namespace="default")


def policy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name, "namespace": "default"},
        "type": "topology",
        "properties": {"clusters": ["a"]},
    }


class TestUsage:
    def test_up_wants_files_or_a_name(self, tmp_path: Path) -> None:
        assert invoke("up").exit_code == 2
        file = write(tmp_path / "a.yaml", application("a"))
        assert invoke("up", "a", "-f", str(file)).exit_code == 2

    def test_a_wrong_duration_is_named(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a.yaml", application("a"))
        result = invoke("up", "-f", str(file), "--timeout", "soon")
        assert (result.exit_code, "'soon'" in result.stderr) == (2, True)

    def test_the_exit_codes_are_documented(self) -> None:
        text = invoke("up", "--help").stdout
        assert "Exit codes:" in text
        for line in ("0    delivered", "3    unchanged", "4    waiting", "8    not finished"):
            assert line in text

    @pytest.mark.parametrize(
        "arguments",
        [
            ("up", "web", "--revision", ""),
            ("approve", "web", "--plan", ""),
            ("reject", "web", "--run", " "),
            ("workflow", "rollback", "web", "--to", ""),
            ("workflow", "restart", "web", "--step", ""),
            ("workflow", "resume", "web", "--step", ""),
        ],
    )
    def test_an_empty_value_does_not_mean_any(self, arguments: tuple[str, ...]) -> None:
        """A script's variable that is unset must not roll back, run every step or approve any plan."""
        result = invoke(*arguments)
        assert (result.exit_code, "is empty; leave the option out" in result.stderr) == (2, True)

    @pytest.mark.parametrize(
        "command",
        [
            ("status",),
            ("approvals",),
            ("history",),
            ("delete", "-y"),
            ("workflow", "resume"),
            ("revision", "show"),
        ],
    )
    def test_a_namespace_is_no_part_of_a_name(self, command: tuple[str, ...]) -> None:
        result = invoke(*command, "prod/web")
        assert (result.exit_code, "write `web -n prod`" in result.stderr) == (2, True)

    def test_a_mistyped_command_is_told_the_right_one(self) -> None:
        result = invoke("stats")
        assert (result.exit_code, "Did you mean 'status'?" in result.stderr) == (2, True)
        assert "Did you mean" not in invoke("frobnicate").stderr

    def test_nothing_to_deliver_is_said(self) -> None:
        result = invoke("up", "-f", "-", stdin="")
        assert (result.exit_code, "nothing to deliver" in result.stderr) == (0, True)


class TestNobodyAnswers:
    """No worker answered a command that steers."""

    @staticmethod
    def ends_with(error: NoWorker) -> Any:
        async def unanswered() -> None:
            raise error

        with pytest.raises(SystemExit) as ended:
            end_with(unanswered(), application="prod/web")
        return ended.value.code

    def test_what_was_submitted_goes_on(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.ends_with(NoWorker("begins when one answers", submitted=True)) == 8
        assert capsys.readouterr().out == "prod/web: error: begins when one answers\n"

    def test_what_was_not_is_an_error(self) -> None:
        with pytest.raises(NoWorker):
            self.ends_with(NoWorker("nothing was submitted"))


def run(nowhere: dict[str, str], *arguments: str) -> tuple[int, str, float]:
    """Run the real command; return its code, what it said on stderr, and the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "lateen.cli", *arguments],
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert not done.stdout
    return done.returncode, done.stderr, time.monotonic() - began


class TestWithoutServer:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("status", "web"),
            ("ls", "-A"),
            ("approve", "web"),
            ("reject", "web", "-m", "no"),
            ("delete", "web", "-y"),
        ],
    )
    def test_one_clear_sentence(self, nowhere: dict[str, str], arguments: tuple[str, ...]) -> None:
        code, said, _ = run(nowhere, *arguments)
        assert code == 1
        assert said.startswith("Error: no Temporal server answers at 127.0.0.1:")
        assert said.count("\n") == 1

    def test_up_says_so_before_it_writes_to_the_hub(
        self, nowhere: dict[str, str], tmp_path: Path
    ) -> None:
        """The Policy would go to the hub first; without Temporal it is not even tried."""
        file = write(tmp_path / "a.yaml", policy("north"), application("a"))
        code, said, seconds = run(nowhere, "up", "-f", str(file))
        assert (code, "no Temporal server" in said) == (1, True)
        assert seconds < 5

    def test_help_loads_nothing_heavy(self, nowhere: dict[str, str]) -> None:
        for command in (
            "up",
            "status",
            "ls",
            "approve",
            "delete",
            "dry-run",
            "history",
            "watch",
            "approvals",
        ):
            script = (
                "import sys\nfrom click.testing import CliRunner\nfrom lateen.cli.main import cli\n"
                f"assert CliRunner().invoke(cli, [{command!r}, '--help']).exit_code == 0\n"
                "heavy = {'temporalio', 'kubernetes', 'aiohttp', 'rich', 'pydantic', 'yaml'}\n"
                "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
            )
            done = subprocess.run(
                [sys.executable, "-c", script], env=nowhere, capture_output=True, check=False
            )
            assert (command, done.stderr) == (command, b"")
