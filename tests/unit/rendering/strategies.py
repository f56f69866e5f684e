"""Components as users could write them, for property-based tests."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from lateen.model.application import Component

names = st.text(string.ascii_lowercase, min_size=1, max_size=8)
texts = st.text(string.ascii_letters + string.digits + " -_./", max_size=12)
ports = st.integers(min_value=1, max_value=65535)


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


properties = st.builds(
    lambda required, optional: {**required, **optional},
    st.fixed_dictionaries({"image": names}),
    _optional(
        cmd=st.lists(texts, max_size=3),
        args=st.lists(texts, max_size=3),
        env=st.lists(
            st.fixed_dictionaries({"name": names, "value": texts}),
            max_size=3,
            unique_by=lambda variable: variable["name"],
        ),
        labels=st.dictionaries(names, texts, max_size=3),
        annotations=st.dictionaries(names, texts, max_size=3),
        cpu=st.sampled_from(["500m", "1", "0.25"]),
        memory=st.sampled_from(["64Mi", "1Gi"]),
        ports=st.lists(
            st.fixed_dictionaries({"port": ports, "expose": st.booleans()}),
            max_size=3,
            unique_by=lambda port: port["port"],
        ),
    ),
)

traits = st.lists(
    st.one_of(
        st.builds(
            lambda count: {"type": "scaler", "properties": {"replicas": count}},
            st.integers(min_value=0, max_value=9),
        ),
        st.builds(
            lambda entries: {"type": "labels", "properties": entries},
            st.dictionaries(names, st.none() | texts, max_size=3),
        ),
        st.builds(
            lambda entries: {"type": "env", "properties": {"env": entries}},
            st.dictionaries(names, texts, max_size=3),
        ),
        st.builds(
            lambda name: {
                "type": "storage",
                "properties": {"emptyDir": [{"name": name, "mountPath": f"/{name}"}]},
            },
            names,
        ),
        st.builds(
            lambda cpu: {"type": "resource", "properties": {"cpu": cpu, "memory": "1Gi"}},
            st.sampled_from([1, 0.25, "2"]),
        ),
    ),
    max_size=4,
)

components = st.builds(
    lambda name, properties, traits: Component.model_validate(
        {"name": name, "type": "webservice", "properties": properties, "traits": traits}
    ),
    names,
    properties,
    traits,
)

applications = st.lists(components, min_size=1, max_size=3, unique_by=lambda each: each.name)
