"""One Node process and its communication through the Runtime API.

    starting --next--> idle (stopped) --invoke--> busy --response or error, then next--> idle
        |                                          |
        +--init/error, exit, too slow-->  gone  <--+--exit, out of memory, timeout

Between two invocations the process is stopped (SIGSTOP), and the next invocation resumes it (SIGCONT). Lambda freezes an
environment in the same way, so work that a handler left running does not continue unnoticed.
"""

import json
import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mapreduce_lambda.memory import WATCH, resident_bytes
from mapreduce_lambda.runtime_api import RuntimeApi

LOG_MAX_BYTES = 8 * 1024 * 1024


@dataclass
class Outcome:
    payload: bytes
    error_type: str | None = None
    """An error type of None means that the handler returned a response."""


class InitFailed(Exception):
    def __init__(self, outcome: Outcome):
        super().__init__(outcome.payload.decode(errors="replace"))
        self.outcome = outcome


class NodeProcess:
    def __init__(
        self,
        *,
        node: str,
        bootstrap: str,
        task_root: Path,
        env: dict[str, str],
        memory_size_mb: int,
        on_exit: Callable[[], None],
    ):
        self._on_exit = on_exit
        self.memory_limit_bytes = memory_size_mb * 1024 * 1024
        self.memory_used_bytes = 0
        self.out_of_memory = False
        self.init_duration_ms = 0.0
        self._started_at = time.perf_counter()
        self._api = RuntimeApi()
        # Lambda's own Node runtime gives old space the same share.
        self._process = subprocess.Popen(
            [node, f"--max-old-space-size={max(memory_size_mb * 9 // 10, 16)}", bootstrap],
            cwd=task_root,
            env={**env, "AWS_LAMBDA_RUNTIME_API": self._api.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pid = self._process.pid
        self._log = _Log(self._process.stdout)
        threading.Thread(target=self._report_exit, name="lambda-exit", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def note_memory(self, used_bytes: int) -> None:
        self.memory_used_bytes = max(self.memory_used_bytes, used_bytes)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Called once. Raises InitFailed, and the process has ended then."""
        WATCH.add(self)
        try:
            said = self._listen(time.monotonic() + timeout_s)
        finally:
            WATCH.remove(self)
        self.init_duration_ms = (time.perf_counter() - self._started_at) * 1000
        if said is not None and said[0] == "next":
            self._freeze()
            return
        if said is None:
            outcome = _failure("Sandbox.Timedout", f"INIT did not end within {timeout_s:.2f} seconds")
        elif said[0] == "init-error":
            outcome = _reported(said[1])
        else:
            outcome = self._died(None)
        self.kill()
        raise InitFailed(outcome)

    def invoke(self, *, request_id: str, payload: bytes, arn: str, trace_id: str, timeout_s: float) -> Outcome:
        """Called by one thread at a time. If the process ends with this Outcome, the next invocation needs a new process."""
        self._process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + timeout_s
        WATCH.add(self)
        self._api.events.put(
            {
                "payload": payload,
                "headers": {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout_s) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": arn,
                    "Lambda-Runtime-Trace-Id": trace_id,
                },
            }
        )
        try:
            return self._await_outcome(request_id, deadline, timeout_s)
        finally:
            WATCH.remove(self)
            self.note_memory(self._peak_memory())

    def take_log(self) -> str:
        self._log.drain()
        return self._log.take()

    def kill(self) -> None:
        if self.alive:
            self._process.kill()
        self._process.wait()
        self._log.drain()
        self._api.close()

    def _await_outcome(self, request_id: str, deadline: float, timeout_s: float) -> Outcome:
        outcome = None
        while True:
            said = self._listen(deadline)
            if said is None:
                self.kill()
                # A response counts even if the runtime did not ask for the next invocation.
                return outcome or _failure(
                    "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
                )
            if said[0] == "response":
                outcome = Outcome(said[1])
            elif said[0] in ("error", "init-error"):
                outcome = _reported(said[1])
            elif said[0] == "next":
                if outcome is not None:
                    self._freeze()
                    return outcome
            elif said[0] == "exit":
                self._api.close()
                return outcome or self._died(request_id)

    def _listen(self, deadline: float):
        try:
            return self._api.said.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            return None

    def _died(self, request_id: str | None) -> Outcome:
        code = self._process.wait()
        if code < 0:
            reason = f"Runtime exited with error: signal: {_signal_words(-code)}"
        elif code > 0:
            reason = f"Runtime exited with error: exit status {code}"
        else:
            reason = "Runtime exited without providing a reason"
        prefix = f"RequestId: {request_id} " if request_id else ""
        return _failure("Runtime.OutOfMemory" if self.out_of_memory else "Runtime.ExitError", f"{prefix}Error: {reason}")

    def _freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def _peak_memory(self) -> int:
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except OSError:
            pass
        return resident_bytes(self.pid) if self.alive else 0

    def _report_exit(self) -> None:
        self._process.wait()
        self._on_exit()
        self._log.drain()
        self._api.said.put(("exit",))


class _Log:
    """The output of the process since the last take(). If it is too long, a note replaces its middle."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._lock = threading.Lock()
        self._chunks = []
        self._bytes = 0
        self._dropped_bytes = 0
        os.set_blocking(pipe.fileno(), False)
        threading.Thread(target=self._run, name="lambda-log", daemon=True).start()

    def drain(self) -> None:
        """Reads the content of the pipe. Node writes to a pipe synchronously, so the pipe contains everything printed so far."""
        with self._lock:
            while not self._pipe.closed:
                try:
                    chunk = os.read(self._pipe.fileno(), 65536)
                except BlockingIOError:
                    return
                if not chunk:
                    self._pipe.close()
                    return
                if self._bytes + len(chunk) > LOG_MAX_BYTES:
                    self._dropped_bytes += len(chunk)
                else:
                    self._chunks.append(chunk)
                    self._bytes += len(chunk)

    def take(self) -> str:
        with self._lock:
            text = b"".join(self._chunks).decode(errors="replace")
            if self._dropped_bytes:
                text += f"\n[{self._dropped_bytes} bytes of log dropped beyond {LOG_MAX_BYTES}]\n"
            self._chunks, self._bytes, self._dropped_bytes = [], 0, 0
            return text

    def _run(self) -> None:
        while not self._pipe.closed:
            try:
                select.select([self._pipe], [], [])
            except (OSError, ValueError):
                return
            self.drain()


def _failure(error_type: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), error_type)


def _reported(body: bytes) -> Outcome:
    try:
        error_type = str(json.loads(body)["errorType"])
    except (ValueError, KeyError, TypeError):
        error_type = "Runtime.Unknown"
    return Outcome(body, error_type)


def _signal_words(number: int) -> str:
    return {signal.SIGKILL: "killed", signal.SIGABRT: "aborted", signal.SIGTERM: "terminated"}.get(
        number, signal.strsignal(number) or str(number)
    ).lower()
