"""Where Services, Ingresses and routes of the Gateway API can be reached, from their live objects. Pure.

Hosts, ports and paths only. What has no address yet is told with the reason instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lateen.kube.shapes import as_list, as_number, as_object, as_objects, as_text

if TYPE_CHECKING:
    from lateen.model.base import Json

GATEWAY_GROUP = "gateway.networking.k8s.io"

_WEB = {80: "http", 443: "https", 8080: "http", 8443: "https"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ROUTES = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"})


@dataclass(frozen=True, slots=True)
class Address:
    """One address; ``inner`` ones work inside the cluster only. Without ``text`` there is none yet."""

    text: str
    inner: bool = False
    port_name: str = ""
    message: str = ""


def has_addresses(api_version: str, kind: str) -> bool:
    """Tell whether a kind is one that people reach."""
    group = api_version.rpartition("/")[0]
    if not group:
        return kind == "Service"
    if group in {"networking.k8s.io", "extensions"}:
        return kind == "Ingress"
    return group == GATEWAY_GROUP and (kind == "Gateway" or kind in _ROUTES)


def addresses_of(
    live: Json, *, node_addresses: Sequence[str] = (), gateways: Sequence[Json] = ()
) -> list[Address]:
    """Return the addresses of a Service, Ingress, Gateway or route.

    ``node_addresses`` are those of nodes where a Service's pods run, ``gateways`` the parents of a route.
    """
    match as_text(live.get("kind")):
        case "Service":
            return list(_service(live, node_addresses))
        case "Ingress":
            return list(_ingress(live))
        case "Gateway":
            return list(_gateway(live))
        case _:
            return list(_route(live, gateways))


def parents_of(route: Json) -> list[tuple[str, str]]:
    """Return namespace and name of the Gateways that a route is attached to."""
    own = as_text(as_object(route.get("metadata")).get("namespace"))
    return [
        (as_text(parent.get("namespace")) or own, as_text(parent.get("name")))
        for parent in as_objects(as_object(route.get("spec")).get("parentRefs"))
        if as_text(parent.get("kind")) in {"", "Gateway"} and parent.get("name")
    ]


def _service(live: Json, nodes: Sequence[str]) -> Iterator[Address]:
    spec, metadata = as_object(live.get("spec")), as_object(live.get("metadata"))
    ports = as_objects(spec.get("ports"))
    name = f"{as_text(metadata.get('name'))}.{as_text(metadata.get('namespace'))}"
    kind = as_text(spec.get("type")) or "ClusterIP"
    if kind == "ExternalName":
        yield Address(as_text(spec.get("externalName")))
        return
    if kind == "LoadBalancer":
        yield from _balanced(live, ports)
    if kind in {"NodePort", "LoadBalancer"}:
        for port in ports:
            node_port = as_number(port.get("nodePort"))
            for node in nodes if node_port else ():
                yield _at(node, node_port, port)
            if node_port and not nodes and kind == "NodePort":
                why = f"port {node_port} of every node; no pod tells a node's address"
                yield Address("", port_name=as_text(port.get("name")), message=why)
    for port in ports:
        yield _at(name, as_number(port.get("port")), port, inner=True)


def _balanced(live: Json, ports: Sequence[Json]) -> Iterator[Address]:
    hosts = _balancers(live)
    if not hosts:
        yield Address("", message="waits for a load balancer's address")
    for host in hosts:
        for port in ports:
            yield _at(host, as_number(port.get("port")), port)


def _at(host: str, number: int, port: Json, *, inner: bool = False) -> Address:
    """Write an address with its protocol where one is known, as ``http://1.2.3.4``."""
    said = as_text(port.get("appProtocol")).lower()
    service_port = as_number(port.get("port"))
    web = said if said in _DEFAULT_PORTS else _WEB.get(service_port, "")
    transport = as_text(port.get("protocol")).lower()
    text = (
        _url(web, host, number) if web and transport in {"", "tcp"} else f"{_host(host)}:{number}"
    )
    if transport not in {"", "tcp"}:
        text = f"{transport}://{text}"
    return Address(text, inner=inner, port_name=as_text(port.get("name")))


