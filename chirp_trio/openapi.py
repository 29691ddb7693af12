"""What an OpenAPI document says of event streams. Needs pydantic, which FastAPI brings along."""

from typing import Any


def event_stream_schema(item: Any) -> dict[str, Any]:
    """The JSON schema of each event of a stream (OpenAPI 3.2, section 4.14.4: its fields, and text in all of them but one).

    Args:
        item: The type of what the stream's source yields.
    """
    from pydantic import TypeAdapter  # whoever describes no streams needs no pydantic

    schema = TypeAdapter(item).json_schema(mode="serialization")
    content = _inline(schema, schema.get("$defs", {}), ())
    data: dict[str, Any] = {"type": "string"}
    if not any(choice.get("type") == "string" for choice in (content, *content.get("anyOf", ()))):
        # Text is sent as it is, everything else as JSON.
        data |= {"contentMediaType": "application/json", "contentSchema": content}
    return {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": data,
            "event": {"type": "string"},
            "id": {"type": "string"},
            "retry": {"type": "integer", "minimum": 0},
        },
    }


def _inline(schema: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    """The schema, with what it refers to in place, because a reference would be looked up from the document's root.

    A schema that refers to itself allows anything there.
    """
    if isinstance(schema, list):
        return [_inline(part, definitions, inside) for part in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix("#/$defs/")
        if name in inside:
            return {}
        further = {key: value for key, value in schema.items() if key not in ("$ref", "$defs")}
        return _inline(definitions[name], definitions, (*inside, name)) | further
    return {
        key: _inline(value, definitions, inside)
        for key, value in schema.items()
        if key != "$defs" and not (key == "discriminator" and "mapping" in value)  # the mapping refers to definitions
    }
