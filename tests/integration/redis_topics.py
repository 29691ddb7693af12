"""What tests ask of topics that are in a server of Redis or Valkey."""

import trio

from chirp_trio import StoreError
from chirp_trio.topics.topic import audience_of


async def values(topic, last_event_id, count):
    """What somebody gets who comes back; a gap as what it says is missing."""
    got = []
    with trio.fail_after(20):
        events = aiter(topic.subscribe(last_event_id))
        while len(got) < count:
            event = await anext(events)
            got.append(("gap", event.value["missed"]) if event.event == "chirp:gap" else event.value)
    return got


async def publish_at_last(topic, value):
    """Publish as soon as that is possible again."""
    with trio.fail_after(20):
        while True:
            try:
                return await topic.publish(value)
            except StoreError:
                await trio.sleep(0.05)


def remembered(topic):
    """What is there."""
    return [event.value for event in audience_of(topic).log.since(0, 10**6)]
