"""Component and trait types made of definitions in CUE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from typing_extensions import override

from lateen.definitions.contexts import template_context
from lateen.definitions.evaluating import BrokenTemplate
from lateen.definitions.patching import PatchConflict, ShortList, patch_object
from lateen.definitions.programs import CueMissing
from lateen.definitions.templates import patch_markers, reads_target
from lateen.definitions.values import Member, is_list, is_struct, plain
from lateen.model.base import Json
from lateen.model.errors import InvalidApplication
from lateen.model.json_values import as_object
from lateen.rendering.definitions import ComponentType, Rendered, TraitType
from lateen.rendering.parameters import Parameters, TemplateError

if TYPE_CHECKING:
    from lateen.definitions.evaluating import Evaluator
    from lateen.definitions.objects import Definition
    from lateen.definitions.templates import Lengths
    from lateen.rendering.context import RenderContext


class Given(Parameters):
    """Properties as they were written; the definition itself knows what they mean."""

    properties: Json = {}


class CueComponent(ComponentType[Given]):
    """A component type whose definition is in the hub."""

    parameters = Given
    evaluated = True

    def __init__(self, definition: Definition, evaluator: Evaluator) -> None:
        self.type = definition.name
        self.reads_target = reads_target(definition.template)
        self._definition = definition
        self._evaluator = evaluator

    @override
    def read(self, properties: Json | None, *, path: str) -> Given:
        return _read(self._definition, self._evaluator, properties or {}, path=path)

    @override
    def render(self, parameters: Given, context: RenderContext) -> Rendered:
        fields = _evaluate(self._definition, self._evaluator, parameters, template_context(context))
        output = fields.get("output")
        if output is None or not is_struct(output.value):
            raise TemplateError("", f"{self._definition.title} makes no output")
        workload: Json = plain(output.value)
        workload.setdefault("metadata", {})
        return Rendered(workload, _outputs(fields))


class CueTrait(TraitType[Given]):
    """A trait type whose definition is in the hub."""

    parameters = Given
    evaluated = True

    def __init__(self, definition: Definition, evaluator: Evaluator) -> None:
        self.type = definition.name
        self.reads_target = reads_target(definition.template)
        self.after_dispatch = definition.spec.get("stage") == "PostDispatch"
        self._definition = definition
        self._evaluator = evaluator
        self._markers = patch_markers(definition.template)

    @override
    def read(self, properties: Json | None, *, path: str) -> Given:
        return _read(self._definition, self._evaluator, properties or {}, path=path)

    @override
    def apply(self, parameters: Given, workload: Json, context: RenderContext) -> dict[str, Json]:
        known = template_context(context, output=workload)
        fields = _evaluate(self._definition, self._evaluator, parameters, known)
        _raise_errors(self._definition, fields)
        if "patch" in fields:
            self._patch_workload(workload, fields, parameters, known)
        patches = fields.get("patchOutputs")
        for name, patch in patches.value.items() if patches and is_struct(patches.value) else ():
            if name in context.outputs:
                self._patch(context.outputs[name], patch, what=f"output {name!r}")
        return _outputs(fields)

    def _patch_workload(
        self, workload: Json, fields: dict[str, Member], parameters: Given, known: Json
    ) -> None:
        """Merge the patch. Lists of it that may be open are asked once more, at their full lengths."""
        lengths: dict[tuple[str, ...], int] = {}
        while True:
            patch = Member(fields["patch"].value, self._markers)
            try:
                patch_object(workload, patch)
            except ShortList as error:
                extended = None
                if error.place and error.place not in lengths:
                    lengths[error.place] = error.length
                    extended = self._extended(parameters, known, lengths)
                if extended is None:
                    raise _unpatched("the workload", error) from None
                fields = extended
            except PatchConflict as error:
                raise _unpatched("the workload", error) from None
            else:
                return

    def _extended(
        self, parameters: Given, known: Json, lengths: Lengths
    ) -> dict[str, Member] | None:
        """Evaluate with longer lists; None when they are not open."""
        template, properties = self._definition.template, parameters.properties
        try:
            return self._evaluator.render(template, properties, known, lengths=lengths)
        except BrokenTemplate:
            return None

    def _patch(self, target: Json, patch: Member, *, what: str) -> None:
        try:
            patch_object(target, patch)
        except PatchConflict as error:
            raise _unpatched(what, error) from None


def _unpatched(what: str, error: PatchConflict) -> TemplateError:
    return TemplateError("", f"can't patch {what}: {error}", hint=error.hint)


def _read(definition: Definition, evaluator: Evaluator, properties: Json, *, path: str) -> Given:
    try:
        problems = evaluator.problems(definition.template, properties, path=path)
    except (BrokenTemplate, CueMissing) as error:
        raise InvalidApplication.at(path, _blame(definition, error)) from None
    if problems:
        raise InvalidApplication(problems)
    return Given(properties=properties)


def _evaluate(
    definition: Definition, evaluator: Evaluator, parameters: Given, context: Json
) -> dict[str, Member]:
    try:
        return evaluator.render(definition.template, parameters.properties, context)
    except (BrokenTemplate, CueMissing) as error:
        raise TemplateError("", _blame(definition, error)) from None


def _blame(definition: Definition, error: BrokenTemplate | CueMissing) -> str:
    if isinstance(error, CueMissing):
        return f"{definition.title} can't be used: {error}"
    return f"{definition.title} can't be evaluated: {error}"


def _outputs(fields: dict[str, Member]) -> dict[str, Json]:
    outputs = fields.get("outputs")
    made = as_object(plain(outputs.value)) if outputs else None
    return {name: value for name, value in (made or {}).items() if value}


def _raise_errors(definition: Definition, fields: dict[str, Member]) -> None:
    """Raise what a template itself found wrong: the texts of its list ``errs``."""
    errors = fields.get("errs")
    for text in errors.value if errors and is_list(errors.value) else ():
        if isinstance(text, str) and text:
            _refuse(definition, text)


def _refuse(definition: Definition, text: str) -> NoReturn:
    raise TemplateError("", f"is refused by {definition.title}: {text}")
