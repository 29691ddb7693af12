"""The language model: a stand-in that needs no network. Replace `answer` by a real one, and nothing else has to change.

The libraries of most providers run on trio where they are made of httpx. With openai's:

    client = openai.AsyncOpenAI()

    async def answer(messages: Sequence[Message]) -> AsyncGenerator[str]:
        request = {"model": "gpt-5", "messages": [asdict(message) for message in messages], "stream": True}
        try:
            async with await client.chat.completions.create(**request) as chunks:
                async for chunk in chunks:
                    if chunk.choices and (token := chunk.choices[0].delta.content):
                        yield token
        except openai.OpenAIError as error:
            raise ModelError("The model cannot be reached.") from error

Whoever stops an answer cancels the task that reads it, and so the `async with` closes the connection to the provider.
"""

import os
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import trio

THINKING = 0.4  # seconds before the first token
PACE = float(os.environ.get("PACE", "0.02"))  # seconds from one token to the next

# What the page offers to ask.
CANCEL, ESCAPE, STORY, FAIL = SUGGESTIONS = (
    "How do I cancel a task in trio?",
    "What are <b> and & in HTML?",
    "Tell me a long story",
    "Fail half-way",
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as providers take it."""

    role: Literal["user", "assistant"]
    content: str


class ModelError(Exception):
    """The model cannot go on. Its text is shown to the user."""


async def answer(messages: Sequence[Message]) -> AsyncGenerator[str]:
    """The tokens of an answer to the last of the messages."""
    question = messages[-1].content
    text = ANSWERS.get(question) or ECHO.format(question=question, number=sum(message.role == "user" for message in messages))
    tokens = re.findall(r"\s*(?:\w{1,7}|[^\w\s])|\s+", text)
    fails_at = len(tokens) // 2 if question == FAIL and next(_failing) else None
    await trio.sleep(THINKING)
    for number, token in enumerate(tokens):
        if number == fails_at:
            raise ModelError("The model has closed the connection.")
        yield token
        await trio.sleep(PACE)


_failing = cycle([True, False])

ECHO = """\
This model knows only a few answers by heart, and **{question}** is not among them.

It is question {number} of this conversation, which the model gets as a whole: a real one would know what was said before.
"""

ANSWERS = {
    CANCEL: """\
Put what it does into a **cancel scope**, and cancel that:

```python
async def main():
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, 1 < 2 & 3)
            await trio.sleep(5)
            scope.cancel()
    if scope.cancelled_caught:
        print("<b>stopped</b>")
```

What happens then:

1. Each task in the scope gets `trio.Cancelled` at its next checkpoint.
2. Its `finally` blocks run, and its `async with` blocks are left.
3. The nursery ends when its last task has.

For a deadline there are two shorter ways:

- `trio.move_on_after(5)` goes on behind the block.
- `trio.fail_after(5)` raises `trio.TooSlowError`.
""",
    ESCAPE: """\
`<b>` makes text bold: `<b>tea</b> & <i>milk</i>`.

In a page that shows what somebody has typed, or a model has said, three characters must not stay as they are:

- `<` becomes `&lt;`
- `>` becomes `&gt;`
- `&` becomes `&amp;`

If they did, <b>this would be bold</b>, and <script>alert("this")</script> would run. R&D &amp; co. are safe here.
""",
    FAIL: """\
This answer breaks off in the middle, as happens to answers of real models when a connection is lost or a quota is used up.

- What was said so far stays in sight.
- Below it stands what has gone wrong, and a button that asks again.

Every other time it comes to its end, which is here.
""",
    STORY: "## The stream\n\n"
    + "\n\n".join(
        f"On day {day} the boat went on, past **{place}**, and the river was wider than the day before. "
        "Somebody at the bank called out a word & waved, the helmsman called another one back, and so it went until dark."
        for day, place in enumerate(["the mill", "a ferry", "the old bridge", "two islands", "a harbour", "the light"] * 4, 1)
    )
    + "\n\nThen it came to the sea, and there was no more to tell.\n",
}
