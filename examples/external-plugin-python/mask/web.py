"""The plugin's routes: HTTP on a Unix socket, in which the desk says who is calling."""

import base64
import hashlib
import hmac
import http.server
import json
import socketserver
import threading
import time


def caller(key, method, target, headers):
    """Returns who is calling, or None when it was not the desk that said so within the last minute."""
    actor, at = headers.get("X-Hookdesk-Actor", ""), headers.get("X-Hookdesk-Time", "")
    signed = "\n".join([method, target, actor, at]).encode()
    want = hmac.new(key, signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(want.encode(), headers.get("X-Hookdesk-Signature", "").encode()):
        return None
    if abs(time.time() - int(at)) > 60:
        return None
    return json.loads(base64.b64decode(actor))


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(socket, key, routes):
    """Serves routes, functions of the caller by "GET /path", and returns the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            route = routes.get(self.command + " " + self.path.partition("?")[0])
            who = caller(key, self.command, self.path, self.headers)
            if who is None:
                self.answer(401, {"detail": "the request is not signed by the desk"})
            elif route is None:
                self.answer(404, {"detail": "there is no such route"})
            else:
                self.answer(200, route(who))

        do_POST = do_GET

        def answer(self, status, value):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):  # a Unix socket has no address to log, and the desk logs requests itself
            pass

    server = Server(socket, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
