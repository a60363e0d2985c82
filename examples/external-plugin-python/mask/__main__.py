"""A plugin of Hookdesk without an SDK: what docs/protocol.md says, and standard gRPC."""

import concurrent.futures
import json
import os
import signal
import sys
import threading
import time
import traceback

import grpc

import plugin_pb2 as pb
import plugin_pb2_grpc as rpc
import web
from desk import Desk
from plugin import Plugin, manifest

COOKIE = ("HOOKDESK_PLUGIN", "b1d0c3e5-hookdesk-plugin")
PARENT = 3  # a pipe that ends when the desk does
WORKERS = 16


class Servicer(rpc.PluginServicer):
    """Answers the desk. gRPC runs each call in one of WORKERS threads, Health among them, as it must be."""

    def __init__(self, done):
        self.plugin = Plugin()
        self.done = done
        self.lock = threading.Lock()
        self.deadlines = {}

    def Describe(self, request, context):
        if 1 not in request.versions:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"this plugin speaks version 1, the desk {list(request.versions)}")
        return manifest()

    def Configure(self, request, context):
        self.plugin.settings = json.loads(request.settings)
        if self.plugin.desk is None:  # afterwards only the settings change
            self.plugin.desk = Desk(request.host_socket, request.token)
            web.serve(request.http_socket, request.identity_key, {"GET /api/mask/count": self.plugin.counted})
        return pb.Ready()

    def Invoke(self, request, context):
        with self.at_work(request.id, context):
            patch = self.plugin.before(request.point, json.loads(request.payload))
        return pb.Answer(patch=json.dumps(patch).encode() if patch else b"")

    def Deliver(self, request, context):
        for delivery in request.deliveries:
            with self.at_work(delivery.id, context):
                error = self.deliver(delivery)
            yield pb.Results(results=[pb.Result(id=delivery.id, error=error)])

    def deliver(self, delivery):
        try:
            self.plugin.tell(delivery.id, delivery.event.id, json.loads(delivery.event.data))
        except Exception as error:  # whatever it is, the desk delivers the event again
            traceback.print_exc()
            return repr(error)
        return ""

    def Health(self, request, context):
        now = time.monotonic()
        with self.lock:
            over = max((now - at for at in self.deadlines.values()), default=0)
        return pb.HealthReply(overdue_ms=max(0, int(over * 1000)))

    def Stop(self, request, context):
        if self.plugin.desk:
            self.plugin.desk.close()
        self.done.set()
        return pb.Stopped()

    def at_work(self, call, context):
        return Overdue(self, call, context.time_remaining())


class Overdue:
    """Keeps the deadline of a call for Health, while it runs."""

    def __init__(self, servicer, call, left):
        self.servicer, self.call, self.left = servicer, call, left

    def __enter__(self):
        if self.left is not None:
            with self.servicer.lock:
                self.servicer.deadlines[self.call] = time.monotonic() + self.left

    def __exit__(self, *_):
        with self.servicer.lock:
            self.servicer.deadlines.pop(self.call, None)


def leave_with_desk():
    """Ends the process when the desk is gone: the desk never writes to this pipe."""
    os.read(PARENT, 1)
    os.killpg(0, signal.SIGKILL)


def main():
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This is a plugin of Hookdesk: let a desk run it.")
    threading.Thread(target=leave_with_desk, daemon=True).start()
    done = threading.Event()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(WORKERS), options=[("grpc.max_receive_message_length", 8 << 20)])
    rpc.add_PluginServicer_to_server(Servicer(done), server)
    socket = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin.sock")
    server.add_insecure_port("unix:" + socket)
    server.start()
    print(f"1|1|unix|{socket}|grpc|", flush=True)
    done.wait()
    server.stop(grace=1).wait()


main()
