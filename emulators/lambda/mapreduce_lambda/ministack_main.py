"""MiniStack, with two changes: `python -m mapreduce_lambda.ministack_main`.

1. Its Node workers are replaced by environments that speak the Runtime API. Its own report every failure as
   Runtime.HandlerError, so that no Retry of a state machine that names an error would match; they have no memory
   limit, and all share one temporary folder.
2. It does not bind port 443 as well, which it does when started by root.
"""

import hashlib
import io
import json
import os
import tempfile
import threading
import zipfile
from pathlib import Path

from ministack import app
from ministack.core import lambda_runtime
from ministack.core import tls
from ministack.services import lambda_svc

from mapreduce_lambda.environment import Environment, FunctionSpec
from mapreduce_lambda.node_process import InitFailed

_unpacking = threading.Lock()


class NodeWorker(lambda_runtime.Worker):
    """MiniStack leases a worker to one invocation at a time, and kills workers through `_proc`."""

    def _spawn(self):
        if self._proc is None:
            self._proc = _Process(Environment(_spec_of(self.config, self.code_zip)))

    def invoke(self, event, request_id, *, trace_id=None, invoked_function_arn=None, **_unused):
        with self._lock:
            cold = self._proc is None
            self._spawn()
            outcome, log = self._proc.environment.invoke(
                request_id=request_id,
                payload=json.dumps(event).encode(),
                arn=invoked_function_arn or self.config.get("FunctionArn", ""),
                trace_id=trace_id or "",
            )
        answer = json.loads(outcome.payload or b"null")
        if outcome.error_type is None:
            return {"status": "ok", "result": answer, "cold_start": cold, "log": log}
        return {"status": "error", "error_payload": answer, "cold_start": cold, "log": log}


class _Process:
    """An environment with the face of a subprocess.Popen, as far as MiniStack looks at it."""

    def __init__(self, environment: Environment):
        self.environment = environment

    def poll(self):
        return None if self.environment.alive else 1

    def terminate(self):
        self.environment.stop()

    kill = terminate

    def wait(self, timeout=None):
        return 0


def _spec_of(config: dict, code_zip: bytes) -> FunctionSpec:
    _account, region = lambda_runtime._account_region_from_function_config(config)
    name = config.get("FunctionName", "")
    scheme = "https" if tls.use_ssl_enabled() else "http"
    logging = config.get("LoggingConfig") or {}
    env = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        **lambda_runtime.execution_credentials(config),
        "AWS_ENDPOINT_URL": f"{scheme}://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": os.urandom(16).hex(),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "_HANDLER": config.get("Handler", ""),
        **(config.get("Environment") or {}).get("Variables", {}),
    }
    if logging.get("LogFormat") == "JSON":
        env["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
    if "NODE_EXTRA_CA_CERTS" in os.environ:
        env.setdefault("NODE_EXTRA_CA_CERTS", os.environ["NODE_EXTRA_CA_CERTS"])
    return FunctionSpec(
        name=name,
        version=config.get("Version", "$LATEST"),
        runtime=config.get("Runtime", ""),
        task_root=_unpacked(code_zip),
        memory_size_mb=int(config.get("MemorySize") or 128),
        timeout_s=int(config.get("Timeout") or 3),
        env=env,
    )


def _unpacked(code_zip: bytes) -> Path:
    folder = Path(tempfile.gettempdir()) / f"lambda-code-{hashlib.sha256(code_zip).hexdigest()[:16]}"
    with _unpacking:
        if not folder.exists():
            half_done = folder.with_suffix(".part")
            zipfile.ZipFile(io.BytesIO(code_zip)).extractall(half_done)
            half_done.rename(folder)
    return folder


def _replace_node_workers() -> None:
    class_for = lambda_runtime._worker_class_for
    execute = lambda_svc._execute_function_warm

    def node_worker_or(config: dict):
        return NodeWorker if str(config.get("Runtime", "")).startswith("nodejs") else class_for(config)

    def execute_keeping_the_error_type(func: dict, event: dict, request_id: str) -> dict:
        config = func.get("config") or func
        if str(config.get("Runtime", "")).startswith("nodejs"):
            # The path of custom runtimes passes the error on as the runtime reported it.
            return lambda_svc._execute_function_provided_warm(func, event, request_id)
        return execute(func, event, request_id)

    lambda_runtime._worker_class_for = node_worker_or
    lambda_svc._execute_function_warm = execute_keeping_the_error_type


def _leave_port_443_alone() -> None:
    bindable = app._port_is_bindable
    app._port_is_bindable = lambda host, port: port != 443 and bindable(host, port)


if __name__ == "__main__":
    _replace_node_workers()
    _leave_port_443_alone()
    app.main()
