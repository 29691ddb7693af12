"""Context variables: something that runs in another context than its task's."""

from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from types import coroutine


@coroutine
def run_in[Result](
    context: Context, job: Callable[[], Coroutine[object, object, Result]]
) -> Generator[object, object, Result]:
    """Run a job in a context other than its task's: each of its steps is run in that context.

    Args:
        context: The context, which nothing else uses meanwhile.
        job: The job.

    Returns:
        What the job returns.
    """
    running = context.run(job)
    step: Callable[..., object] = running.send
    value: object = None
    while True:
        try:
            waits_for = context.run(step, value)
        except StopIteration as end:
            result: Result = end.value
            return result
        try:
            value = yield waits_for
            step = running.send
        except BaseException as error:
            value = error
            step = running.throw
