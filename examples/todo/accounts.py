"""Users and their passwords, and the sessions of those who are logged in."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import compare_digest, token_urlsafe

import trio

from chirp_trio import Topic

IDLE = 30 * 60  # seconds after which a session is over if nothing was done with it
COST = 2**14  # of a hash, for scrypt: 16 MB and some hundredths of a second


@dataclass(frozen=True, slots=True)
class Password:
    """A password as it is kept: nobody can read it from this, and to try many of them takes long."""

    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, text: str) -> Password:
        salt = os.urandom(16)
        return cls(salt, _hash(text, salt))

    def matches(self, text: str) -> bool:
        return compare_digest(_hash(text, self.salt), self.hash)


@dataclass(slots=True, eq=False)
class Session:
    """Somebody who is logged in with one browser. All of its pages have it.

    Attributes:
        id: What the cookie holds; whoever knows it is this user. Like the token it stays out of logs.
        token: What the forms of its pages hold.
        topic: Reaches its pages.
        used: When something was last done with it.
        message: What its page is to show next.
    """

    user: str
    topic: Topic = field(repr=False)
    id: str = field(default_factory=token_urlsafe, repr=False)
    token: str = field(default_factory=token_urlsafe, repr=False)
    used: float = field(default_factory=trio.current_time)
    message: str = ""

    def use(self) -> None:
        """Let it go on for as long as a new one."""
        self.used = trio.current_time()

    def take_message(self) -> str:
        message, self.message = self.message, ""
        return message

    @property
    def has_expired(self) -> bool:
        return trio.current_time() >= self.used + IDLE


class Accounts:
    """Those who may log in, and those who are.

    Args:
        passwords: The password of each user.
        make_topic: Makes a topic that can be given fragments, by its name.
    """

    def __init__(self, passwords: Mapping[str, str], make_topic: Callable[[str], Topic]) -> None:
        self._passwords = {name: Password.of(password) for name, password in passwords.items()}
        self._nobodys = Password.of(token_urlsafe())
        self._make_topic = make_topic
        self._sessions: dict[str, Session] = {}

    async def check(self, name: str, password: str) -> bool:
        """Whether this is the user's password. To say no takes as long for somebody unknown."""
        known = self._passwords.get(name, self._nobodys)
        return await trio.to_thread.run_sync(known.matches, password)  # so slow that it would hold up everybody

    def open(self, user: str) -> Session:
        """A new session of a user."""
        self._sessions = {id: session for id, session in self._sessions.items() if not session.has_expired}
        session = Session(user, self._make_topic(f"a session of {user}"))
        self._sessions[session.id] = session
        return session

    def find(self, id: str) -> Session | None:
        """The session with that id; None if there never was one, or it is over."""
        session = self._sessions.get(id)
        return None if session is None or session.has_expired else session

    async def is_open(self, session: Session) -> bool:
        return self.find(session.id) is session

    def close(self, session: Session) -> None:
        """End a session: nobody finds it from now on."""
        self._sessions.pop(session.id, None)


def _hash(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(text.encode(), salt=salt, n=COST, r=8, p=1)
