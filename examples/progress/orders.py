"""The work: files of orders, and how one is imported."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from random import Random

import trio
from jobs import Job, JobFailed

BITE = max(1, int(os.environ.get("BITE", "50")))  # orders that are imported at a time
PACE = BITE / 1000  # seconds from one bite to the next: faster than a thousand orders a second is over too soon to be watched
PRICES = {"Tea": "4.80", "Coffee": "7.20", "Cocoa": "5.50", "Honey": "6.90", "Biscuits": "3.40"}


@dataclass(frozen=True, slots=True)
class File:
    """A file of orders, made up, and always the same. It stands for what a user would upload.

    Attributes:
        name: Its name.
        orders: How many orders should be in it.
        cut_off: In which order it ends; None: it is complete.
    """

    name: str
    orders: int
    cut_off: int | None = None

    def lines(self) -> Iterator[str]:
        """Its lines: number, product, how many, and the price of one. Now and then something is wrong with one."""
        random = Random(self.name)
        for number in range(1, self.orders + 1):
            product = random.choice(list(PRICES))
            if number == self.cut_off:
                yield f"{number},{product[:3]}"
                return
            count = random.randint(1, 9) if random.random() > 0.003 else 0
            price = PRICES[product] if random.random() > 0.003 else "n/a"
            yield f"{number},{product},{count},{price}\n"


FILES = {
    file.name: file
    for file in (File("orders-march.csv", 3_000), File("orders-2026.csv", 30_000), File("orders-april.csv", 5_000, 2_718))
}


@dataclass(frozen=True, slots=True)
class Report:
    """What has come of an import."""

    imported: int
    skipped: int
    revenue: Mapping[str, Decimal]  # of each product, the largest first


class Importer:
    """Imports orders from lines."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rows = csv.reader(lines)
        self._imported = self._skipped = 0
        self._revenue = dict.fromkeys(PRICES, Decimal())

    def take(self, most: int) -> tuple[int, list[str]]:
        """Import the next orders. Blocks, as whoever reads files or asks a database does.

        Returns:
            How many there were, and what is wrong with those that were skipped.

        Raises:
            JobFailed: The file is cut off.
        """
        rows = list(islice(self._rows, most))
        problems = []
        for row in rows:
            if len(row) != 4:
                raise JobFailed(f"The file ends in the middle of line {self._rows.line_num:,}. Was it uploaded completely?")
            number, product, count, price = row
            try:
                self._revenue[product] += _amount(count, price)
                self._imported += 1
            except ValueError as error:
                self._skipped += 1
                problems.append(f"Order {int(number):,} skipped: {error}")
        return len(rows), problems

    def report(self) -> Report:
        """What has come of it so far."""
        revenue = sorted(self._revenue.items(), key=lambda product: product[1], reverse=True)
        return Report(self._imported, self._skipped, dict(revenue))


def _amount(count: str, price: str) -> Decimal:
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"“{count}” is no quantity")
    try:
        return int(count) * Decimal(price)
    except InvalidOperation:
        raise ValueError(f"“{price}” is no price") from None


async def import_orders(file: File, job: Job) -> Report:
    """Import a file, bite by bite: each in a thread, because it blocks. Between two of them the job can be cancelled."""
    importer = Importer(file.lines())
    while True:
        done, problems = await trio.to_thread.run_sync(importer.take, BITE)
        if not done:
            return importer.report()
        job.advance(done, problems)
        await trio.sleep(PACE)
