"""Kills a Node process that exceeds its function's MemorySize, as Lambda's cgroup does.

The limit applies to resident memory. Node reserves far more address space than it uses, so RLIMIT_AS would kill it at
once. One thread checks every running process each 50 ms (15 us per check), and misses shorter peaks.
"""

import os
import signal
import sys
import threading

LOOK_EVERY_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
ON_LINUX = sys.platform.startswith("linux")


def resident_bytes(pid: int) -> int:
    """Returns 0 if the process has ended."""
    if ON_LINUX:
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                return int(statm.read().split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            return 0
    import psutil

    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


class MemoryWatch:
    def __init__(self):
        self._lock = threading.Lock()
        self._watched = {}
        self._thread = None
        self._work = threading.Event()

    def add(self, process) -> None:
        """Called at the start of an invocation; `process` has pid, memory_limit_bytes, note_memory, out_of_memory."""
        with self._lock:
            self._watched[process.pid] = process
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lambda-memory-watch", daemon=True)
                self._thread.start()
        self._work.set()

    def remove(self, process) -> None:
        with self._lock:
            self._watched.pop(process.pid, None)
            if not self._watched:
                self._work.clear()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._work.wait()
            with self._lock:
                watched = list(self._watched.values())
            for process in watched:
                used = resident_bytes(process.pid)
                process.note_memory(used)
                if used > process.memory_limit_bytes:
                    process.out_of_memory = True
                    self.remove(process)
                    try:
                        os.kill(process.pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            pause.wait(LOOK_EVERY_S)


WATCH = MemoryWatch()
