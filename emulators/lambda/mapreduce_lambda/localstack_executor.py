"""A RuntimeExecutor. LocalStack starts, reuses and stops executors, one for each concurrent invocation."""

from localstack.aws.api.lambda_ import PackageType
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment, RuntimeStatus
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from mapreduce_lambda.environment import Environment, FunctionSpec
from mapreduce_lambda.node_process import InitFailed

# LocalStack's own variables, which do not exist on Lambda.
DROPPED_PREFIXES = ("LOCALSTACK_", "EDGE_PORT")


class NodeProcessExecutor(RuntimeExecutor):
    execution_environment: ExecutionEnvironment
    """The LocalStack environment of this executor; set by localstack_repairs.py."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._environment: Environment | None = None
        self._stopped = False

    def start(self, env_vars: dict[str, str]) -> None:
        config = self.function_version.config
        env = {name: str(value) for name, value in env_vars.items() if not name.startswith(DROPPED_PREFIXES)}
        if log_group := (config.logging_config or {}).get("LogGroup"):
            env["AWS_LAMBDA_LOG_GROUP_NAME"] = log_group
        self._environment = Environment(
            FunctionSpec(
                name=self.function_version.id.function_name,
                version=self.function_version.id.qualifier,
                runtime=str(config.runtime),
                task_root=config.code.get_unzipped_code_location(),
                memory_size_mb=config.memory_size,
                timeout_s=config.timeout,
                env=env,
            ),
            retire=self._retire,
        )
        try:
            self._environment.start()
        except InitFailed as failed:
            # LocalStack returns this payload for the invocation and drops the environment.
            raise StatusErrorException("Environment startup failed", payload=failed.outcome.payload) from failed

    def stop(self) -> None:
        self._stopped = True
        if self._environment:
            self._environment.stop()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        outcome, log = self._environment.invoke(
            request_id=request_id,
            payload=payload["payload"].encode(),
            arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
        )
        if self._stopped:
            raise LambdaRuntimeException(f"Environment {self.id} was stopped during an invocation")
        return InvocationResult(request_id, outcome.payload, is_error=outcome.error_type is not None, logs=log)

    def get_logs(self) -> str:
        return self._environment.recent_log() if self._environment else ""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "unused"

    def _retire(self) -> bool:
        """Stops the environment in the same way as LocalStack stops one that has been idle for too long."""
        environment = self.execution_environment
        if environment.initialization_type != InitializationType.on_demand:
            return False
        try:
            environment.keepalive_passed()
        except KeyError:
            pass  # its function was deleted in the meantime, together with its list of environments
        return environment.status == RuntimeStatus.STOPPED

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        config = function_version.config
        if config.package_type != PackageType.Zip or not str(config.runtime).startswith("nodejs"):
            raise LambdaRuntimeException(
                f"{function_version.id.function_name}: runtime {config.runtime or config.package_type} is not "
                "available here, only Node functions from a zip archive (nodejs*). AWS itself has no such limit."
            )
        config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Does nothing: versions share the unpacked code, and the state folder is removed when LocalStack stops."""
