"""Limits the number of Node processes for all functions together to MAPREDUCE_FUNCTION_PROCESSES.

    enter() --> busy --idle()--> idle --busy()--> busy
                 |                |
                 +--> leave() <---+  its process has exited and was waited for

The emulators throttle invocations beyond the same number, as Lambda does at an account's concurrency limit, but neither
counts idle environments. This limit counts them. At the limit, a new process replaces the least recently used idle one.
If no process is idle, the new one waits.
"""

import os
import threading
from collections.abc import Callable

# The emulator releases an environment some time after idle(), and does not notify us, so we check again.
LOOK_AGAIN_S = 0.05


class ProcessLimit:
    def __init__(self, processes_max: int):
        self.processes_max = processes_max
        self._entering = threading.Lock()
        self._changed = threading.Condition()
        self._places: set[Place] = set()
        # Ordered by last use.
        self._idle: dict[Place, None] = {}

    def enter(self, retire: Callable[[], bool]) -> "Place":
        """Called before each start of a process. Blocks until the process may start.

        `retire` ends the environment of the new process, unless an invocation uses it, and returns whether it did. It is
        called only while the place is idle.
        """
        place = Place(self, retire)
        # Only one caller at a time, so that no other caller takes the place that this one frees.
        with self._entering:
            while True:
                with self._changed:
                    if len(self._places) < self.processes_max:
                        self._places.add(place)
                        return place
                    idle = list(self._idle)
                if not any(candidate.retire() for candidate in idle):
                    with self._changed:
                        self._changed.wait(LOOK_AGAIN_S)


class Place:
    def __init__(self, limit: ProcessLimit, retire: Callable[[], bool]):
        self._limit = limit
        self.retire = retire

    def busy(self) -> None:
        with self._limit._changed:
            self._limit._idle.pop(self, None)

    def idle(self) -> None:
        """Called after each invocation whose process has not ended."""
        with self._limit._changed:
            if self in self._limit._places:
                self._limit._idle[self] = None
                self._limit._changed.notify_all()

    def leave(self) -> None:
        """May be called more than once."""
        with self._limit._changed:
            self._limit._places.discard(self)
            self._limit._idle.pop(self, None)
            self._limit._changed.notify_all()


PROCESSES = ProcessLimit(int(os.environ["MAPREDUCE_FUNCTION_PROCESSES"]))
