"""Whatever a topic's streams have, in whatever order, decodes to exactly the plain stream of a client at the same time."""

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from chirp_trio import App, CompressionDictionary, EventStream, Request
from chirp_trio.testing import TestClient
from tests.property.test_compression import Gunzip, Unframe
from tests.strategies import examples, pieces

DICTIONARY = CompressionDictionary(b'data: {"price": 12.5}\n\n')
CODINGS = ["identity", "gzip", "zstd", "dcz"]
HEARTBEATS = 5  # seconds

PUBLISH = st.tuples(st.just("publish"), st.text(max_size=20) | st.sampled_from(["word " * 300, "x" * 70_000, "a\nb", ""]))
JOIN = st.tuples(st.just("join"), st.none() | st.integers(0, 5))  # after the event that was published so many events ago
PAUSE = st.tuples(st.just("pause"), st.sampled_from([0.01, 1, 12]))


@settings(max_examples=examples(25))
@given(st.lists(PUBLISH | JOIN | PAUSE, max_size=12), st.integers(1, 300))
def test_every_stream_decodes_to_the_plain_one_and_has_a_proper_end(script, size):
    for streams in trio.run(play, script, clock=trio.testing.MockClock(autojump_threshold=0)):
        plain = streams["identity"]
        assert decoded(Gunzip(), streams["gzip"], size) == plain
        assert decoded(Unframe(), streams["zstd"], size) == plain
        head, frames = streams["dcz"][:40], streams["dcz"][40:]
        assert head[8:] == DICTIONARY.hash
        assert decoded(Unframe(DICTIONARY._dictionary.as_prefix), frames, size) == plain


def decoded(reader, body, size):
    plain = b"".join(map(reader.read, pieces(body, size)))
    assert reader.is_complete()
    return plain


async def play(script):
    """The bytes of the streams, by their coding, for each time that somebody came."""
    app = App()
    topic = app.topic("events")
    ids, joined = [topic.cursor], []

    @app.route("/live")
    async def live(request: Request):
        return EventStream(topic.subscribe(request.last_event_id), compress=DICTIONARY, heartbeat_interval=HEARTBEATS)

    async def read(client, coding, id, streams):
        headers = {"accept-encoding": coding, "available-dictionary": DICTIONARY.available}
        if id is not None:
            headers["last-event-id"] = id
        async with client.stream("GET", "/live", headers=headers) as response:
            assert response.headers.get("content-encoding", "identity") == coding
            streams[coding] = b"".join([piece async for piece in response.aiter_raw()])

    async with TestClient(app) as client, trio.open_nursery() as nursery:
        for what, value in [("join", None), *script]:
            match what:
                case "publish":
                    ids.append(topic.publish_nowait(value))
                case "pause":
                    await trio.sleep(value)
                case "join":
                    joined.append({})
                    id = None if value is None else ids[-1 - min(value, len(ids) - 1)]
                    for coding in CODINGS:
                        nursery.start_soon(read, client, coding, id, joined[-1])
                    await trio.testing.wait_all_tasks_blocked()
        topic.close()
    return joined
