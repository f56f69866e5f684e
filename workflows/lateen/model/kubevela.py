"""What KubeVela's controller leaves on objects for its own use, and nobody else's."""

from __future__ import annotations

PAUSE = "controller.core.oam.dev/pause"
"""Label of an Application that makes KubeVela's controller leave it alone."""

TRACKER_FINALIZER = "app.oam.dev/resource-tracker-finalizer"
"""Finalizer of an Application that only KubeVela's controller removes: a deletion without it hangs."""

ANNOTATIONS = frozenset(
    {
        "app.oam.dev/last-applied-configuration",
        "app.oam.dev/last-applied-time",
        "oam.dev/kubevela-version",
    }
)
LABELS = frozenset({"app.oam.dev/app-revision-hash", "oam.dev/render-hash"})
"""Its records of what it did last. They mean nothing, or the wrong thing, once lateen delivers."""
