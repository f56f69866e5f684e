"""Debug policies, which KubeVela's command line adds: nothing of theirs applies here."""

from __future__ import annotations

from lateen.model.base import Model

DEBUG = "debug"


class DebugProperties(Model):
    """Accepted without effect: `lateen dry-run` shows what would be sent."""
