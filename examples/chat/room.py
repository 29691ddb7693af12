"""The room: what was said in it, and who is there."""

from collections import Counter, deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import trio
from kept import Kept

from chirp_trio import Fragment, Topic

SHOWN = 100  # messages that a page begins with
BEAT = 2.0  # seconds after which a page hears that it is still connected
KNOWN = 1000  # people whose colours are remembered
GOLDEN_ANGLE = 137.508  # degrees: turned by it again and again, no hue comes close to those shortly before


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and the colour that the name has everywhere: a hue, in degrees."""

    name: str
    hue: int

    @property
    def mark(self) -> str:
        """What stands for the name where not every character may: a page shows by it what its own reader has said."""
        return sha256(self.name.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said, and when."""

    author: Person
    text: str
    time: datetime


class Room:
    """A chat room.

    Args:
        topic: Reaches everybody in the room, and remembers what was said for those who are away for a moment.
        kept: What was said in it so far.
    """

    def __init__(self, topic: Topic, kept: Kept) -> None:
        self.topic = topic
        self.opened = datetime.now().astimezone()
        self._kept = kept
        self._visits = Counter[str]()
        self._people: dict[str, Person] = {}  # who was here or has said something
        self._met = 0
        self._changed = trio.Event()
        self._messages = deque(
            (Message(self.person(author), text, time) for author, text, time in kept.last(SHOWN)), maxlen=SHOWN
        )

    def say(self, name: str, text: str) -> None:
        """Keep a message, and show it to everybody."""
        message = Message(self.person(name), text, datetime.now().astimezone())
        self._kept.add(name, text, message.time)
        self._messages.append(message)
        self.topic.publish_nowait(Fragment("message.html", event="message", swap="beforeend", message=message))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The last messages, the oldest first: those up to the topic's cursor."""
        return tuple(self._messages)

    @property
    def people(self) -> list[Person]:
        """Who is here, by name."""
        return [self.person(name) for name in sorted(self._visits, key=str.casefold)]

    def person(self, name: str) -> Person:
        """Who is called that. Whoever is new here gets a colour that is unlike those of the ones before."""
        if name not in self._people:
            if len(self._people) >= KNOWN:
                del self._people[next(iter(self._people))]
            self._people[name] = Person(name, round(210 + self._met * GOLDEN_ANGLE) % 360)
            self._met += 1
        return self._people[name]

    async def visit(self, name: str) -> AsyncGenerator[Fragment]:
        """Be in the room for as long as this is read. Tells who is here: at once, with every change, and on every beat."""
        self._visits[name] += 1
        self._tell()
        try:
            while True:
                changed = self._changed
                yield Fragment("people.html", event="people", people=self.people, connected=True)
                with trio.move_on_after(BEAT):
                    await changed.wait()
        finally:
            self._visits -= Counter([name])
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
