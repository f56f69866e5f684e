"""Temporal's own server on PostgreSQL, in the place of the dev server of a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
from typing_extensions import override

from lateen.local.errors import CommandFailed
from lateen.local.finding import Toolbox
from lateen.local.processes import PidFile, answers, free_ports, run
from lateen.local.progress import Progress
from lateen.local.services import TemporalPorts, TemporalServer
from lateen.local.stack import Stack
from lateen.local.toolsets import TEMPORAL, Toolset
from support.postgres import USER, Postgres

SERVER = Toolset(
    name="temporal-server",
    version="1.29.7",
    packages={
        "temporal-server": "go.temporal.io/server/cmd/server",
        "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
    },
    minimum=(1, 29),
    minutes=1,
    module=TEMPORAL.module,
    version_pattern=r"temporal(?:-sql-tool)? version v?(\d+)\.(\d+)",
    install="Temporal's server and its SQL tool, 1.29 or newer",
)
"""The server that the dev server has inside: nearly all of its packages are compiled by then."""

_DATABASES = {"temporal": "temporal", "visibility": "temporal_visibility"}
"""The schema that each database gets."""

_SERVICES = ("frontend", "history", "matching", "worker")


class TemporalOnPostgres(TemporalServer):
    """Four services in one process, four history shards, two databases."""

    def __init__(
        self, home: Path, *, toolbox: Toolbox, progress: Progress, database: Postgres
    ) -> None:
        super().__init__(home, toolbox=toolbox, progress=progress)
        self._database = database
        self._inner = dict(zip(_listeners(), free_ports(len(_listeners())), strict=True))

    @override
    def start(self, *, may_move: bool = False) -> None:
        self._database.start()
        if not self.started_before:
            for schema, database in _DATABASES.items():
                self._make_database(database, schema)
        super().start(may_move=may_move)

    def process(self) -> psutil.Process | None:
        """Return the server's process, if it runs."""
        return PidFile(self._home / "temporal.pid").process()

    def kill(self) -> None:
        """End it as a power cut would."""
        process = self.process()
        assert process is not None, "Temporal does not run"
        process.kill()
        process.wait(timeout=10)

    def _make_database(self, database: str, schema: str) -> None:
        tool = self._toolbox.find(SERVER).paths["temporal-sql-tool"]
        where = ("--plugin", "postgres12", "--ep", "127.0.0.1", "-p", str(self._database.port))
        common = [str(tool), *where, "-u", USER, "--db", database]
        run([*common, "create"], timeout=60)
        run([*common, "setup-schema", "-v", "0.0"], timeout=60)
        run([*common, "update-schema", "--schema-name", f"postgresql/v12/{schema}"], timeout=60)

    @override
    def _command(self, program: Path, ports: TemporalPorts) -> list[str]:
        (self._home / "server.yaml").write_text(json.dumps(self._settings(ports)))
        server = self._toolbox.find(SERVER).paths["temporal-server"]
        where = ("--root", str(self._home), "--config", ".", "--env", "server")
        return [str(server), *where, "--allow-no-auth", "start"]

    def _settings(self, ports: TemporalPorts) -> dict[str, Any]:
        """Return the server's configuration: JSON is YAML."""
        address = f"127.0.0.1:{ports.server}"
        listening = {**self._inner, "frontend-grpc": ports.server}
        services = {
            name: {
                "rpc": {
                    "grpcPort": listening[f"{name}-grpc"],
                    "membershipPort": listening[f"{name}-membership"],
                    "bindOnIP": "127.0.0.1",
                }
            }
            for name in _SERVICES
        }
        cluster = {
            "enabled": True,
            "initialFailoverVersion": 1,
            "rpcName": "frontend",
            "rpcAddress": address,
        }
        return {
            "log": {"stdout": True, "level": "warn"},
            "persistence": {
                "defaultStore": "temporal",
                "visibilityStore": "visibility",
                "numHistoryShards": 4,
                "datastores": {
                    name: {"sql": self._store(database)} for name, database in _DATABASES.items()
                },
            },
            "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
            "services": services,
            "clusterMetadata": {
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {"active": cluster},
            },
            "dcRedirectionPolicy": {"policy": "noop"},
        }

    def _store(self, database: str) -> dict[str, Any]:
        return {
            "pluginName": "postgres12",
            "databaseName": database,
            "connectAddr": f"127.0.0.1:{self._database.port}",
            "connectProtocol": "tcp",
            "user": USER,
            "maxConns": 20,
            "maxIdleConns": 20,
        }

    @override
    def _ready(self) -> bool:
        """Make the default namespace; that it can't be made twice says that it is there."""
        if not answers(self._known_ports().server):
            return False
        command = [str(self._toolbox.path(TEMPORAL)), "operator", "namespace"]
        where = ("--namespace", "default", "--address", self.address)
        try:
            run([*command, "describe", *where], timeout=10)
        except CommandFailed as error:
            if "not found" in str(error):
                run([*command, "create", *where, "--retention", "72h"], timeout=20)
            return False
        return True


class PostgresStack(Stack):
    """A stack whose Temporal is the server on PostgreSQL."""

    def __init__(self, state_dir: Path, *, database: Postgres) -> None:
        super().__init__(state_dir)
        self.database = database
        self.server = TemporalOnPostgres(
            self.state_dir, toolbox=self.toolbox, progress=self._progress, database=database
        )
        self._temporal = self.server


def _listeners() -> list[str]:
    return [f"{service}-{kind}" for service in _SERVICES for kind in ("grpc", "membership")]
