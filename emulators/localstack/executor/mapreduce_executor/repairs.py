"""Two places in which LocalStack differs from AWS and this project depends on AWS' behaviour.

1. CompleteMultipartUpload with If-None-Match: LocalStack looks whether the object exists, then completes, without a
   lock. Two attempts that complete at the same moment would both succeed, and on S3 exactly one does: this is the
   engine's commit. PutObject has such a lock already.
2. A function's LoggingConfig.LogGroup is ignored; the logs always go to /aws/lambda/<name>.
"""

import functools
import logging
import threading
from collections import defaultdict

LOG = logging.getLogger(__name__)


def apply() -> None:
    _complete_multipart_uploads_one_at_a_time()
    _log_into_the_configured_group()


def _complete_multipart_uploads_one_at_a_time() -> None:
    from localstack.services.s3.provider import S3Provider

    complete = S3Provider.complete_multipart_upload
    locks = defaultdict(threading.RLock)

    @functools.wraps(complete)
    def complete_under_lock(self, context, bucket, key, *args, **kwargs):
        with locks[hash((bucket, key)) % 1024]:
            return complete(self, context, bucket, key, *args, **kwargs)

    S3Provider.complete_multipart_upload = complete_under_lock


def _log_into_the_configured_group() -> None:
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

    default_name = ExecutionEnvironment.get_log_group_name

    def configured_name(self):
        configured = (self.function_version.config.logging_config or {}).get("LogGroup")
        return configured or default_name(self)

    ExecutionEnvironment.get_log_group_name = configured_name