def _ingress(live: Json) -> Iterator[Address]:
    spec = as_object(live.get("spec"))
    secured = {
        host
        for tls in as_objects(spec.get("tls"))
        for host in map(as_text, as_list(tls.get("hosts")))
    }
    balancers = _balancers(live)
    waiting = "" if balancers else "no ingress controller gave it an address yet"
    anything: list[Json] = [{}] if spec.get("defaultBackend") else []
    for rule in as_objects(spec.get("rules")) or anything:
        host = as_text(rule.get("host"))
        scheme = "https" if host in secured else "http"
        for path in as_objects(as_object(rule.get("http")).get("paths")) or [{}]:
            where = _path(as_text(path.get("path")))
            if host:
                yield Address(_url(scheme, host, None) + where, message=waiting)
                continue
            for balancer in balancers:
                yield Address(_url(scheme, balancer, None) + where)
            if not balancers:
                yield Address(
                    "", message=f"{waiting} (any host{f', path {where}' if where else ''})"
                )


def _gateway(live: Json) -> Iterator[Address]:
    found = list(_gateway_hosts(live))
    if not found:
        yield Address("", message="waits for an address of its controller")
    for listener in as_objects(as_object(live.get("spec")).get("listeners")):
        for host in found:
            scheme = as_text(listener.get("protocol")).lower()
            text = _url(scheme, as_text(listener.get("hostname")) or host, _number(listener))
            yield Address(text, port_name=as_text(listener.get("name")))


def _route(live: Json, gateways: Sequence[Json]) -> Iterator[Address]:
    """Write a route's hosts, or else its gateways' addresses, with the paths of its rules."""
    spec = as_object(live.get("spec"))
    hosts = [as_text(host) for host in as_list(spec.get("hostnames"))]
    listeners = [
        (listener, list(_gateway_hosts(gateway)))
        for gateway in gateways
        for listener in as_objects(as_object(gateway.get("spec")).get("listeners"))
        if _takes(live, gateway, listener)
    ]
    paths = list(dict.fromkeys(_paths(spec)))
    told: dict[str, Address] = {}
    for listener, found in listeners:
        scheme = as_text(listener.get("protocol")).lower()
        for host in hosts or found:
            for path in paths:
                text = _url(scheme, host, _number(listener)) + path
                told[text] = Address(text, port_name=as_text(listener.get("name")))
    if not told:
        for host in hosts:
            for path in paths:
                why = "" if gateways else "its gateway could not be read"
                told[host + path] = Address(host + path, message=why)
    if not told:
        yield Address("", message="no address of its gateway is known")
    yield from told.values()


def _takes(route: Json, gateway: Json, listener: Json) -> bool:
    """Tell whether a route names this gateway, and this listener if it names one."""
    metadata = as_object(gateway.get("metadata"))
    own = as_text(as_object(route.get("metadata")).get("namespace"))
    for parent in as_objects(as_object(route.get("spec")).get("parentRefs")):
        place = as_text(parent.get("namespace")) or own
        if (place, parent.get("name")) != (metadata.get("namespace"), metadata.get("name")):
            continue
        if parent.get("sectionName") in {None, "", listener.get("name")}:
            return True
    return False


def _paths(spec: Json) -> Iterator[str]:
    for rule in as_objects(spec.get("rules")):
        for each in as_objects(rule.get("matches")) or [{}]:
            yield _path(as_text(as_object(each.get("path")).get("value")))
    if not as_objects(spec.get("rules")):
        yield ""


def _gateway_hosts(gateway: Json) -> Iterator[str]:
    for address in as_objects(as_object(gateway.get("status")).get("addresses")):
        if value := as_text(address.get("value")):
            yield value


def _balancers(live: Json) -> list[str]:
    status = as_object(as_object(live.get("status")).get("loadBalancer"))
    return [
        as_text(each.get("hostname")) or as_text(each.get("ip"))
        for each in as_objects(status.get("ingress"))
        if each.get("hostname") or each.get("ip")
    ]


def _number(listener: Json) -> int | None:
    return as_number(listener.get("port")) or None


def _url(scheme: str, host: str, port: int | None) -> str:
    place = _host(host)
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        place = f"{place}:{port}"
    return f"{scheme}://{place}" if scheme else place


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _path(path: str) -> str:
    return "" if path in {"", "/"} else path
