"""What FastAPI's documentation says of an `EventStream`."""

import inspect
import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from fastapi import APIRouter, FastAPI
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from chirp_trio import EventStream, stream_lifespan
from chirp_trio.stream import EventStream as ASGIEventStream
from chirp_trio.testing import TestClient
from chirp_trio.wire import encode_json
from tests.cases import each_case


async def source():
    yield "hello"


async def documented(app):
    """What the document says of the response 200 of `/live`; both pages of the documentation are there."""
    async with TestClient(app) as client:
        assert (await client.get("/docs")).status_code == (await client.get("/redoc")).status_code == 200
        response = await client.get("/openapi.json")
        assert response.status_code == 200
        assert [event.data for event in (await client.sse("/live")).events] == ["hello"]
    return response.json()["paths"]["/live"]["get"]["responses"]["200"]


def app_of(**options):
    app = FastAPI(lifespan=stream_lifespan)

    @app.get("/live", **options)
    async def live() -> EventStream:
        return EventStream(source)

    return app


async def test_as_a_response_class_it_is_an_event_stream(autojump_clock):
    described = await documented(app_of(response_class=EventStream))
    assert described == {
        "description": "Successful Response",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }


@pytest.mark.parametrize("place", ["router", "app"])
async def test_so_it_is_as_the_default_one(autojump_clock, place):
    app = FastAPI(lifespan=stream_lifespan, **({"default_response_class": EventStream} if place == "app" else {}))
    router = APIRouter(default_response_class=EventStream) if place == "router" else APIRouter()

    @router.get("/live")
    async def live() -> EventStream:
        return EventStream(source)

    app.include_router(router)
    assert set((await documented(app))["content"]) == {"text/event-stream"}


async def test_an_annotation_alone_breaks_nothing(autojump_clock):
    assert "description" in await documented(app_of())


@dataclass
class Alert:
    text: str


class Seat(BaseModel):
    row: int


class Booking(BaseModel):
    kind: Literal["booking"] = "booking"
    seats: list[Seat]
    price: float = Field(serialization_alias="total")


class Folder(BaseModel):
    folders: list[Folder]


class Node(BaseModel):
    kind: Literal["node"]
    next: Node | None = None


class Leaf(BaseModel):
    kind: Literal["leaf"]


class Tree(BaseModel):
    discriminator: int  # a field of this name, which means something in OpenAPI
    root: Node | Leaf = Field(discriminator="kind")


async def item_schema(item):
    options = {"response_class": EventStream, "responses": EventStream.responses(item)}
    content = (await documented(app_of(**options)))["content"]
    assert set(content) == {"text/event-stream"}
    return content["text/event-stream"]["itemSchema"]


def references(schema):
    if isinstance(schema, dict):
        return [key for key in schema if key == "$ref"] + references(list(schema.values()))
    return [name for value in schema for name in references(value)] if isinstance(schema, list) else []


@each_case(
    ("item", "fits", "does_not"),
    [
        (Seat, Seat(row=1), {"row": "x"}),
        (Alert, Alert("fire"), {"text": 1}),
        (Booking, Booking(seats=[Seat(row=1)], price=1.5), {"seats": [{"row": "x"}], "price": 1}),
        (Seat | Alert, {"text": "fire"}, {"text": 1}),
        (list[Seat], [{"row": 1}], [{"row": "x"}]),
        (dict[str, int], {"a": 1}, {"a": "x"}),
        (int, 1, "x"),
        (Folder, {"folders": [{"folders": []}]}, {"folders": 1}),
        (
            Tree,
            {"discriminator": 1, "root": {"kind": "node", "next": {"kind": "node", "next": None}}},
            {"discriminator": 1, "root": {"kind": "twig"}},
        ),
    ],
)
async def test_the_type_of_its_items_is_told(autojump_clock, item, fits, does_not):
    schema = await item_schema(item)
    data = schema["properties"]["data"]
    assert (data["type"], data["contentMediaType"]) == ("string", "application/json")
    validator = Draft202012Validator(data["contentSchema"])
    sent = encode_json(fits)
    assert validator.is_valid(json.loads(sent))
    assert not validator.is_valid(does_not)
    assert references(schema) == []
    assert Draft202012Validator(schema).is_valid({"data": "{}", "event": "e", "id": "1", "retry": 1})
    assert not Draft202012Validator(schema).is_valid({"event": "e"})


@pytest.mark.parametrize("item", [str, str | Seat, Literal["a", "b"]])
async def test_items_that_are_text_are_no_json(autojump_clock, item):
    assert (await item_schema(item))["properties"]["data"] == {"type": "string"}


async def test_other_responses_can_be_told_of_as_well(autojump_clock):
    responses: dict[int | str, Any] = {**EventStream.responses(Seat), 403: {"description": "Not for you"}}
    app = app_of(response_class=EventStream, responses=responses)
    async with TestClient(app) as client:
        described = (await client.get("/openapi.json")).json()["paths"]["/live"]["get"]["responses"]
    assert described["403"]["description"] == "Not for you"
    assert "itemSchema" in described["200"]["content"]["text/event-stream"]


@pytest.mark.parametrize("kind", ["dict", "generator"])
async def test_an_endpoint_that_returns_something_else_is_told_what_to_return(autojump_clock, kind):
    app = FastAPI(lifespan=stream_lifespan)
    if kind == "dict":

        @app.get("/live", response_class=EventStream)
        async def live():
            return {"a": 1}
    else:

        @app.get("/live", response_class=EventStream)
        async def live():
            yield {"a": 1}

    with pytest.raises(TypeError, match=r"must return an EventStream, as in `return EventStream\(source\)`"):
        async with TestClient(app) as client:
            await client.get("/live")


def test_its_signature_stays_what_it_is():
    assert inspect.signature(EventStream) == inspect.signature(ASGIEventStream)

    class Derived(EventStream):
        def __init__(self, room: str) -> None:
            super().__init__(source, label=room)

    assert list(inspect.signature(Derived).parameters) == ["room"]
    assert Derived("hall").label == "hall"
