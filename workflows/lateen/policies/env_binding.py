"""Env-binding policies: named environments, each a place with changes to the components.

They are older than topologies and overrides, which say the same: ``environment_policies`` translates,
so that everything behind it knows only the newer ones.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from lateen.model.application import InlinePolicy
from lateen.model.base import Json, Model
from lateen.model.consistency import MOST_ITEMS
from lateen.model.errors import shorten
from lateen.model.json_values import as_list, as_object
from lateen.model.labels import LOCAL
from lateen.model.names import DnsLabel
from lateen.policies.override import OVERRIDE, ComponentPatch
from lateen.policies.properties import read_properties
from lateen.policies.topology import TOPOLOGY

ENV_BINDING = "env-binding"


def _no_labels(labels: dict[str, str]) -> dict[str, str]:
    if labels:
        raise ValueError("an env does not support label selectors; give a name, or use a topology")
    return labels


_NoLabels = Annotated[dict[str, str], AfterValidator(_no_labels)]


class ClusterSelector(Model):
    """Names the cluster of an env; without a name it is the hub."""

    name: str = Field(default="", description="Name of the cluster; the hub by default.")
    labels: _NoLabels | None = Field(default=None, description="Not supported; must be empty.")


class NamespaceSelector(Model):
    """Names the namespace of an env; without a name it is the application's."""

    name: DnsLabel | Literal[""] = Field(
        default="", description="Name of the namespace; the application's own by default."
    )
    labels: _NoLabels | None = Field(default=None, description="Not supported; must be empty.")


class EnvPlacement(Model):
    """Where an env is."""

    cluster_selector: ClusterSelector | None = Field(default=None, description="The cluster.")
    namespace_selector: NamespaceSelector | None = Field(default=None, description="The namespace.")

    @property
    def cluster(self) -> str:
        """The name of the cluster."""
        return (self.cluster_selector and self.cluster_selector.name) or LOCAL

    @property
    def namespace(self) -> str:
        """The name of the namespace; empty for the application's own."""
        return (self.namespace_selector and self.namespace_selector.name) or ""


class EnvSelector(Model):
    """The components that an env has. Unlike an override's selector, an empty one keeps all."""

    components: list[str] | None = Field(
        default=None, description="Names of the components; all by default."
    )


class EnvPatch(Model):
    """Changes to components, with the rules of overrides."""

    components: list[ComponentPatch] | None = Field(
        default=None, description="Components to change or to add."
    )


class Env(Model):
    """One environment."""

    name: str = Field(min_length=1, description="Name of the env.")
    placement: EnvPlacement | None = Field(default=None, description="Where it is.")
    selector: EnvSelector | None = Field(default=None, description="The components that it has.")
    patch: EnvPatch | None = Field(default=None, description="What is different there.")

    @property
    def cluster(self) -> str:
        """The name of the cluster that the env is in."""
        return self.placement.cluster if self.placement else LOCAL

    @property
    def namespace(self) -> str:
        """The name of the env's namespace; empty for the application's own."""
        return self.placement.namespace if self.placement else ""


class EnvBindingProperties(Model):
    """Name environments, each a place with changes; deprecated, use topology and override."""

    envs: list[Env] = Field(
        max_length=MOST_ITEMS, description="The environments; a deploy2env step delivers to one."
    )
    created: bool | None = Field(
        default=None, description="KubeVela's, and without effect there either."
    )

    @field_validator("envs")
    @classmethod
    def _distinct(cls, envs: list[Env]) -> list[Env]:
        seen: set[str] = set()
        for env in envs:
            if env.name in seen:
                raise ValueError(f"two envs are named {shorten(env.name)}; rename one")
            seen.add(env.name)
        return envs


def read_env_binding(policy: InlinePolicy, *, path: str | None = None) -> EnvBindingProperties:
    """Read an env-binding policy; raises ``InvalidApplication`` with paths below ``path``."""
    return read_properties(policy, EnvBindingProperties, path=path)


def environment_policies(policy: InlinePolicy, *, taken: set[str]) -> dict[str, list[InlinePolicy]]:
    """Say what an env-binding policy says with newer policies; return those of each env, by its name.

    An env becomes a topology ``<policy>-<env>`` and, if it changes or selects components, an override
    ``<policy>-<env>-override``, with a number behind where the name is ``taken``. The names are added
    there. Raises ``InvalidApplication`` when the properties are invalid.
    """
    written = as_list((policy.properties or {}).get("envs")) or []
    found: dict[str, list[InlinePolicy]] = {}
    for env, raw in zip(read_env_binding(policy).envs, written, strict=True):
        place: Json = {"clusters": [env.cluster]}
        if env.namespace:
            place["namespace"] = env.namespace
        name = f"{policy.name}-{env.name}"
        topology = InlinePolicy(name=_free(name, taken), type=TOPOLOGY, properties=place)
        found[env.name] = [topology]
        changes = _changes(raw)
        if changes:
            name = _free(f"{name}-override", taken)
            found[env.name].append(InlinePolicy(name=name, type=OVERRIDE, properties=changes))
    return found


def _changes(env: Json) -> Json:
    """Return an override's properties, from the env as it is written: nulls in it count."""
    patches = (as_object(env.get("patch")) or {}).get("components")
    selected = (as_object(env.get("selector")) or {}).get("components")
    changes: Json = {}
    if patches:
        changes["components"] = patches
    if selected:
        changes["selector"] = selected
    return changes


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free
