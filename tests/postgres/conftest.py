"""Only `make test-postgres` runs these: they need PostgreSQL and Temporal's server, which is built for them."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("LATEEN_TEST_POSTGRES") else ["test_*.py"]
