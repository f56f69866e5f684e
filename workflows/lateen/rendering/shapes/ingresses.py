"""Ingresses, and the Services that they route to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lateen.rendering.shapes.ports import component_selector, port_name, service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lateen.model.base import Json

CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def ingress(
    name: str,
    *,
    service: str,
    domain: str | None,
    http: Mapping[str, int],
    path_type: str = "ImplementationSpecific",
) -> Json:
    """Return an Ingress that routes each path to a port of the Service, in the order of the paths."""
    paths = [
        {
            "path": path,
            "pathType": path_type,
            "backend": {"service": {"name": service, "port": {"number": port}}},
        }
        for path, port in sorted(http.items())
    ]
    rule: dict[str, Any] = {"http": {"paths": paths}}
    if domain is not None:
        rule["host"] = domain
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [rule]},
    }


def routed_service(
    name: str, *, component: str, http: Mapping[str, int], named: bool = True
) -> Json:
    """Return a Service with each port of ``http`` once.

    Ports are ``named`` in any case where there are several: API servers insist on that.
    """
    numbers = sorted(set(http.values()))
    ports: list[Json] = [{"port": port, "targetPort": port} for port in numbers]
    if named or len(ports) > 1:
        ports = [{"name": port_name(port["port"]), **port} for port in ports]
    return service(name, selector=component_selector(component), ports=ports)
