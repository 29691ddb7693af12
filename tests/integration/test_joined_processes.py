"""Three processes and a server of Redis or Valkey, all killed again and again: against a list of what was published.

`CHIRP_TRIO_SOAK` makes it long: 300 clients, 20,000 events and a minute for each of ten seeds, from `CHIRP_TRIO_SEED` on
(default 1). What a seed decides is who is killed when, and who comes where; how far everything is by then it does not.
"""

import pytest
import trio

from tests.integration.joined import EVENTS, SECONDS, Process, World, play, read_wire
from tests.integration.joined_truth import GAP, violations_of
from tests.integration.soak.settings import LONG, SEED
from tests.redis_servers import RedisServer

SEEDS = range(SEED, SEED + 10) if LONG else [SEED]


@pytest.mark.timeout(0 if LONG else SECONDS + 400)  # to compare takes minutes where a machine is busy
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_nothing_is_lost_twice_or_out_of_order_whoever_is_killed(tmp_path, kind, seed):
    with RedisServer(kind, tmp_path / "server") as server:
        processes = [Process(server.url, tmp_path / f"{number}.log") for number in range(3)]
        try:
            for process in processes:
                process.start()
            world = World(seed, server, processes)
            truth = trio.run(play, world)
        finally:
            for process in processes:
                process.kill()
    check(world, truth, f"{kind}, seed {seed}")


def check(world, truth, what):
    """Against what was published and acknowledged: nothing is lost, twice, or out of order."""
    had = read_wire(world)
    found = violations_of(world.acknowledged, truth, had)
    delivered = sum(data is not None and name != GAP for events in had for _, name, data in events)
    told = sum(name == GAP for events in had for _, name, _ in events)
    print(
        f"\n{what}: {len(world.acknowledged)} events acknowledged of {world.published}, {len(truth)} there, {delivered} "
        f"delivered, {told} gaps told, {len(found)} violations; {world.done}"
    )
    logs = "\n".join(process.log.read_text()[-3000:] for process in world.processes)
    assert not found, "\n".join([*found[:20], logs])
    assert len(world.acknowledged) >= EVENTS, logs
