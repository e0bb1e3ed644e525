"""Runs LocalStack's Lambda functions as Node processes on this machine: no Docker.

    plugin.py         what LocalStack finds: the executor and the hook that applies the repairs
    executor.py       one Lambda execution environment: started, invoked, reset, stopped
    node_process.py   one Node process behind one Runtime API server: everything about a single process' life
    runtime_api.py    the Lambda Runtime API (2018-06-01) over HTTP on a loopback port
    memory.py         kills a process that outgrows its function's memory
    log_lines.py      the START, END and REPORT lines
    repairs.py        two places in which LocalStack differs from AWS and the engine depends on AWS
"""
