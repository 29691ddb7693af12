"""The order of the test files over the processes of pytest-xdist: some compute, the others wait, so that no core is idle."""

from pathlib import PurePath

from xdist.scheduler import LoadFileScheduling

# Where tests mostly wait for what they have started: servers, clients and browsers. In the other folders, they compute.
WAITING = ("browser", "clients", "docs", "integration")

# The files that take longest by the clock. They are begun first, so that no process is busy with one of them when the others
# have finished; those that start browsers, which need a core, take turns with those that wait. It need not be complete.
LONGEST = (
    "docs/test_site_in_browser.py",
    "browser/test_specification.py",
    "browser/test_progress.py",
    "docs/test_browser.py",
    "docs/test_how_to.py",
    "integration/test_output.py",
    "browser/test_answers.py",
    "integration/test_redis_store.py",
    "browser/test_demo.py",
    "integration/test_redis_refusals.py",
    "browser/test_todo.py",
    "integration/test_hostile_frames.py",
    "docs/test_pages.py",
    "integration/test_redis_losses.py",
    "browser/test_compression.py",
    "integration/test_redis_presence_kept.py",
    "browser/test_log_tail.py",
    "integration/test_slow_readers.py",
    "browser/test_chat.py",
    "integration/test_redis_failures.py",
    "clients/test_clients.py",
    "integration/test_stalled_readers.py",
    "integration/test_other_frameworks.py",
    "integration/test_hostile_framing.py",
    "browser/test_accessibility.py",
    "integration/test_shutdown.py",
    "integration/test_import_cost.py",
    "integration/test_testing_both_ways.py",
    "integration/test_redis_models.py",
    "integration/test_redis_sentinel.py",
    "integration/test_workers.py",
    "integration/test_proxies.py",
    "integration/test_pytest_plugin.py",
    "integration/test_endings.py",
    "integration/test_process.py",
    "integration/test_joined_processes.py",
    "lifecycle/test_cancel_everywhere.py",
    "property/test_wire.py",
)


def longest_first(items):
    """Sort the tests so that the longest files come first, and all others stay where they are."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get("/".join(item.path.parts[-2:]), len(rank)))


def computes(path):
    return PurePath(path).parent.name not in WAITING


class SomeCompute(LoadFileScheduling):
    """Gives files to processes: of four or more, a quarter has those that compute, while there are both kinds.

    So these take about as long as the others, and wherever all others wait, there is something to do.
    """

    def _assign_work_unit(self, node):
        last = [list(files)[-1] for other, files in self.assigned_work.items() if files and other is not node]
        wants_to_compute = sum(map(computes, last)) < len(self.nodes) // 4
        wanted = next((path for path in self.workqueue if computes(path) == wants_to_compute), None)
        if wanted is not None:
            self.workqueue.move_to_end(wanted, last=False)
        super()._assign_work_unit(node)
