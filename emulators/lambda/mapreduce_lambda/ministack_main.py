"""Runs MiniStack with these changes: `python -m mapreduce_lambda.ministack_main`.

1. Environments that use the Runtime API replace MiniStack's Node workers. Its own workers report every failure as
   Runtime.HandlerError, so a Retry that names an error would never match. They have no memory limit, and all share one
   temporary folder.
2. MiniStack does not bind port 443. Without this change it does, if root starts it.
3. Beyond the account's concurrency limit, a task of a state machine fails with Lambda.TooManyRequestsException instead
   of Lambda.Unknown, and an asynchronous invocation waits instead of being dropped.
4. A Retry uses MaxDelaySeconds and JitterStrategy. Without jitter, all tasks that were throttled together would retry
   together.
5. DescribeStateMachineForExecution returns the definition with which the execution started. Without this change, it
   returns the current one, although the execution does not use that.
6. A Map uses MaxConcurrencyPath. Without this change, it runs all its items at once.
"""

import functools
import hashlib
import io
import json
import os
import random
import tempfile
import threading
import time
import zipfile
from contextvars import ContextVar
from pathlib import Path

from ministack import app
from ministack.core import lambda_runtime
from ministack.core import tls
from ministack.services import eventbridge, lambda_svc, stepfunctions
from ministack.services.cloudformation import custom_resource

from mapreduce_lambda.environment import Environment, FunctionSpec
from mapreduce_lambda.node_process import InitFailed

_unpacking = threading.Lock()
# Lambda retries for 6 hours, first after a second and later every 5 minutes. Functions on this machine finish sooner.
QUEUED_MAX_S = 6 * 60 * 60
QUEUE_DELAY_MIN_S = 0.2
QUEUE_DELAY_MAX_S = 5
# The longest MaxDelaySeconds that Step Functions allows.
DELAY_MAX_S = 31_622_400


class NodeWorker(lambda_runtime.Worker):
    """MiniStack leases a worker to one invocation at a time, and kills workers through `_proc`."""

    def _spawn(self):
        if self._proc is None:
            self._proc = _Process(Environment(_spec_of(self.config, self.code_zip), retire=self._retire))

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

    def _retire(self) -> bool:
        with lambda_runtime._lock:
            if self.in_use:
                return False
            for workers in lambda_runtime._workers.values():
                if self in workers:
                    workers.remove(self)
        self.kill()
        return True


class _Process:
    """An environment with the parts of the interface of subprocess.Popen that MiniStack uses."""

    def __init__(self, environment: Environment):
        self.environment = environment
        self._stopped = False

    def poll(self):
        """An environment outlives its processes."""
        return 0 if self._stopped else None

    def terminate(self):
        self._stopped = True
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
            # The code for custom runtimes returns the error as the runtime reported it.
            return lambda_svc._execute_function_provided_warm(func, event, request_id)
        return execute(func, event, request_id)

    lambda_runtime._worker_class_for = node_worker_or
    lambda_svc._execute_function_warm = execute_keeping_the_error_type


