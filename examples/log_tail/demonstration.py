"""A log to look at where the operator has named none: that of a shop, made up. Now and then it is rotated."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import trio

FIRST = 80  # lines that are there at once
ROTATED = 400  # lines after which the file is renamed, and another one begun
PACE = 0.6  # seconds from one entry to the next, about

ENTRIES = {  # what is logged, and how often
    "DEBUG shop.cache Product {number} from the cache, {small} ms old": 6,
    "INFO shop.web GET /products/{number} 200 in {small} ms": 12,
    "INFO shop.orders Order {number} paid with card, {price} EUR": 5,
    "INFO shop.mail “Your tea is on its way” sent to customer {number}": 3,
    'INFO shop.search No product for "<b>caf\u00e9 cr\u00e8me</b>" & 3 others': 1,
    "WARNING shop.stock Only {small} packets of Darjeeling are left": 2,
    "WARNING shop.web GET /search took {price} s": 1,
    "ERROR shop.payment Order {number} was refused: the card has expired": 1,
    "ERROR shop.export The warehouse does not answer\n"
    "Traceback (most recent call last):\n"
    '  File "/srv/shop/export.py", line {small}, in send\n'
    "    connection = connect(WAREHOUSE, timeout=10)\n"
    "TimeoutError: timed out": 1,
}


def entries(random: Random) -> Iterator[str]:
    """What the shop has to say, without the time."""
    texts, weights = list(ENTRIES), list(ENTRIES.values())
    while True:
        text = random.choices(texts, weights)[0]
        yield text.format(
            number=random.randint(1000, 9999), small=random.randint(2, 60), price=f"{random.uniform(3, 60):.2f}"
        )


async def write(path: Path) -> None:
    """Write the log, until it is cancelled."""
    random = Random(path.name)
    log = entries(random)
    first = FIRST
    while True:
        async with await trio.open_file(path, "a", encoding="utf-8") as file:
            for number in range(ROTATED):
                time = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
                await file.write(f"{time} {next(log)}\n")
                if number >= first:
                    await file.flush()
                    await trio.sleep(random.uniform(0, 2 * PACE))
        await trio.to_thread.run_sync(path.replace, path.with_suffix(".log.1"))
        first = 0
