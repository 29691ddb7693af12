"""What an app's streams are likely to repeat, as events: for whoever makes a dictionary of it."""

import trio

from ..errors import ConfigurationError
from ..htmx import for_event_source
from ..topics import Topic
from ..wire import encode_event, encode_item
from .app import App, outline_of


async def recent_events(app: App, name: str, count: int, seconds: float) -> list[bytes]:
    """The newest events of a topic, as they are sent, the oldest first. The app runs for as long as it takes to have them.

    Args:
        app: The app.
        name: The topic's name.
        count: How many, at most.
        seconds: How long to wait for those that are not there yet.

    Raises:
        ConfigurationError: The app has no such topic; or it had no event in that time.
        Exception: Whatever the app's lifespan raised, or its stores.
    """
    topic = _find_topic(app, name)
    events: list[bytes] = []
    async with app.running():
        with trio.move_on_after(seconds):
            async for event in topic.subscribe(replay=count):
                events.append(encode_item(event, None, for_event_source))
                if len(events) == count:
                    break
    if not events:
        raise ConfigurationError(
            f"the topic {name!r} had no event within {seconds:g} seconds; give it a store that has some, publish in the "
            "app's lifespan, or take templates"
        )
    return events


def _find_topic(app: App, name: str) -> Topic:
    topics = outline_of(app).topics
    for topic in topics:
        if topic.name == name:
            return topic
    known = ", ".join(sorted(repr(topic.name) for topic in topics)) or "none"
    raise ConfigurationError(f"the app has no topic {name!r} when it is imported; its topics: {known}")


def template_event(app: App, name: str) -> bytes:
    """An event of what a template has as text, without what it computes, its comments and its statements.

    Raises:
        TemplateError: There is no such template, or it cannot be read.
    """
    return encode_event(outline_of(app).templates.text_of(name), None, None, None)
