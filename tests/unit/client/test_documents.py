"""Reading documents as Kubernetes does, within limits, and writing them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lateen.client.documents import LARGEST, Document, read_documents, read_path, write_yaml
from lateen.model.application import Application, Policy, Workflow
from lateen.model.errors import InvalidApplication, InvalidManifest
from lateen.model.parsing import parse_policy
from lateen.texts.yaml_reading import YamlError, read_yaml

POLICY: dict[str, Any] = {
    "apiVersion": "core.oam.dev/v1alpha1",
    "kind": "Policy",
    "metadata": {"name": "top"},
    "type": "topology",
    "properties": {},
}
HEAD = "apiVersion: core.oam.dev/v1alpha1\nkind: Policy\nmetadata: {name: top}\ntype: topology\n"


def read(text: str | bytes, **rest: Any) -> list[Document]:
    return read_documents(text, source="apps.yaml", **rest)


def value(text: str) -> Any:
    (document,) = read_yaml(textwrap.dedent(text))
    return document.value


def refusal(text: str | bytes) -> str:
    with pytest.raises((InvalidManifest, InvalidApplication)) as caught:
        read(textwrap.dedent(text) if isinstance(text, str) else text)
    return str(caught.value)


class TestValues:
    """What a YAML text stands for."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a: yes\nb: n\nc: 'yes'\nd: \"y\"", {"a": True, "b": False, "c": "yes", "d": "y"}),
            ("a: 2020-01-01\nb: 1:30\nc: 0o10", {"a": "2020-01-01", "b": "1:30", "c": 8}),
            ("a:\nb: ~\nc: ''\nd: []\ne: {}", {"a": None, "b": None, "c": "", "d": [], "e": {}}),
            ("80: a\n0x10: b", {"80": "a", "16": "b"}),
            ("a: !!str 80\nb: !!int '80'\nc: !!float 8\nd: ! 80", {"a": "80", "b": 80, "c": 8, "d": "80"}),
            ("a: !!bool 'on'\nb: !!null ''\nc: !!map {}\nd: !!seq []",
             {"a": True, "b": None, "c": {}, "d": []}),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y", {"a": "x\ny\n", "b": "x y"}),
            ("- 1\n- [2, {a: 3}]", [1, [2, {"a": 3}]]),
            ("plain", "plain"),
            ("a: &x {b: 1}\nc: *x\nd: [*x, *x]", {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}] * 2}),
            ("a: &k key\n*k : 1", {"a": "key", "key": 1}),
            ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ],
    )  # fmt: skip
    def test_types_are_those_of_kubernetes(self, text: str, expected: Any) -> None:
        assert value(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("x: &x {a: 1, b: 2}\ngot: {<<: *x, b: 3}", {"a": 1, "b": 3}),
            ("x: &x {a: 1, b: 2}\ngot: {b: 3, <<: *x}", {"a": 1, "b": 3}),
            ("x: &x {a: 1}\nz: &z {a: 2, c: 4}\ngot: {<<: [*x, *z]}", {"a": 1, "c": 4}),
            ("x: &x {a: 1}\nz: &z {a: 2, c: 4}\ngot: {<<: *x, <<: *z}", {"a": 1, "c": 4}),
            ("got: {<<: {a: 1}}", {"a": 1}),
            ("x: &x {a: 1}\nz: &z {<<: *x, b: 2}\ngot: {<<: *z}", {"a": 1, "b": 2}),
            ("got: {'<<': 1}", {"<<": 1}),
            ("got: {<<: []}", {}),
        ],
    )
    def test_merge_keys(self, text: str, expected: Any) -> None:
        assert value(text)["got"] == expected

    def test_merging_leaves_the_anchored_mapping_alone(self) -> None:
        found = value("x: &x {a: 1}\nw: {<<: *x, b: 2}\nz: *x")
        assert (found["x"], found["z"]) == ({"a": 1}, {"a": 1})

    @pytest.mark.parametrize(
        ("text", "line", "word"),
        [
            ("a: 1\nb: 2\na: 3", 3, "key 'a' is already on line 1"),
            ("a:\n  b: 1\n  'b': 2", 3, "already on line 2"),
            ("80: 1\n'80': 2", 2, "key '80'"),
            ("a: !!binary aGk=", 1, "binary"),
            ("a: !!timestamp 2020-01-01", 1, "timestamp"),
            ("a: !!set {x}", 1, "set"),
            ("a: !!python/object/apply:os.system ['true']", 1, "python"),
            ("a: !local x", 1, "'!local'"),
            ("a: !!int x", 1, "does not fit its tag"),
            ("a: .nan", 1, "JSON"),
            ("y: 1", 1, "not 'true': put it in quotes"),
            ("1.5: x", 1, "put it in quotes"),
            ("~: x", 1, "not 'null'"),
            ("? [a]\n: x", 1, "a key must be a string"),
            ("? {a: 1}\n: x", 1, "a key must be a string"),
            ("a: &x [1]\n*x : 1", 2, "a key must be a string"),
            ("a: *nowhere", 1, "alias *nowhere"),
            ("a: &x [*x]", 1, "inside its own anchor"),
            ("a: {<<: 5}", 1, "merge key"),
            ("a: {<<: [{}, 5]}", 1, "merge key"),
            ("a: [1", 1, "expected"),
            ("a: b: c", 1, "mapping values"),
            ("a:\n\t- b", 2, "can't be indented with tabs"),
            ("a: \x01", 0, "control characters"),
            ("[" * 200, 1, "deeper than 100"),
            ("a: " + "{b: " * 200, 1, "deeper than 100"),
        ],
    )
    def test_what_is_refused_is_refused_with_its_line(
        self, text: str, line: int, word: str
    ) -> None:
        with pytest.raises(YamlError) as caught:
            read_yaml(text)
        assert word in caught.value.message
        assert caught.value.line >= line

    def test_aliases_can_not_explode(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
        with pytest.raises(YamlError, match="aliases expand"):
            read_yaml("\n".join(lines))

    def test_nor_can_they_nest_without_end(self) -> None:
        lines = ["- &a0 [1]"] + [f"- &a{n} [*a{n - 1}]" for n in range(1, 150)]
        with pytest.raises(YamlError, match="deeper than 100"):
            read_yaml("\n".join(lines))

    def test_anchors_end_with_their_document(self) -> None:
        with pytest.raises(YamlError, match="no anchor"):
            read_yaml("a: &x 1\n---\nb: *x")


class TestDocuments:
    """From a stream to objects."""

    def test_several_documents_and_empty_ones(self) -> None:
        found = read(f"# nothing\n---\n---\n{HEAD}---\n{HEAD}---\n")
        assert [type(each) for each in found] == [Policy, Policy]

    @pytest.mark.parametrize(
        "text", ["", "\n", "# comment\n", "---\n---\n", "null", b"\xef\xbb\xbf"]
    )
    def test_nothing_is_no_object(self, text: str | bytes) -> None:
        assert read(text) == []

    def test_json_is_read_with_its_own_escapes_and_tabs(self) -> None:
        data = {**POLICY, "properties": {"clusters": ["\U0001f600/x"], "namespace": None}}
        text = json.dumps(data, indent="\t").replace("/", "\\/")
        assert "\\ud83d" in text
        (found,) = read(text)
        assert isinstance(found, Policy)
        assert found.properties == data["properties"]

    @pytest.mark.parametrize("text", [HEAD.encode(), b"\xef\xbb\xbf" + HEAD.encode()])
    def test_bytes_are_utf8_with_or_without_a_mark(self, text: bytes) -> None:
        assert read(text) == [parse_policy({k: v for k, v in POLICY.items() if k != "properties"})]

    def test_lists_are_expanded_nested_ones_too(self) -> None:
        inner = {"apiVersion": "v1", "kind": "List", "items": [POLICY, None]}
        outer = {"apiVersion": "v1", "kind": "List", "items": [POLICY, inner, POLICY]}
        assert len(read(json.dumps(outer))) == 3
        typed = {"apiVersion": "core.oam.dev/v1alpha1", "kind": "PolicyList", "items": [POLICY]}
        assert len(read(json.dumps(typed))) == 1

    @pytest.mark.parametrize("namespace", [{}, {"namespace": ""}, {"namespace": None}])
    def test_a_default_namespace_fills_the_gap(self, namespace: dict[str, Any]) -> None:
        data = {**POLICY, "metadata": {"name": "top", **namespace}}
        (found,) = read(json.dumps(data), default_namespace="shop")
        assert found.metadata.namespace == "shop"

    def test_a_default_namespace_replaces_none(self) -> None:
        data = {**POLICY, "metadata": {"name": "top", "namespace": "mine"}}
        (found,) = read(json.dumps(data), default_namespace="shop")
        assert found.metadata.namespace == "mine"
        assert read(json.dumps(POLICY))[0].metadata.namespace == "default"

    def test_a_default_namespace_does_not_leak_through_an_alias(self) -> None:
        text = f"{HEAD.replace('{name: top}', '&m {name: top}')}properties: {{x: 1}}\n"
        (found,) = read(text, default_namespace="shop")
        assert found.metadata.namespace == "shop"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param("a: [", ["apps.yaml, line 2, column 1: did not find"], id="malformed"),
            pytest.param(
                f"{HEAD}type: x\n", ["apps.yaml, line 5", "already on line 4"], id="twice"
            ),
            pytest.param("just text", ["apps.yaml: document", "expected an object"], id="text"),
            pytest.param(
                f"{HEAD}---\n{HEAD}---\nkind: Deployment\napiVersion: apps/v1\n",
                ["apps.yaml, document 3 (line 10)", "unknown kind", "'Deployment'", "Application"],
                id="other kind",
            ),
            pytest.param(
                f"{HEAD}---\n{HEAD}proprties: {{}}\n",
                [
                    "apps.yaml, document 2 (line 5)",
                    "Policy default/top",
                    "did you mean 'properties'",
                ],
                id="unknown key",
            ),
            pytest.param("kind: List", ["apps.yaml: a List needs items"], id="list without items"),
            pytest.param(
                "kind: List\nitems: [{kind: x}]", ["apps.yaml, item 1", "unknown kind"], id="item"
            ),
            pytest.param(b"\xff\xfea", ["apps.yaml, line 1", "no UTF-8"], id="UTF-16"),
            pytest.param(b"a: 1\nb: \xe9\n", ["apps.yaml, line 2", "no UTF-8"], id="Latin-1"),
            pytest.param("a: \ud800", ["apps.yaml", "no Unicode text"], id="lone surrogate"),
            pytest.param("#" * (LARGEST + 1), ["larger than 2,097,152 bytes"], id="too large"),
            pytest.param('{"kind": NaN}', ["apps.yaml", "NaN is not JSON"], id="NaN in JSON"),
            pytest.param('{"a": 1, "a": 2}', ["line 1", "key 'a' is already"], id="JSON key twice"),
            pytest.param('{"a": ' * 5000, ["deeper than 100"], id="deep JSON"),
            pytest.param("[" * 1_000_000, ["deeper than 100"], id="bottomless"),
        ],
    )
    def test_errors_name_source_document_and_line(
        self, text: str | bytes, words: list[str]
    ) -> None:
        said = refusal(text)
        assert [word for word in words if word not in said] == []

    @given(text=st.text(st.sampled_from("ab1:-{}[]&*!<>|'\" \n\t,?~#%@\\\u00e9\x00"), max_size=40))
    def test_nothing_but_our_own_errors_ever_comes_out(self, text: str) -> None:
        with contextlib.suppress(InvalidManifest, InvalidApplication):
            read(text)

    @given(data=st.binary(max_size=30))
    def test_nor_from_bytes(self, data: bytes) -> None:
        with contextlib.suppress(InvalidManifest, InvalidApplication):
            read(data)


