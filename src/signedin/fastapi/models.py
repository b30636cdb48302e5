"""The API's documents as Pydantic models, made from the types that they are."""

from __future__ import annotations

from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType
from pydantic import BaseModel, Field, create_model


@cache
def model_of(kind: type[Struct]) -> type[BaseModel]:
    """The model with a document's name, words and fields."""
    fields: dict[str, Any] = {}
    for each in msgspec.structs.fields(kind):
        default = ... if each.required else None
        # A field's name may be one that every model has.
        taken = hasattr(BaseModel, each.name)
        name = f"{each.name}_" if taken else each.name
        fields[name] = (_read(each.type), Field(default, alias=each.name if taken else None))
    made: type[BaseModel] = create_model(kind.__name__, __doc__=kind.__doc__, **fields)
    return made


def _read(kind: Any) -> Any:
    """A field's type, as Pydantic writes it."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        told: Meta = parts[1]
        more = Field(
            pattern=told.pattern, description=told.description, json_schema_extra=told.extra_json_schema
        )
        return Annotated[_read(parts[0]), more]
    if origin in (Union, UnionType):
        return reduce(or_, (_read(part) for part in parts if part is not UnsetType))
    if origin is list:
        return list[_read(parts[0])]  # type: ignore[misc]
    return model_of(kind) if isinstance(kind, type) and issubclass(kind, Struct) else kind
