"""What clusters may be called and labelled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lateen.hub.cluster_errors import InvalidRegistration, ReservedCluster
from lateen.hub.registrations import RESERVED_PREFIX
from lateen.model.errors import shorten
from lateen.model.labels import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LONGEST = 63
_LONGEST_PREFIX = 253


def check_name(name: str, *, doing: str) -> None:
    """Raise unless a cluster may have this name: a DNS name that also fits a label's value."""
    if name == LOCAL:
        raise ReservedCluster(doing)
    if not name:
        raise InvalidRegistration("the cluster's name is empty; pass --name")
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise InvalidRegistration(
            f"cluster name {shorten(name)} is not valid: expected at most {_LONGEST} lower-case"
            " letters,"
            " digits, '-' and '.', beginning and ending with a letter or digit; choose one with"
            " --name"
        )


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise for what Kubernetes refuses as a label, and for labels that describe the registration."""
    for key, value in labels.items():
        prefix, slash, word = key.rpartition("/")
        prefixed = not slash or (len(prefix) <= _LONGEST_PREFIX and _NAME.fullmatch(prefix))
        if not prefixed or len(word) > _LONGEST or not _WORD.fullmatch(word):
            raise InvalidRegistration(
                f"label key {shorten(key)} is not valid: expected [PREFIX/]NAME with at most"
                f" {_LONGEST}"
                " letters, digits, '-', '_' and '.' in NAME"
            )
        if key.startswith(RESERVED_PREFIX):
            raise InvalidRegistration(
                f"label {key!r} is reserved: labels below {RESERVED_PREFIX} describe the"
                " registration"
                " itself; choose another key"
            )
        if value and (len(value) > _LONGEST or not _WORD.fullmatch(value)):
            raise InvalidRegistration(
                f"value {shorten(value)} of label {key!r} is not valid: expected at most"
                f" {_LONGEST} letters,"
                " digits, '-', '_' and '.'"
            )


def check_alias(alias: str) -> None:
    """Raise for an alias that a terminal or table can't show on one line."""
    if len(alias) > _LONGEST_PREFIX or not (alias.isprintable()):
        raise InvalidRegistration(
            f"alias {shorten(alias)} is not valid: expected at most {_LONGEST_PREFIX} printable"
            " characters"
        )