class TestPaths:
    """Files and directories."""

    def test_a_file_is_read_and_named_in_errors(self, tmp_path: Path) -> None:
        file = tmp_path / "policy.txt"
        file.write_text(HEAD)
        assert len(read_path(file, default_namespace="n")) == 1
        file.write_text("a: b: c")
        with pytest.raises(InvalidManifest, match=r"policy\.txt, line 1"):
            read_path(file)

    def test_a_directory_is_read_by_name(self, tmp_path: Path) -> None:
        for name in ("b.yml", "a.yaml", "c.json", ".hidden.yaml", "notes.md"):
            data = {**POLICY, "metadata": {"name": name.split(".")[0] or "hidden"}}
            (tmp_path / name).write_text(json.dumps(data))
        (tmp_path / "deeper.yaml").mkdir()
        assert [each.metadata.name for each in read_path(tmp_path)] == ["a", "b", "c"]

    def test_a_directory_without_documents_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "notes.md").write_text("x")
        with pytest.raises(InvalidManifest, match=r"no \*\.yaml"):
            read_path(tmp_path)

    def test_what_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidManifest, match=r"nothing\.yaml: can't be read: No such file"):
            read_path(tmp_path / "nothing.yaml")

    def test_a_file_that_is_too_large_is_not_read_whole(self, tmp_path: Path) -> None:
        file = tmp_path / "large.yaml"
        with file.open("wb") as stream:
            stream.truncate(10 * 1024**3)
        with pytest.raises(InvalidManifest, match="larger than"):
            read_path(file)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8) | (
    st.sampled_from(
        [
            "y",
            "No",
            "on",
            "~",
            "",
            "null",
            "1_000",
            "0o17",
            "010",
            "1e3",
            ".5",
            ".nan",
            "0x1",
            "<<",
            "=",
            "1:30",
            "2020-01-01",
            "- a",
            "a: b",
            "#x",
            " x ",
            "a\nb",
            "a\n\n b \n",
            "\n",
            "\tx\n",
            "!x",
            "&x",
            "*x",
            "%x",
            "@x",
            "'",
            '"',
            "\\",
            "---",
            "...",
            "a #b",
            "é\n",
            "x" * 300,
        ]
    )
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


class TestWriting:
    """What is written reads the same, here and elsewhere."""

    @given(
        data=st.lists(st.dictionaries(TEXTS, JSON, min_size=1, max_size=4), min_size=1, max_size=3)
    )
    def test_what_is_written_is_read_back(self, data: list[dict[str, Any]]) -> None:
        assert [document.value for document in read_yaml(write_yaml(data))] == data

    @given(data=st.dictionaries(TEXTS, TEXTS, min_size=1))
    def test_other_readers_agree(self, data: dict[str, Any]) -> None:
        assert list(yaml.safe_load_all(write_yaml([data]))) == [data]

    def test_the_form_is_the_one_people_write(self) -> None:
        text = write_yaml([{"z": 1, "a": {"list": ["y", "x", "010"], "text": "one\ntwo\n"}}])
        assert text == textwrap.dedent(
            """\
            z: 1
            a:
              list:
              - 'y'
              - x
              - '010'
              text: |
                one
                two
            """
        )

    def test_shared_values_are_written_out(self) -> None:
        shared = {"k": [1]}
        assert "&" not in write_yaml([{"a": shared, "b": shared}])

    def test_models_are_written_in_their_json_form(self) -> None:
        text = write_yaml([parse_policy(POLICY), parse_policy(POLICY)])
        assert text.startswith("---\napiVersion: core.oam.dev/v1alpha1\nkind: Policy\n")
        assert len(read(text)) == 2

    def test_nothing_is_written_for_nothing(self) -> None:
        assert write_yaml([]) == ""


def test_yaml_is_loaded_only_when_a_file_is_read() -> None:
    code = "import sys, lateen.client.documents; sys.exit('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0


def test_all_three_kinds_are_read_from_one_stream() -> None:
    application = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "app"},
        "spec": {"components": [{"name": "web", "type": "webservice"}]},
    }
    workflow = {
        "apiVersion": "core.oam.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "release"},
        "steps": [{"name": "d", "type": "deploy"}],
    }
    found = read(write_yaml([application, POLICY, workflow]))
    assert [type(each) for each in found] == [Application, Policy, Workflow]
