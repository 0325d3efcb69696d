"""Somebody's receiver of webhooks, as hub/webhooks/README.md tells them to write one. See README.md."""

import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

port, heard, secrets = int(sys.argv[1]), sys.argv[2], sys.argv[3]
calls = {}
lock = threading.Lock()


def is_signed(secret, header, body):
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return abs(time.time() - int(parts["t"])) <= 60 and hmac.compare_digest(expected, parts["v1"])


def secret_of(path):
    with open(secrets) as lines:
        return dict(line.split() for line in lines).get(path, "")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = self.headers["Perkline-Event-Id"]
        with lock:
            calls[self.path, event] = attempt = calls.get((self.path, event), 0) + 1
            with open(heard, "a") as lines:
                line = {
                    "path": self.path,
                    "event": event,
                    "same": json.loads(body)["id"] == event,
                    "delivery": self.headers["Perkline-Delivery-Id"],
                    "signed": is_signed(secret_of(self.path), self.headers["Perkline-Signature"], body),
                    "attempt": attempt,
                    "at": int(time.time() * 1000),
                }
                print(json.dumps(line), file=lines)
        if attempt == 1 and self.path == "/hangs":
            time.sleep(600)
        if attempt == 1 and self.path == "/late":
            time.sleep(12)
        failing = attempt == 1 and self.path == "/fails"
        try:
            self.send_response(500 if failing else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            self.close_connection = True  # Nobody waits any more.

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
server.daemon_threads = True
server.serve_forever()
