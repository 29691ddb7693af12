"""What a publisher publishes again and again, and changes in between: nobody may see what becomes of it."""

from dataclasses import dataclass

from hypothesis import strategies as st

from chirp_trio import SSEEvent


@dataclass
class Record:
    topic: str
    number: int
    padding: str = ""


def number_of(value):
    """The number in a value, as it was published, or as it has come: in JSON, and read from a store."""
    if isinstance(value, SSEEvent):
        return number_of(value.data)
    number = value.number if isinstance(value, Record) else value["number"]
    return number[0] if isinstance(number, list) else number


class Reused:
    """One object for all events of a topic.

    Args:
        shape: What it is.
        later: What its number is changed to as soon as it is published.
        topic: The topic's name.
        padding: What it carries besides.
    """

    def __init__(self, shape, later, topic="model", padding=""):
        self._later = later
        content = {"topic": topic, "number": 0, "padding": padding}
        if shape == "a list inside":
            content["number"] = [0]
        self._content = Record(**content) if "record" in shape else content
        self._value = SSEEvent(self._content) if "event" in shape else self._content

    def publish(self, topic, number):
        self._set(number)
        id = topic.publish_nowait(self._value)
        self._set(self._later)
        return id

    def _set(self, number):
        if isinstance(self._content, Record):
            self._content.number = number
        elif isinstance(self._content["number"], list):
            self._content["number"][0] = number
        else:
            self._content["number"] = number


# What it is, and what it becomes: everybody's filter lets 0 pass, nobody's lets 1.
reuses = st.tuples(
    st.sampled_from(["a dict", "a list inside", "a record", "an event with a dict", "an event with a record"]),
    st.sampled_from([0, 1]),
)
