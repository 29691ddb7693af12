"""Where the server has what processes tell one another, and how that is written."""

import json

from .attendance import Key


class PeerKeys:
    """The keys and the channel of the processes with one prefix.

    Args:
        prefix: That of the store.
        id: The name of this process, drawn by lot.

    Attributes:
        id: See above.
        channel: Where everything is told.
        names: The set of processes that have subscriptions, and may have died.
        notices: The stream of notices.
        own: The hash of this process.
    """

    def __init__(self, prefix: str, id: str) -> None:
        self.id = id
        self.channel = f"{prefix}:processes".encode()
        self.names = self.channel + b":present"
        self.notices = self.channel + b":notices"
        self.own = self.of(id)

    def of(self, id: str) -> bytes:
        """The hash of a process: how many subscriptions it has, by fields; the empty one is the count of what it has told."""
        return self.channel + b":" + id.encode()


def field_of(key: Key) -> str:
    """A topic and a member, as the field of a hash."""
    return json.dumps(key)


def parse_field(field: str | bytes) -> Key:
    """The same the other way round."""
    topic, member = json.loads(field)
    return topic, member
