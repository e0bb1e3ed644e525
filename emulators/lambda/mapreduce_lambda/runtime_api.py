"""The Lambda Runtime API, version 2018-06-01, for one process on one loopback port.

    GET  /2018-06-01/runtime/invocation/next            long poll; the invocation's headers and its payload
    POST /2018-06-01/runtime/invocation/<id>/response   the result
    POST /2018-06-01/runtime/invocation/<id>/error      the handler threw
    POST /2018-06-01/runtime/init/error                 the module did not load

Bodies may have a Content-Length or be chunked. Each message of the process is a tuple in the queue `said`. The next
invocations for the process are in the queue `events`.
"""

import json
import queue
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "/2018-06-01/runtime"
RESPONSE_MAX_BYTES = 6 * 1024 * 1024 + 100
NO_MORE_EVENTS = None


class RuntimeApi:
    def __init__(self):
        self.events = queue.Queue()
        self.said = queue.Queue()
        self.current_request_id = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.5}, name="lambda-runtime-api", daemon=True
        ).start()

    @property
    def address(self) -> str:
        host, port = self._server.server_address
        return f"{host}:{port}"

    def close(self) -> None:
        self.events.put(NO_MORE_EVENTS)
        # Runs in a thread, because shutdown() waits up to half a second for the accept loop.
        threading.Thread(target=self._shut_down, daemon=True).start()

    def _shut_down(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: RuntimeApi

    def server_bind(self):
        # HTTPServer.server_bind looks up this host's name, which can take seconds without a network.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request, client_address):
        """Ignores errors: a broken connection is expected when a process is killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Writes a whole response at once. Two writes would take 40 ms, because of Nagle's algorithm and delayed acknowledgements.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self):
        api = self.server.api
        if self.path != f"{PREFIX}/invocation/next":
            return self._answer(404, _error("InvalidPath", self.path))
        api.current_request_id = None
        api.said.put(("next",))
        event = api.events.get()
        if event is NO_MORE_EVENTS:
            self.close_connection = True
            return None
        api.current_request_id = event["headers"]["Lambda-Runtime-Aws-Request-Id"]
        return self._answer(200, event["payload"], event["headers"])

    def do_POST(self):
        api = self.server.api
        body = self._read_body()
        if self.path == f"{PREFIX}/init/error":
            api.said.put(("init-error", body))
            return self._answer(202, b'{"status":"OK"}')
        parts = self.path.removeprefix(f"{PREFIX}/invocation/").split("/")
        if not self.path.startswith(f"{PREFIX}/invocation/") or len(parts) != 2 or parts[1] not in ("response", "error"):
            return self._answer(404, _error("InvalidPath", self.path))
        request_id, kind = parts
        if request_id != api.current_request_id:
            return self._answer(400, _error("InvalidRequestID", "Invalid request ID"))
        if kind == "response" and len(body) > RESPONSE_MAX_BYTES:
            message = (
                f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size "
                f"({RESPONSE_MAX_BYTES} bytes)."
            )
            api.said.put(("error", _error("Function.ResponseSizeTooLarge", message)))
            return self._answer(413, _error("RequestEntityTooLarge", message))
        api.said.put((kind, body))
        return self._answer(202, b'{"status":"OK"}')

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
