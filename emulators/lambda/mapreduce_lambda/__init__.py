"""Runs Lambda functions as Node processes on this machine, without Docker. Both emulators use this package.

    environment.py          one execution environment: a folder for /tmp and one process at a time, which is replaced if it dies
    node_process.py         one Node process, from its start to its end
    runtime_api.py          the Lambda Runtime API (2018-06-01) over HTTP on a loopback port
    process_limit.py        limits the processes of all functions together, including idle ones
    memory.py               kills a process that outgrows its function's memory
    log_lines.py            the START, END and REPORT lines
    localstack_plugin.py    the entry points for LocalStack: the executor, and the hook that applies the repairs
    localstack_executor.py  a RuntimeExecutor for LocalStack that uses an environment
    localstack_repairs.py   repairs for places where LocalStack differs from AWS and the engine depends on AWS
    ministack_main.py       MiniStack with its Node workers replaced by environments
"""
