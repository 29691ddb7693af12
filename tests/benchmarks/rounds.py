"""The rounds: each stack of each workload in turn, until all has been measured often enough, or there is no more time."""

import sys
import time
from dataclasses import dataclass

from .load import Client
from .measure import Task
from .processes import raise_limit
from .workloads import IN_TURNS, WORKLOADS

PASSES = ("stacks", "others", "stacks", "stacks", "others", "others")
TRIES = 2  # after so many failures a stack is left alone


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all measurements share: the load client, the folder of the certificate, and when nothing further is begun."""

    client: Client
    folder: str
    deadline: float


def measure_streams(results, plan, is_chosen, conditions):
    """Measure the workloads that are chosen; where the system allows fewer connections, with fewer streams."""
    most = raise_limit(max(workload.streams for workload in WORKLOADS))
    for number, part in enumerate(PASSES[: plan.passes]):
        for workload in filter(is_chosen, WORKLOADS):
            for key, stack in in_turns(workload, part):
                is_left_out = plan.stacks is not None and key not in plan.stacks
                if is_left_out or not stack.is_installed or results.failed(workload, key) >= TRIES:
                    continue
                if time.monotonic() > conditions.deadline:
                    results.is_cut_short = True
                    return
                print(f"pass {number + 1} of {plan.passes}: {workload.title}, {stack.name}", file=sys.stderr)
                measure_one(results, workload, key, stack, plan, most, conditions)


def in_turns(workload, part):
    """The stacks of a pass, in the order in which they are measured."""
    stacks = list(getattr(workload, part).items())
    further = [(key, stack) for key, stack in stacks if key in IN_TURNS]
    return stacks + further * (workload.turns - 1 if part == "stacks" else 0)


def measure_one(results, workload, key, stack, plan, most, conditions):
    """One stack of a workload; what fails is noted, and the others are measured."""
    streams = min(most, max(1, round(workload.streams * plan.share)))
    window = workload.window * plan.share_of_time
    task = Task(workload.path.format(streams), streams, window, workload.protocol, conditions.client, conditions.folder)
    try:
        results.add(workload, key, workload.measure(stack, task))
    except Exception as error:
        print(f"{workload.title}, {stack.name} failed: {error}", file=sys.stderr)
        results.fail(workload, key, f"{error}" or type(error).__name__)
