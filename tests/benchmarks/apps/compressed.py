"""Compressed streams of this library, in the coding that the client asks for. A POST publishes the next event."""

from chirp_trio import App, CompressionDictionary, EventStream

from .cards import MAKE

app = App()
topics = {}
quotes = app.topic("json/dcz")
dictionaries = {
    "fragment": CompressionDictionary.of_events([MAKE["fragment"]()]),
    "json": CompressionDictionary.of_events([MAKE["json"]() for _ in range(8)], id=quotes.cursor),
}
paths = {kind: app.dictionary(dictionary, match=f"/{kind}/*") for kind, dictionary in dictionaries.items()}


def find_topic(kind, coding):
    """Streams in each coding have a topic of their own, so that they can be measured in turn."""
    if (kind, coding) == ("json", "dcz"):
        return quotes
    return topics.get((kind, coding)) or topics.setdefault((kind, coding), app.topic(f"{kind}/{coding}"))


@app.route("/dictionary/{kind}")
async def get_dictionary_path(kind):
    return paths[kind]


@app.route("/{kind}/{coding}")
async def get_stream(kind, coding):
    return EventStream(find_topic(kind, coding).subscribe(), compress=dictionaries[kind])


@app.route("/{kind}/{coding}", methods=["POST"])
async def publish(kind, coding):
    find_topic(kind, coding).publish_nowait(MAKE[kind]())
