"""What the programs share that try random images: how many, from which seed, and side by side.

OSB_SEED (default 1) and OSB_COUNT choose; OSB_LONG=1 tries a hundred times as many. Every image has a seed of its own, which
a failure names: OSB_SEED=that OSB_COUNT=1 tries it again alone.
"""

import concurrent.futures
import os
import random

DEFAULT_COUNT = 200
BATCH = 200  # images in one layout: its index is read anew for each


def seeds():
    count = int(os.environ.get("OSB_COUNT", DEFAULT_COUNT * (100 if os.environ.get("OSB_LONG") == "1" else 1)))
    first = int(os.environ.get("OSB_SEED", 1))
    return range(first, first + count)


def batches():
    found = seeds()
    return [found[begin:begin + BATCH] for begin in range(0, len(found), BATCH)]


def side_by_side(function, items):
    """The results of function(item, worker) in the items' order; no two calls have the same worker at once."""
    workers = list(range(os.cpu_count() or 1))

    def call(item):
        worker = workers.pop()
        try:
            return function(item, worker)
        finally:
            workers.append(worker)

    with concurrent.futures.ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(call, items))


def generator(seed, what):
    return random.Random(f"{what} {seed}")
