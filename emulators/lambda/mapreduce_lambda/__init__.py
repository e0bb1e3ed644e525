"""Lambda functions as Node processes on this machine, without Docker, the same for both emulators.

    environment.py          one execution environment: a folder for /tmp and one process at a time, replaced when it died
    node_process.py         one Node process: everything about a single process' life
    runtime_api.py          the Lambda Runtime API (2018-06-01) over HTTP on a loopback port
    process_limit.py        bounds the processes of all functions together, idle ones included
    memory.py               kills a process that outgrows its function's memory
    log_lines.py            the START, END and REPORT lines
    localstack_plugin.py    what LocalStack finds: the executor, and the hook that applies the repairs
    localstack_executor.py  LocalStack's RuntimeExecutor over an environment
    localstack_repairs.py   places in which LocalStack differs from AWS and the engine depends on AWS
    ministack_main.py       MiniStack with its Node workers replaced by environments
"""
