"""Entry points; the launcher makes them visible to LocalStack (see ../../localstack/localstack.ts)."""

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class NodeProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "node-process"

    def load(self, *args, **kwargs):
        from mapreduce_lambda.localstack_executor import NodeProcessExecutor

        return NodeProcessExecutor


@hooks.on_infra_start()
def apply_repairs():
    from mapreduce_lambda import localstack_repairs

    localstack_repairs.apply()
