"""Repairs places where LocalStack differs from AWS and this project depends on the behaviour of AWS.

1. CompleteMultipartUpload with If-None-Match: LocalStack checks whether the object exists and then completes, without a
   lock. If two attempts complete at the same moment, both succeed; on S3 only one does. The engine commits in this way.
   PutObject already has such a lock.
2. "Object Created" events for EventBridge contain the key percent-encoded, and the same `sequencer` in every event. On
   S3, the key is not encoded, and the sequencer distinguishes a second upload of a key from a second delivery of one
   event. The job id is derived from it.
3. LocalStack ignores a function's LoggingConfig.LogGroup; the logs always go to /aws/lambda/<name>.
4. LocalStack keeps objects in one fixed folder under /tmp. It never deletes them, and two LocalStacks would share them.
5. An executor does not know its environment, so it could not end the environment to make room (process_limit.py).
6. CloudFormation deletes a resource that an update removes although its DeletionPolicy is RetainExceptOnCreate. Running
   jobs need the versions of functions that an update removes.
"""

import functools
import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from urllib.parse import unquote


def apply() -> None:
    _complete_multipart_uploads_one_at_a_time()
    _tell_uploads_apart()
    _log_into_the_configured_group()
    _keep_objects_in_the_state_folder()
    _introduce_executors_to_their_environments()
    _retain_what_is_to_be_retained()


def _complete_multipart_uploads_one_at_a_time() -> None:
    from localstack.services.s3.provider import S3Provider

    complete = S3Provider.complete_multipart_upload
    locks = defaultdict(threading.RLock)

    @functools.wraps(complete)
    def complete_under_lock(self, context, bucket, key, *args, **kwargs):
        with locks[hash((bucket, key)) % 1024]:
            return complete(self, context, bucket, key, *args, **kwargs)

    S3Provider.complete_multipart_upload = complete_under_lock


def _tell_uploads_apart() -> None:
    from localstack.services.s3.notifications import EventBridgeNotifier

    payload = EventBridgeNotifier._get_event_payload

    def payload_of_this_upload(ctx, config_id=None):
        entry = payload(ctx, config_id)
        detail = json.loads(entry["Detail"])
        detail["object"]["key"] = unquote(detail["object"]["key"])
        if "sequencer" in detail["object"]:
            detail["object"]["sequencer"] = f"{time.time_ns():018X}"
        entry["Detail"] = json.dumps(detail)
        return entry

    EventBridgeNotifier._get_event_payload = staticmethod(payload_of_this_upload)


def _log_into_the_configured_group() -> None:
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

    default_name = ExecutionEnvironment.get_log_group_name

    def configured_name(self):
        configured = (self.function_version.config.logging_config or {}).get("LogGroup")
        return configured or default_name(self)

    ExecutionEnvironment.get_log_group_name = configured_name


def _keep_objects_in_the_state_folder() -> None:
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = os.path.join(tempfile.gettempdir(), "s3")


def _introduce_executors_to_their_environments() -> None:
    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment

    initialise = ExecutionEnvironment.__init__

    @functools.wraps(initialise)
    def initialise_both(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        self.runtime_executor.execution_environment = self

    ExecutionEnvironment.__init__ = initialise_both


def _retain_what_is_to_be_retained() -> None:
    from localstack.services.cloudformation.engine.v2.change_set_model_preproc import DeletionPolicy, PreprocResource

    initialise = PreprocResource.__init__

    @functools.wraps(initialise)
    def initialise_as_retained(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        # LocalStack does not roll back, so the two differ in nothing else.
        if self.deletion_policy == DeletionPolicy.RetainExceptOnCreate:
            self.deletion_policy = DeletionPolicy.Retain

    PreprocResource.__init__ = initialise_as_retained
