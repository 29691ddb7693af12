"""Conversations: what was asked, what is being answered, and how an answer is stopped and tried again.

Every answer has a task in a nursery of the app's. It needs nobody who looks: each token is added to the turn, and published.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal

import trio
from model import Message, ModelError

from chirp_trio import HTML, Fragment, Topic

TURNS = 50  # that are kept of a conversation
AT_ONCE = 4  # answers of a conversation
LONGEST_ANSWER = 20_000  # characters
PATIENCE = 60.0  # seconds for which a model may say nothing
CONVERSATIONS = 500  # that are kept

logger = logging.getLogger(__name__)

type Model = Callable[[Sequence[Message]], AsyncGenerator[str]]


class TooMany(Exception):
    """There are as many as there may be. Its text is shown to the user."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, as they are at one moment.

    Attributes:
        number: Its place in the conversation, which its elements and events are named by.
        text: What of the answer has been said so far.
        problem: Why the answer failed, if it did.
    """

    number: int
    question: str
    text: str = ""
    status: Literal["running", "complete", "stopped", "failed"] = "running"
    problem: str = ""

    @property
    def is_over(self) -> bool:
        return self.status != "running"


class Conversation:
    """The turns of one visitor, and the topic that all the visitor's windows are subscribed to.

    Args:
        topic: Can be given fragments, and remembers what was said for those who are away for a moment.
        model: Answers.
        nursery: Where the answers are made.
    """

    def __init__(self, topic: Topic, model: Model, nursery: trio.Nursery) -> None:
        self.topic = topic
        self._model = model
        self._nursery = nursery
        self._turns: dict[int, Turn] = {}
        self._running: dict[int, trio.CancelScope] = {}
        self._asked = 0

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The last turns, the oldest first, as of the topic's cursor."""
        return tuple(self._turns.values())

    @property
    def is_idle(self) -> bool:
        """Whether nobody looks at it, and no answer is being made."""
        return not self._running and not self.topic.subscribers

    def ask(self, question: str) -> None:
        """Begin a turn. Others may still run: each is streamed into its own element."""
        self._check_room()
        self._asked += 1
        turn = self._turns[self._asked] = Turn(self._asked, question)
        self._forget()
        self.topic.publish_nowait(Fragment("turn.html", event="turn", swap="beforeend", turn=turn))
        self._begin(turn.number)

    def retry(self, number: int) -> None:
        """Answer once more, where there is an answer that was stopped or has failed."""
        turn = self._turns.get(number)
        if turn is not None and turn.status in ("stopped", "failed"):
            self._check_room()
            self._show(number, text="", status="running", problem="")
            self._begin(number)

    def stop(self, number: int) -> None:
        """End an answer that runs: its task is cancelled, and with it the model's."""
        if number in self._running:
            self._running[number].cancel("somebody has stopped the answer")

    def _begin(self, number: int) -> None:
        self._running[number] = trio.CancelScope()
        self._nursery.start_soon(self._answer, number)

    async def _answer(self, number: int) -> None:
        """Make an answer. One that fails harms nothing but its own turn."""
        scope = self._running[number]
        outcome: dict[str, Any] = {"status": "complete"}
        with scope:
            try:
                await self._say(number)
            except ModelError as error:
                outcome = {"status": "failed", "problem": str(error)}
            except trio.TooSlowError:
                outcome = {"status": "failed", "problem": "The model has said nothing for too long."}
            except Exception:
                logger.exception("an answer failed")
                outcome = {"status": "failed", "problem": "Something went wrong here."}
        if scope.cancelled_caught:
            outcome = {"status": "stopped"}
        del self._running[number]
        self._show(number, **outcome)
        self._forget()

    async def _say(self, number: int) -> None:
        async with aclosing(self._model(self._messages(number))) as tokens:
            while len(self._turns[number].text) < LONGEST_ANSWER:
                with trio.fail_after(PATIENCE):
                    token = await anext(tokens, None)
                if token is None:
                    return
                # What a page begins with and what is published change together: there is no `await` in between.
                self._change(number, text=self._turns[number].text + token)
                self.topic.publish_nowait(HTML(escape(token), event=f"text-{number}", swap="beforeend"))
        raise ModelError("The answer is too long.")

    def _messages(self, number: int) -> list[Message]:
        """What the model gets: the turns before that are complete, and the question."""
        messages = []
        for turn in self._turns.values():
            if turn.number < number and turn.status == "complete":
                messages += [Message("user", turn.question), Message("assistant", turn.text)]
        return [*messages, Message("user", self._turns[number].question)]

    def _show(self, number: int, **changes: Any) -> None:
        turn = self._change(number, **changes)
        self.topic.publish_nowait(Fragment("answer.html", event=f"answer-{number}", swap="innerHTML", turn=turn))

    def _change(self, number: int, **changes: Any) -> Turn:
        turn = self._turns[number] = replace(self._turns[number], **changes)
        return turn

    def _check_room(self) -> None:
        if len(self._running) >= AT_ONCE:
            raise TooMany(f"{AT_ONCE} answers are being written. Wait for one, or stop one.")

    def _forget(self) -> None:
        """Keep the last turns, and whatever still runs."""
        for number in [number for number in self._turns if number not in self._running][:-TURNS]:
            del self._turns[number]


class Conversations:
    """The conversations of an app: those that were used last, and whichever is in use.

    Args:
        make_topic: Makes a topic that can be given fragments, by its name.
        model: Answers.
        nursery: Where the answers are made. When it is cancelled, they end.
    """

    def __init__(self, make_topic: Callable[[str], Topic], model: Model, nursery: trio.Nursery) -> None:
        self._make_topic = make_topic
        self._model = model
        self._nursery = nursery
        self._conversations: dict[str, Conversation] = {}

    def of(self, visitor: str) -> Conversation:
        """The visitor's conversation; an empty one, if there is none or it was forgotten."""
        conversation = self._conversations.pop(visitor, None)
        if conversation is None:
            self._make_room()
            conversation = Conversation(self._make_topic("conversation"), self._model, self._nursery)
        self._conversations[visitor] = conversation  # as the one that was used last
        return conversation

    def _make_room(self) -> None:
        if len(self._conversations) >= CONVERSATIONS:
            for visitor, conversation in self._conversations.items():
                if conversation.is_idle:
                    del self._conversations[visitor]
                    return
            raise TooMany("There are too many conversations. Try again in some minutes.")
