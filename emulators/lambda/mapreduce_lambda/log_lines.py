"""The platform's own lines in a function's log, as Lambda writes them in text format."""

import math
from datetime import datetime, timezone


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report(
    request_id: str,
    *,
    duration_ms: float,
    memory_size_mb: int,
    memory_used_mb: int,
    init_duration_ms: float | None,
    error_type: str | None,
) -> str:
    # INIT is billed since August 2025.
    billed_ms = math.ceil(duration_ms + (init_duration_ms or 0))
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms} ms",
        f"Memory Size: {memory_size_mb} MB",
        f"Max Memory Used: {memory_used_mb} MB",
    ]
    if init_duration_ms is not None:
        fields.append(f"Init Duration: {init_duration_ms:.2f} ms")
    if error_type == "Sandbox.Timedout":
        fields.append("Status: timeout")
    elif error_type is not None:
        fields.append(f"Status: error\tError Type: {error_type}")
    return "\t".join(fields) + "\n"


def timed_out(request_id: str, timeout_s: int) -> str:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{now} {request_id} Task timed out after {timeout_s:.2f} seconds\n"
