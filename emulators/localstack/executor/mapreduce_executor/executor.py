"""A Lambda execution environment: at most one Node process at a time, its own /tmp, reused while warm.

A process that died, timed out or outgrew its memory is replaced at the next invocation; the folder that stands for
/tmp is kept through that, as Lambda keeps it when it resets an environment.
"""

import logging
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from localstack.aws.api.lambda_ import PackageType
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from mapreduce_executor import log_lines
from mapreduce_executor.node_process import InitFailed, NodeProcess

LOG = logging.getLogger(__name__)

NODE = os.environ.get("MAPREDUCE_NODE", "node")
BOOTSTRAP = os.environ.get("MAPREDUCE_BOOTSTRAP", "")
# Lambda allows 10 s. Here many environments may start at once on few cores.
INIT_TIMEOUT_S = 60
# Names of LocalStack's own that no Lambda has.
DROPPED_PREFIXES = ("LOCALSTACK_", "EDGE_PORT")


class NodeProcessExecutor(RuntimeExecutor):
    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._env: dict[str, str] = {}
        self._process: NodeProcess | None = None
        self._tmp: Path | None = None
        self._stopped = False
        self._init_duration_ms: float | None = None
        self._last_log = ""

    def start(self, env_vars: dict[str, str]) -> None:
        self._tmp = Path(tempfile.mkdtemp(prefix=f"lambda-{self.function_version.id.function_name}-"))
        task_root = str(self._task_root)
        kept = {name: str(value) for name, value in env_vars.items() if not name.startswith(DROPPED_PREFIXES)}
        self._env = {
            "PATH": os.pathsep.join([os.path.dirname(NODE), "/usr/local/bin", "/usr/bin", "/bin"]),
            "LANG": "en_US.UTF-8",
            **kept,
            "LAMBDA_TASK_ROOT": task_root,
            "LAMBDA_RUNTIME_DIR": os.path.dirname(BOOTSTRAP),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.function_version.config.runtime}",
            "TMPDIR": str(self._tmp),
            "HOME": str(self._tmp),
        }
        if log_group := (self.function_version.config.logging_config or {}).get("LogGroup"):
            self._env["AWS_LAMBDA_LOG_GROUP_NAME"] = log_group
        try:
            self._start_process()
        except InitFailed as failed:
            # LocalStack answers the invocation with this payload.
            raise StatusErrorException("Environment startup failed", payload=failed.outcome.payload) from failed

    def stop(self) -> None:
        self._stopped = True
        if self._process:
            self._process.kill()
        if self._tmp:
            shutil.rmtree(self._tmp, ignore_errors=True)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        config = self.function_version.config
        log = log_lines.start(request_id, self.function_version.id.qualifier)
        started_at = time.perf_counter()
        try:
            if not self._process.alive:
                log += self._process.take_log()
                self._start_process()
            outcome = self._process.invoke(
                request_id=request_id,
                payload=payload["payload"].encode(),
                arn=payload["invoked-function-arn"],
                trace_id=payload["trace-id"],
                timeout_s=config.timeout,
            )
        except InitFailed as failed:
            outcome = failed.outcome
        duration_ms = (time.perf_counter() - started_at) * 1000
        if self._stopped:
            raise LambdaRuntimeException(f"Environment {self.id} was stopped during an invocation")

        log += self._process.take_log()
        if not log.endswith("\n"):
            log += "\n"
        if outcome.error_type == "Sandbox.Timedout":
            log += log_lines.timed_out(request_id, config.timeout)
        log += log_lines.end(request_id)
        log += log_lines.report(
            request_id,
            duration_ms=duration_ms,
            memory_size_mb=config.memory_size,
            memory_used_mb=round(self._process.memory_used_bytes / 1024 / 1024),
            init_duration_ms=self._init_duration_ms,
            error_type=outcome.error_type,
        )
        self._init_duration_ms = None
        self._last_log = log
        return InvocationResult(request_id, outcome.payload, is_error=outcome.error_type is not None, logs=log)

    def get_logs(self) -> str:
        return self._last_log + (self._process.take_log() if self._process else "")

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "unused"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        config = function_version.config
        if config.package_type != PackageType.Zip or not str(config.runtime).startswith("nodejs"):
            raise LambdaRuntimeException(
                f"{function_version.id.function_name}: runtime {config.runtime or config.package_type} is not "
                "available here, only Node functions from a zip archive (nodejs*). Real AWS has no such limit."
            )
        config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        # Nothing: versions share the unpacked code, and the state folder goes when LocalStack stops.
        pass

    @classmethod
    def validate_environment(cls) -> bool:
        # Aborting Node processes (heap limit) would leave gigabytes of core files.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        return os.path.isfile(BOOTSTRAP)

    @property
    def _task_root(self) -> Path:
        return self.function_version.config.code.get_unzipped_code_location()

    def _start_process(self) -> None:
        self._process = NodeProcess(
            node=NODE,
            bootstrap=BOOTSTRAP,
            task_root=self._task_root,
            env=self._env,
            memory_size_mb=self.function_version.config.memory_size,
        )
        self._process.wait_until_ready(INIT_TIMEOUT_S)
        self._init_duration_ms = self._process.init_duration_ms