def _throttle_as_lambda_does() -> None:
    execute = lambda_svc._execute_function
    call_from_state_machine = stepfunctions._call_lambda
    asynchronous = ContextVar("asynchronous", default=False)
    # Holds a list, because MiniStack executes functions in a copy of the context.
    throttles = ContextVar("throttles")

    def execute_when_there_is_room(func: dict, event: dict) -> dict:
        result = execute(func, event)
        if result.get("throttle"):
            throttles.get([]).append(result)
        if not asynchronous.get():
            return result
        give_up_at = time.monotonic() + QUEUED_MAX_S
        delay_s = QUEUE_DELAY_MIN_S
        while result.get("throttle") and time.monotonic() < give_up_at:
            time.sleep(random.uniform(delay_s / 2, delay_s))
            delay_s = min(delay_s * 2, QUEUE_DELAY_MAX_S)
            result = execute(func, event)
        return result

    def when_there_is_room(invoke):
        @functools.wraps(invoke)
        def invoke_when_there_is_room(*args, **kwargs):
            # A thread that MiniStack starts in a copy of this context waits too.
            token = asynchronous.set(True)
            try:
                return invoke(*args, **kwargs)
            finally:
                asynchronous.reset(token)

        return invoke_when_there_is_room

    def dispatch_event(arn: str, payload: str) -> None:
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not func or not config:
            eventbridge.logger.warning("EventBridge -> Lambda: function %s not found", name)
            return
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = {"body": payload}
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(func, config), event)

    def call_or_fail(func_ref, event):
        found = []
        token = throttles.set(found)
        try:
            return call_from_state_machine(func_ref, event)
        except stepfunctions._ExecutionError as error:
            if not found:
                raise
            raise stepfunctions._ExecutionError("Lambda.TooManyRequestsException", error.cause) from error
        finally:
            throttles.reset(token)

    lambda_svc._execute_function = execute_when_there_is_room
    lambda_svc.invoke_async_with_retry = when_there_is_room(lambda_svc.invoke_async_with_retry)
    custom_resource.invoke_custom_resource = when_there_is_room(custom_resource.invoke_custom_resource)
    eventbridge._dispatch_to_lambda = dispatch_event
    stepfunctions._call_lambda = call_or_fail


def _delay_retries_as_told() -> None:
    find = stepfunctions._find_matching_retrier

    def find_and_delay(retriers, error, retry_counts):
        retrier, index = find(retriers, error, retry_counts)
        if retrier is None:
            return retrier, index
        retries = retry_counts.get(index, 0)
        # A higher power would exceed the longest delay anyway.
        factor = float(retrier.get("BackoffRate", 2.0)) ** min(retries, 100)
        delay_s = min(retrier.get("IntervalSeconds", 1) * factor, retrier.get("MaxDelaySeconds", DELAY_MAX_S))
        if retrier.get("JitterStrategy") == "FULL":
            delay_s = random.uniform(0, delay_s)
        return {**retrier, "IntervalSeconds": delay_s, "BackoffRate": 1}, index

    stepfunctions._find_matching_retrier = find_and_delay


def _tell_with_which_definition_an_execution_started() -> None:
    run = stepfunctions._run_execution
    describe = stepfunctions._describe_state_machine_for_execution
    definitions = {}

    def run_with_definition(execution_arn: str) -> None:
        execution = stepfunctions._executions.get(execution_arn)
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
        if machine:
            definitions[execution_arn] = machine["definition"]
        run(execution_arn)

    def describe_as_started(data: dict):
        status, headers, body = describe(data)
        definition = definitions.get(data.get("executionArn"))
        if status != 200 or definition is None:
            return status, headers, body
        return stepfunctions.json_response({**json.loads(body), "definition": definition})

    stepfunctions._run_execution = run_with_definition
    stepfunctions._describe_state_machine_for_execution = describe_as_started


def _limit_maps_as_told() -> None:
    run = stepfunctions._run_map_items

    def run_at_most(state_def, raw_input, execution, ctx):
        path = state_def.get("MaxConcurrencyPath")
        if path is not None:
            effective = stepfunctions._apply_input_path(state_def, raw_input, ctx)
            at_once = stepfunctions._resolve_path_or_ctx(path, effective, ctx)
            state_def = {**state_def, "MaxConcurrency": at_once}
        return run(state_def, raw_input, execution, ctx)

    stepfunctions._run_map_items = run_at_most


def _leave_port_443_alone() -> None:
    bindable = app._port_is_bindable
    app._port_is_bindable = lambda host, port: port != 443 and bindable(host, port)


if __name__ == "__main__":
    _replace_node_workers()
    _throttle_as_lambda_does()
    _delay_retries_as_told()
    _tell_with_which_definition_an_execution_started()
    _limit_maps_as_told()
    _leave_port_443_alone()
    app.main()
