"""What ``up`` and ``dry-run`` are asked to work on: files, standard input, or what the hub stores."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lateen.cli.connecting import open_hub
from lateen.model import kubevela
from lateen.model.application import Application
from lateen.model.errors import InvalidApplication, InvalidManifest, LateenError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from lateen.kube.cluster import Cluster
    from lateen.model.application import Definition, Policy, Workflow
    from lateen.model.base import Json


class InvalidDocuments(LateenError):
    """At least one document is wrong; nothing of any was submitted."""


@dataclass(frozen=True)
class Documents:
    """What was read, in its order: Applications, and the other objects that they may refer to."""

    applications: Sequence[Application]
    external: Sequence[Definition | Policy | Workflow]


def read_files(paths: Iterable[Path], *, namespace: str) -> Documents:
    """Read files, directories and ``-``; everything that is wrong anywhere is told at once.

    Raises ``InvalidDocuments``.
    """
    from lateen.client.documents import LARGEST, read_documents, read_path

    documents: list[Application | Definition | Policy | Workflow] = []
    problems: list[str] = []
    for path in paths:
        try:
            if str(path) == "-":
                text = sys.stdin.buffer.read(LARGEST + 1)
                documents += read_documents(
                    text, source="standard input", default_namespace=namespace
                )
            else:
                documents += read_path(path, default_namespace=namespace)
        except (InvalidApplication, InvalidManifest) as error:
            problems.append(str(error))
    applications = [document for document in documents if isinstance(document, Application)]
    problems += _wrong(applications)
    external = [document for document in documents if not isinstance(document, Application)]
    problems += _unusable(external)
    if problems:
        raise InvalidDocuments("\n".join(problems))
    return Documents(applications, external)


async def read_stored(name: str, *, namespace: str, hub_kubeconfig: Path | None) -> Documents:
    """Read an application that the hub stores. Raises ``InvalidDocuments``, ``HubUnreachable``."""
    from lateen.hub.applications import Applications
    from lateen.model.parsing import parse_application

    async with open_hub(hub_kubeconfig) as hub:
        stored = await Applications(hub).read(namespace, name)
    if stored is None:
        raise InvalidDocuments(
            f"the hub stores no application {name!r} in namespace {namespace!r};"
            " name its namespace with -n, or deliver a file with -f"
        )
    application = parse_application(stored)
    # What the API server and KubeVela added is none of the user's words.
    metadata = application.metadata
    plain = metadata.model_validate(
        {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": _without(metadata.labels, kubevela.LABELS),
            "annotations": _without(metadata.annotations, kubevela.ANNOTATIONS),
        }
    )
    application = application.model_copy(update={"metadata": plain})
    problems = _wrong([application])
    if problems:
        raise InvalidDocuments("\n".join(problems))
    return Documents([application], [])


def refuse_secrets(documents: Documents) -> None:
    """Refuse contents of Secrets in any document. Raises ``InvalidDocuments`` with all of them."""
    from lateen.planning.inline_secrets import policy_object_secrets, refuse_inline_secrets

    problems: list[str] = []
    for application in documents.applications:
        try:
            refuse_inline_secrets(application)
        except InvalidApplication as error:
            problems.append(str(error))
    for document in documents.external:
        if document.kind == "Policy" and (found := policy_object_secrets(document)):
            subject = f"Policy {document.metadata.namespace}/{document.metadata.name}"
            problems.append(str(InvalidApplication(found, subject=subject)))
    if problems:
        raise InvalidDocuments("\n".join(problems))


def credential_warnings(applications: Iterable[Application]) -> list[str]:
    """Return warnings for variables that look like credentials in the clear."""
    from lateen.planning.inline_secrets import credential_variables

    return [
        f"{application.id}: {warning}"
        for application in applications
        for warning in credential_variables(application)
    ]


def _without(entries: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in entries.items() if key not in keys}


def _wrong(applications: Sequence[Application]) -> list[str]:
    """Return everything that is certain to fail, so that nothing is submitted beside it."""
    from lateen.planning.checking import check_application
    from lateen.rendering.plugins import installed

    problems: list[str] = []
    seen: set[str] = set()
    for application in applications:
        if application.id in seen:
            problems.append(f"Application {application.id} is given twice")
        seen.add(application.id)
        try:
            check_application(application, installed().opened())
        except InvalidApplication as error:
            problems.append(str(error))
    return problems


def _unusable(documents: Sequence[Definition | Policy | Workflow]) -> list[str]:
    """Return why definitions can't be used, as far as that needs no evaluation."""
    from lateen.cli.types import used_definition
    from lateen.definitions.objects import read_definition
    from lateen.model.application import Definition

    problems: list[str] = []
    for document in documents:
        if isinstance(document, Definition):
            try:
                read_definition(used_definition(document))
            except InvalidApplication as error:
                problems.append(str(error))
    return problems


async def refuse_unknown_types(documents: Documents, *, hub_kubeconfig: Path | None) -> None:
    """Ask the hub for types that lateen doesn't have, if there are any and if the hub answers.

    Nobody needs a hub to deliver: without an answer the delivery finds out. Raises ``InvalidDocuments``.
    """
    from lateen.planning.provenance import foreign_types
    from lateen.rendering.plugins import installed

    asking = [each for each in documents.applications if any(foreign_types(each, (), installed()))]
    if not asking:
        return
    given = [document.to_json() for document in documents.external]
    problems: list[str] = []
    try:
        async with open_hub(hub_kubeconfig) as hub:
            for application in asking:
                problems += await _unknown_types(hub, application, given)
    except LateenError:
        return
    if problems:
        raise InvalidDocuments("\n".join(problems))


async def _unknown_types(
    hub: Cluster, application: Application, given: Sequence[Json]
) -> list[str]:
    from lateen.cli.types import types_of
    from lateen.hub.definitions import Definitions
    from lateen.model.records import Snapshot
    from lateen.planning.checking import unknown_types
    from lateen.rendering.plugins import installed

    snapshot = Snapshot(application=application.to_json())
    completed = await Definitions(hub).complete(snapshot, installed(), given=given)
    types = types_of(completed.snapshot, mentioned=completed.mentioned)
    found = list(unknown_types(application, types))
    subject = f"Application {application.id}"
    return [str(InvalidApplication(found, subject=subject))] if found else []
