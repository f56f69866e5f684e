"""What a template finds under ``context``: KubeVela's names for what lateen knows while rendering."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lateen.model.base import Json
    from lateen.rendering.context import RenderContext

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def template_context(context: RenderContext, *, output: Json | None = None) -> Json:
    """Return the context of a component's template, or with the ``output`` so far that of a trait's.

    A plan renders before its revision has a name: it then is number 0, so that templates that take the name
    apart find all of it.
    """
    found: Json = {
        "name": context.name,
        "appName": context.application,
        "namespace": context.namespace,
        "revision": context.component_revision,
        "replicaKey": context.replica_key,
        "appLabels": dict(context.application_labels),
        "appAnnotations": dict(context.application_annotations),
        "publishVersion": context.publish_version,
        "workflowName": context.workflow_name,
    }
    if output is not None:
        found["output"] = output
    if context.outputs:
        found["outputs"] = dict(context.outputs)
    if context.target is not None:
        revision = context.target.revision or f"{context.application}-v0"
        number = revision.rpartition("-v")[2]
        found |= {
            "appRevision": revision,
            "appRevisionNum": int(number) if number.isdecimal() else 0,
            "cluster": context.target.cluster,
            "clusterVersion": _cluster_version(context.target.git_version),
        }
    return found


def _cluster_version(git_version: str) -> Json:
    """Take a version apart; of a cluster whose version nobody knows, a recent one is assumed."""
    known = _VERSION.match(git_version)
    major, minor = (known[1], known[2]) if known else ("1", "30")
    return {
        "major": major,
        "minor": int(minor),
        "gitVersion": git_version or "v1.30.0",
        "platform": "linux/amd64",
    }
