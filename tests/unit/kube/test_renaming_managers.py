"""Handing the fields of one manager over to another."""

from __future__ import annotations

from typing import Any

from lateen.kube.field_ownership import rename_manager


def entry(manager: str, fields: dict[str, Any], *, operation: str = "Apply") -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": "t",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def test_the_fields_of_one_manager_become_those_of_another() -> None:
    others = entry("kubectl", {"f:data": {}}, operation="Update")
    found = rename_manager(live(entry("a", {"f:spec": {}}), others), old="a", new="b")
    assert found == [entry("b", {"f:spec": {}}), others]


def test_what_both_own_becomes_one_entry_with_the_fields_of_both() -> None:
    one = entry("b", {"f:data": {"f:x": {}}})
    two = entry("a", {"f:data": {"f:y": {}}, "f:spec": {}})
    for order in ((one, two), (two, one)):
        (both,) = rename_manager(live(*order), old="a", new="b")
        assert both["manager"] == "b"
        assert both["fieldsV1"] == {"f:data": {"f:x": {}, "f:y": {}}, "f:spec": {}}


def test_applies_and_updates_stay_apart() -> None:
    update = entry("b", {"f:data": {}}, operation="Update")
    found = rename_manager(live(update, entry("a", {"f:data": {}})), old="a", new="b")
    assert [(each["manager"], each["operation"]) for each in found] == [
        ("b", "Update"),
        ("b", "Apply"),
    ]


def test_an_object_without_managers_has_none_afterwards() -> None:
    assert rename_manager({"metadata": {}}, old="a", new="b") == []
