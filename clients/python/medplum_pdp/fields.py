"""Removing the fields that a decision hides."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Tuple

_CHOICE = "[x]"

# The data types of FHIR R4: what may follow the name of a choice element.
DATA_TYPES = frozenset("""
    Address Age Annotation Attachment BackboneElement CodeableConcept Coding
    ContactDetail ContactPoint Contributor Count DataRequirement Distance Dosage
    Duration Element ElementDefinition Expression Extension HumanName Identifier
    MarketingStatus Meta Money MoneyQuantity Narrative ParameterDefinition
    Period Population ProdCharacteristic ProductShelfLife Quantity Range Ratio
    Reference RelatedArtifact SampledData Signature SimpleQuantity
    SubstanceAmount Timing TriggerDefinition UsageContext base64Binary boolean
    canonical code date dateTime decimal id instant integer markdown oid
    positiveInt string time unsignedInt uri url uuid xhtml
    """.split())

_Path = Tuple[str, ...]


def strip_hidden_fields(resource: Mapping[str, Any],
                        hidden_fields: Iterable[str]) -> dict[str, Any]:
    """A copy of `resource` without what the paths name.

    A path is element names joined by dots.  It leads into the items of an
    array, one level; `value[x]` is each choice of type of that element;
    `_name` is an element of its own, and stays.

    Raises ValueError where a path leads into an array with a null item: then
    nothing may be shown.
    """
    paths = [tuple(path.split(".")) for path in hidden_fields]
    return _strip_object(resource, paths)


def _strip_object(value: Mapping[str, Any],
                  paths: List[_Path]) -> dict[str, Any]:
    left = {}
    for name, element in value.items():
        inner, is_cut = _follow(paths, name)
        stripped = _strip(element, inner)
        if not is_cut:
            left[name] = stripped
    return left


def _strip(value: Any, paths: List[_Path]) -> Any:
    if isinstance(value, list):
        return [_strip_item(item, paths) for item in value]
    return _strip_object(value, paths) if isinstance(value, dict) else value


def _strip_item(item: Any, paths: List[_Path]) -> Any:
    if item is None and paths:
        raise ValueError("a hidden field leads into an array with a null item")
    if isinstance(item, list):
        return _strip(item, [])  # One level only.
    return _strip(item, paths)


def _follow(paths: List[_Path], name: str) -> Tuple[List[_Path], bool]:
    """The paths that lead on through `name`, as far as none ends there; and
    whether one does."""
    inner: List[_Path] = []
    for path in paths:
        if not _names(path[0], name):
            continue
        if len(path) == 1:
            return inner, True
        inner.append(path[1:])
    return inner, False


def _names(segment: str, key: str) -> bool:
    if not segment.endswith(_CHOICE):
        return segment == key
    base = segment[:-len(_CHOICE)]
    rest = key[len(base):]
    if not key.startswith(base) or not rest:
        return False
    return rest in DATA_TYPES or rest[0].lower() + rest[1:] in DATA_TYPES
