"""Labels and annotations that mean something to lateen; KubeVela's names wherever it has one."""

from __future__ import annotations

APP_NAME = "app.oam.dev/name"
APP_NAMESPACE = "app.oam.dev/namespace"
APP_COMPONENT = "app.oam.dev/component"
APP_REVISION = "app.oam.dev/appRevision"
APP_CLUSTER = "app.oam.dev/cluster"
REPLICA_KEY = "app.oam.dev/replicaKey"
RESOURCE_TYPE = "app.oam.dev/resourceType"
COMPONENT_REVISION = "app.oam.dev/revision"
WORKLOAD_TYPE = "workload.oam.dev/type"
TRAIT_TYPE = "trait.oam.dev/type"
TRAIT_RESOURCE = "trait.oam.dev/resource"
DISABLE_HEALTH_CHECK = "app.oam.dev/disable-health-check"
SHARED_BY = "app.oam.dev/shared-by"
"""Annotation of an object: which applications share it (``ns/a,ns/b``); the labels say who owns it."""

RESOURCE_URL = "app.oam.dev/resource-url"
"""Annotation of an object: the URL that it was read from."""

PUBLISH_VERSION = "app.oam.dev/publishVersion"
"""Annotation of an Application: a new value publishes what it is then, the same one nothing new."""

WORKFLOW_NAME = "app.oam.dev/workflowName"
"""Annotation of an Application: how KubeVela's templates know its workflow."""

CREATE_NAMESPACE = "lateen.dev/create-namespace"
"""Annotation of an Application: create namespaces that are missing on a target."""

DRIFT = "lateen.dev/drift"
"""Annotation of an Application: ``report``, ``repair`` or ``off``; wins over the worker's setting."""

FOLLOW_CLUSTERS = "lateen.dev/follow-clusters"
"""Annotation of an Application: deliver by itself to clusters that its topologies match later."""

WITHHELD = "lateen.dev/withheld-content"
"""Annotation of a Secret that was copied from elsewhere: the digest of the content that revisions leave out."""

CREDENTIAL_TYPE = "cluster.core.oam.dev/cluster-credential-type"
ENDPOINT_TYPE = "cluster.core.oam.dev/cluster-endpoint-type"
CONTROL_PLANE = "cluster.core.oam.dev/control-plane"
CLUSTER_ALIAS = "cluster.core.oam.dev/cluster-alias"
CLUSTER_VERSION = "cluster.core.oam.dev/cluster-version"
CLUSTER_UID = "lateen.dev/cluster-uid"
"""Annotation of a cluster's Secret: UID of the member's kube-system namespace, recorded at join."""

LOCAL = "local"
"""The hub's own name as a target."""
