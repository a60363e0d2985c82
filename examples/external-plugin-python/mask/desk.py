"""The way back to the desk: the service Host of plugin.proto."""

import json
import logging
import queue

import grpc

import plugin_pb2 as pb
import plugin_pb2_grpc as rpc

TOKEN = "hookdesk-token"
PATIENCE = 10  # seconds for each call
LEVELS = {logging.DEBUG: -4, logging.INFO: 0, logging.WARNING: 4, logging.ERROR: 8}  # those of Go's log/slog


class Refused(Exception):
    """The desk answered a request with an error."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Desk:
    def __init__(self, socket, token):
        self._metadata = [(TOKEN, token)]
        self._stub = rpc.HostStub(grpc.insecure_channel("unix:" + socket))
        self._records = queue.Queue(1000)
        self._stub.Log.future(iter(self._records.get, None), metadata=self._metadata)

    def request(self, during, method, path, body=None, headers=None):
        """Calls a route of the desk, as far as it was granted, and returns its JSON.

        during is the id of the invocation, delivery or job in which this is asked, so
        that the desk knows what it is a consequence of.
        """
        request = pb.CallRequest(during=during, method=method, path=path, headers=headers or {})
        if body is not None:
            request.headers["Content-Type"] = "application/json"
            request.body = json.dumps(body).encode()
        reply = self._stub.Call(request, timeout=PATIENCE, metadata=self._metadata)
        if reply.status >= 400:
            raise Refused(reply.status, reply.body.decode(errors="replace"))
        return json.loads(reply.body) if reply.body else None

    def get(self, key):
        """Returns a value of the plugin's own storage and its version; None and 0 when there is none."""
        try:
            found = self._stub.Get(pb.Key(key=key), timeout=PATIENCE, metadata=self._metadata)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None, 0
            raise
        return json.loads(found.value), found.version

    def put(self, during, key, value, version):
        """Keeps a value, and reports whether nobody has changed it since version."""
        new = pb.Value(during=during, key=key, value=json.dumps(value), version=version)
        try:
            self._stub.Put(new, timeout=PATIENCE, metadata=self._metadata)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.ABORTED:
                return False
            raise
        return True

    def log(self, level, message, **attributes):
        """Writes into the desk's log; level is one of logging's."""
        try:
            self._records.put_nowait(pb.LogRecord(level=LEVELS[level], message=message, attributes=json.dumps(attributes)))
        except queue.Full:
            pass  # a desk that takes no records must not hold up the work

    def close(self):
        self._records.put(None)
