"""Where things can be reached, by their live objects."""

from __future__ import annotations

from typing import Any

import pytest

from lateen.kube.addresses import Address, addresses_of, has_addresses, parents_of

NODES = ["10.1.1.1", "10.1.1.2"]


def service(kind: str = "ClusterIP", *ports: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"type": kind, "ports": list(ports) or [{"port": 80, "nodePort": 30080}]},
        **more,
    }


def ingress(*rules: dict[str, Any], balancer: str = "", **spec: Any) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": balancer}] if balancer else []}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"rules": list(rules), **spec},
        "status": status,
    }


def rule(host: str = "", *paths: str) -> dict[str, Any]:
    found: dict[str, Any] = {"http": {"paths": [{"path": path} for path in paths]}}
    return {"host": host, **found} if host else found


def gateway(*addresses: str, hostname: str = "", name: str = "edge") -> dict[str, Any]:
    listener = {"name": "https", "port": 443, "protocol": "HTTPS"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "infra"},
        "spec": {"listeners": [listener | ({"hostname": hostname} if hostname else {})]},
        "status": {"addresses": [{"value": value} for value in addresses]},
    }


def route(*hostnames: str, path: str = "", section: str = "") -> dict[str, Any]:
    parent = {"name": "edge", "namespace": "infra"}
    rules = [{"matches": [{"path": {"value": path}}]}] if path else []
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "hostnames": list(hostnames),
            "rules": rules,
            "parentRefs": [parent | ({"sectionName": section} if section else {})],
        },
    }


def texts(found: list[Address]) -> list[str]:
    return [address.text for address in found]


@pytest.mark.parametrize(
    ("live", "outside", "inside"),
    [
        (service(), [], ["http://web.shop"]),
        (service("ClusterIP", {"port": 5432}), [], ["web.shop:5432"]),
        (service("ClusterIP", {"port": 53, "protocol": "UDP"}), [], ["udp://web.shop:53"]),
        (
            service("ClusterIP", {"port": 9000, "appProtocol": "https"}),
            [],
            ["https://web.shop:9000"],
        ),
        (
            service("NodePort"),
            ["http://10.1.1.1:30080", "http://10.1.1.2:30080"],
            ["http://web.shop"],
        ),
        (
            service(
                "LoadBalancer",
                {"port": 443},
                status={
                    "loadBalancer": {"ingress": [{"ip": "192.0.2.7"}, {"hostname": "lb.example"}]}
                },
            ),
            ["https://192.0.2.7", "https://lb.example"],
            ["https://web.shop"],
        ),
        (
            service(
                "LoadBalancer",
                {"port": 5432},
                status={"loadBalancer": {"ingress": [{"ip": "2001:db8::1"}]}},
            ),
            ["[2001:db8::1]:5432"],
            ["web.shop:5432"],
        ),
    ],
)
def test_services(live: dict[str, Any], outside: list[str], inside: list[str]) -> None:
    found = addresses_of(live, node_addresses=NODES)
    assert [each.text for each in found if not each.inner] == outside
    assert [each.text for each in found if each.inner] == inside


def test_what_has_no_address_yet_says_why() -> None:
    pending = addresses_of(service("LoadBalancer", {"port": 80}))
    assert pending[0] == Address("", message="waits for a load balancer's address")
    node = addresses_of(service("NodePort"))[0]
    assert (node.text, node.message) == (
        "",
        "port 30080 of every node; no pod tells a node's address",
    )
    assert "no ingress controller" in addresses_of(ingress(rule("", "/x")))[0].message
    assert addresses_of(gateway())[0].message == "waits for an address of its controller"
    assert addresses_of(route())[0].message == "no address of its gateway is known"


def test_ingresses_by_host_and_path() -> None:
    secured = [{"hosts": ["shop.example"]}]
    live = ingress(
        rule("shop.example", "/", "/api"), rule("", "/any"), balancer="192.0.2.1", tls=secured
    )
    assert texts(addresses_of(live)) == [
        "https://shop.example",
        "https://shop.example/api",
        "http://192.0.2.1/any",
    ]
    waiting = addresses_of(ingress(rule("shop.example", "/")))
    assert waiting[0].text == "http://shop.example"
    assert waiting[0].message == "no ingress controller gave it an address yet"


def test_gateways_and_routes() -> None:
    assert texts(addresses_of(gateway("192.0.2.9"))) == ["https://192.0.2.9"]
    assert texts(addresses_of(route(path="/api"), gateways=[gateway("192.0.2.9")])) == [
        "https://192.0.2.9/api"
    ]
    named = route("shop.example", path="/")
    assert texts(addresses_of(named, gateways=[gateway("192.0.2.9")])) == ["https://shop.example"]
    unread = addresses_of(named)
    assert (unread[0].text, unread[0].message) == (
        "shop.example",
        "its gateway could not be read",
    )
    other = route(section="http")
    assert addresses_of(other, gateways=[gateway("192.0.2.9")])[0].text == ""
    assert parents_of(named) == [("infra", "edge")]


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "Service", True),
        ("v1", "ConfigMap", False),
        ("networking.k8s.io/v1", "Ingress", True),
        ("networking.k8s.io/v1", "NetworkPolicy", False),
        ("gateway.networking.k8s.io/v1", "Gateway", True),
        ("gateway.networking.k8s.io/v1beta1", "HTTPRoute", True),
        ("serving.knative.dev/v1", "Service", False),
    ],
)
def test_kinds_that_people_reach(api_version: str, kind: str, expected: bool) -> None:
    assert has_addresses(api_version, kind) is expected


@pytest.mark.parametrize("kind", ["Service", "Ingress", "Gateway", "HTTPRoute"])
@pytest.mark.parametrize("spec", [None, [], {"ports": 5, "rules": [None], "listeners": "x"}])
def test_odd_shapes_are_no_error(kind: str, spec: Any) -> None:
    addresses_of({"kind": kind, "metadata": {}, "spec": spec, "status": None})
