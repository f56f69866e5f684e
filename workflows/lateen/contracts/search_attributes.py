"""The search attributes of an application's workflow; ``lateen install --temporal`` registers them.

SQL visibility stores have 10 Keyword and 3 KeywordList columns a namespace: these spend four and one.
"""

from __future__ import annotations

from temporalio.common import SearchAttributeKey

APPLICATION = SearchAttributeKey.for_keyword("LateenApplication")
REVISION = SearchAttributeKey.for_keyword("LateenRevision")
PHASE = SearchAttributeKey.for_keyword("LateenPhase")
WAITING_FOR = SearchAttributeKey.for_keyword("LateenWaitingFor")
CLUSTERS = SearchAttributeKey.for_keyword_list("LateenClusters")

MOST_CLUSTERS = 50
"""How many cluster names are indexed; the rest is cut, since every value costs the store a row."""

ALL: tuple[tuple[str, str], ...] = (
    (APPLICATION.name, "Keyword"),
    (REVISION.name, "Keyword"),
    (PHASE.name, "Keyword"),
    (WAITING_FOR.name, "Keyword"),
    (CLUSTERS.name, "KeywordList"),
)
"""Name and type of each, for registration."""
