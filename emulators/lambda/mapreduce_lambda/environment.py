"""A Lambda execution environment: one Node process at a time, its own folder for /tmp, reused while warm.

If a process died, timed out or exceeded its memory, the next invocation starts a new one. The folder that replaces
/tmp is kept, as Lambda keeps /tmp when it resets an environment.
"""

import json
import os
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mapreduce_lambda import log_lines
from mapreduce_lambda.node_process import InitFailed, NodeProcess, Outcome
from mapreduce_lambda.process_limit import PROCESSES, Place

NODE = os.environ.get("MAPREDUCE_NODE", "node")
BOOTSTRAP = str(Path(__file__).parent.parent / "bootstrap.mjs")
# Lambda allows 10 s. On this machine, many environments may start at once on few cores.
INIT_TIMEOUT_S = 180
STOPPED = Outcome(
    json.dumps({"errorType": "Sandbox.Stopped", "errorMessage": "The environment was stopped"}).encode(), "Sandbox.Stopped"
)


@dataclass(frozen=True)
class FunctionSpec:
    name: str
    version: str
    runtime: str
    task_root: Path
    memory_size_mb: int
    timeout_s: int
    env: dict[str, str]
    """The variables from the emulator: region, credentials, endpoint, _HANDLER, log names, and those of the function."""


class Environment:
    def __init__(self, spec: FunctionSpec, *, retire: Callable[[], bool]):
        """`retire` stops this environment, unless an invocation uses it, and returns whether it did."""
        self._spec = spec
        self._retire = retire
        self._lock = threading.Lock()
        self._stopped = False
        self._tmp = tempfile.mkdtemp(prefix=f"lambda-{spec.name}-")
        self._env = {
            "PATH": os.pathsep.join([os.path.dirname(NODE), "/usr/local/bin", "/usr/bin", "/bin"]),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **spec.env,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_size_mb),
            "LAMBDA_TASK_ROOT": str(spec.task_root),
            "LAMBDA_RUNTIME_DIR": os.path.dirname(BOOTSTRAP),
            "TMPDIR": self._tmp,
            "HOME": self._tmp,
        }
        self._process: NodeProcess | None = None
        self._place: Place | None = None
        self._init_duration_ms: float | None = None
        self._last_log = ""
        # Node processes that abort at their heap limit would write gigabytes of core files.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive

    def start(self) -> None:
        """Runs INIT as soon as a process may start. Raises InitFailed with the response for the invocation."""
        place = PROCESSES.enter(self._retire)
        try:
            # Nobody would end a process that starts after stop().
            with self._lock:
                if self._stopped:
                    raise InitFailed(STOPPED)
                self._process = NodeProcess(
                    node=NODE,
                    bootstrap=BOOTSTRAP,
                    task_root=self._spec.task_root,
                    env=self._env,
                    memory_size_mb=self._spec.memory_size_mb,
                    on_exit=place.leave,
                )
        except BaseException:
            place.leave()
            raise
        self._place = place
        self._process.wait_until_ready(INIT_TIMEOUT_S)
        self._init_duration_ms = self._process.init_duration_ms

    def invoke(self, *, request_id: str, payload: bytes, arn: str, trace_id: str) -> tuple[Outcome, str]:
        """Called by one thread at a time. Returns the outcome and the log of the invocation."""
        spec = self._spec
        log = log_lines.start(request_id, spec.version)
        started_at = time.perf_counter()
        try:
            if not self.alive:
                log += self._take_log()
                self.start()
                started_at = time.perf_counter()
            self._place.busy()
            outcome = self._process.invoke(
                request_id=request_id, payload=payload, arn=arn, trace_id=trace_id, timeout_s=spec.timeout_s
            )
            # A dead process has already left its place.
            self._place.idle()
        except InitFailed as failed:
            outcome = failed.outcome
        duration_ms = (time.perf_counter() - started_at) * 1000

        log += self._take_log()
        if not log.endswith("\n"):
            log += "\n"
        if outcome.error_type == "Sandbox.Timedout":
            log += log_lines.timed_out(request_id, spec.timeout_s)
        log += log_lines.end(request_id)
        log += log_lines.report(
            request_id,
            duration_ms=duration_ms,
            memory_size_mb=spec.memory_size_mb,
            memory_used_mb=round(self._process.memory_used_bytes / 1024 / 1024) if self._process else 0,
            init_duration_ms=self._init_duration_ms,
            error_type=outcome.error_type,
        )
        self._init_duration_ms = None
        self._last_log = log
        return outcome, log

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
        if self._process:
            self._process.kill()
        shutil.rmtree(self._tmp, ignore_errors=True)

    def recent_log(self) -> str:
        return self._last_log + self._take_log()

    def _take_log(self) -> str:
        return self._process.take_log() if self._process else ""
