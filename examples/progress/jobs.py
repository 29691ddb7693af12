"""Jobs: work that outlives the request that starts it, tells how far it is, can be cancelled, and ends with the app."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import trio

from chirp_trio import Fragment, SSEEvent, Topic

BEAT = 0.5  # seconds from one look at the progress to the next: pages are told at this rate, however fast the work is
NOTES = 200  # notes that a page begins with
KEPT = 10 * 60  # seconds that a job is remembered for when it is over

logger = logging.getLogger(__name__)

type Work = Callable[[Job], Awaitable[object]]


class JobFailed(Exception):
    """Work raises it where it cannot go on. Its text is shown to the user."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A job as it is at one moment.

    Attributes:
        total: How much there is to do.
        done: How much of it is done.
        seconds: How long it has taken.
        notes: What the work had to say on its way, the oldest first.
        result: What the work returned, if it is finished.
        problem: Why it failed, if it did.
    """

    total: int
    done: int = 0
    seconds: float = 0.0
    status: Literal["running", "finished", "failed", "cancelled"] = "running"
    notes: tuple[str, ...] = ()
    result: object = None
    problem: str = ""

    @property
    def is_over(self) -> bool:
        return self.status != "running"

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means all of it."""
        return 100 * self.done // self.total

    @property
    def seconds_left(self) -> float:
        """An estimate, once something is done: the rest goes as fast."""
        return self.seconds / self.done * (self.total - self.done)


class Job:
    """One job. What happens to it is published to a topic of its own, which is closed when it is over.

    Args:
        title: What it is called on its page.
        total: How much there is to do.
        make_topic: Makes a topic that can be given fragments, by its name.
    """

    def __init__(self, title: str, total: int, make_topic: Callable[[str], Topic]) -> None:
        self.id = secrets.token_urlsafe(9)  # whoever knows it may see the job, and nobody guesses it
        self.title = title
        self.topic = make_topic(f"job {self.id}")
        self.progress = Progress(total)
        self._began = trio.current_time()
        self._scope = trio.CancelScope()

    async def run(self, work: Work) -> None:
        """Do the work, and publish what comes of it. Work that fails harms nothing but its own job."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beat)
            with self._scope:
                try:
                    self._change(result=await work(self), status="finished")
                except JobFailed as error:
                    self._change(status="failed", problem=str(error))
                except Exception:
                    logger.exception("job %s failed", self.id)
                    self._change(status="failed", problem=f"Something went wrong here. The log has it under {self.id}.")
            if self._scope.cancelled_caught:
                self._change(status="cancelled")
            nursery.cancel_scope.cancel("the job is over")
        self._publish("progress")
        self._publish("outcome")
        self.topic.publish_nowait(SSEEvent("", event="over"))  # a browser that gets this does not come back
        self.topic.close()

    def advance(self, done: int, notes: Sequence[str] = ()) -> None:
        """For the work: so much more is done, and these notes are for everybody to see."""
        # What a page begins with and what is published change together: there is no `await` in between.
        self._change(done=self.progress.done + done, notes=(*self.progress.notes, *notes)[-NOTES:])
        for note in notes:
            self.topic.publish_nowait(Fragment("note.html", event="note", swap="afterbegin", note=note))

    def cancel(self) -> None:
        """Stop the work, if it is not over: it is cancelled at its next checkpoint."""
        self._scope.cancel("somebody has cancelled the job")

    async def _beat(self) -> None:
        while True:
            self._change()
            self._publish("progress")
            await trio.sleep(BEAT)

    def _change(self, **changes: Any) -> None:
        self.progress = replace(self.progress, seconds=trio.current_time() - self._began, **changes)

    def _publish(self, name: str) -> None:
        self.topic.publish_nowait(Fragment(f"{name}.html", event=name, job=self, progress=self.progress, connected=True))


class Jobs:
    """The jobs of an app: those that run, and for a while those that are over.

    Args:
        nursery: Where they run. When it is cancelled, they end.
        make_topic: Makes a topic that can be given fragments, by its name.
    """

    def __init__(self, nursery: trio.Nursery, make_topic: Callable[[str], Topic]) -> None:
        self._nursery = nursery
        self._make_topic = make_topic
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def start(self, title: str, total: int, work: Work) -> Job:
        """Start a job. Returns at once."""
        job = Job(title, total, self._make_topic)
        self._jobs[job.id] = job
        self._nursery.start_soon(self._run, job, work)
        return job

    def find(self, id: str) -> Job | None:
        """The job with that id; None if there never was one, or it is forgotten."""
        return self._jobs.get(id)

    async def _run(self, job: Job, work: Work) -> None:
        await job.run(work)
        await trio.sleep(KEPT)
        del self._jobs[job.id]
