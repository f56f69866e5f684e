"""Names that Kubernetes accepts, checked before they reach an API server."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

LONGEST_APPLICATION_NAME = 56
"""So that ``<name>-v99999`` still fits the 63 characters of a label's value."""


def is_dns_label(value: str) -> bool:
    """Tell whether a text is an RFC 1123 label, as a namespace has to be."""
    return len(value) <= 63 and _LABEL.fullmatch(value) is not None


def _label(value: str) -> str:
    if not is_dns_label(value):
        raise ValueError("expected at most 63 lower-case letters, digits and '-' (a DNS label)")
    return value


def _application_name(value: str) -> str:
    if len(value) > LONGEST_APPLICATION_NAME or not _SUBDOMAIN.fullmatch(value):
        raise ValueError(
            f"expected at most {LONGEST_APPLICATION_NAME} lower-case letters, digits, '-' and '.'"
        )
    return value


def is_subdomain(value: str) -> bool:
    """Tell whether a text is an RFC 1123 subdomain, as most names have to be."""
    return len(value) <= 253 and _SUBDOMAIN.fullmatch(value) is not None


def _subdomain(value: str) -> str:
    if not is_subdomain(value):
        raise ValueError("expected at most 253 lower-case letters, digits, '-' and '.'")
    return value


def names_application(namespace: str, name: str) -> bool:
    """Tell whether there can be an application of this name in a namespace of this name."""
    try:
        _label(namespace)
        _application_name(name)
    except ValueError:
        return False
    return True


DnsLabel = Annotated[str, AfterValidator(_label)]
"""RFC 1123 label: namespaces and components."""

ApplicationName = Annotated[str, AfterValidator(_application_name)]
"""RFC 1123 subdomain, short enough to be a label's value with a revision behind it."""

Subdomain = Annotated[str, AfterValidator(_subdomain)]
"""RFC 1123 subdomain: most object names."""
