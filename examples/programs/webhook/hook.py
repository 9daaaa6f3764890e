"""Says of every component where its tickets are. Refuses requests that are not signed with the secret."""

import hashlib
import hmac
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["TICKETS_SECRET"].encode()


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, self.headers["x-callboard-signature-256"] or ""):
            return self.answer(403, {})
        name = json.loads(body)["entity"]["metadata"]["name"]
        self.answer(200, {"emit": {"relations": [{"type": "trackedBy", "target": f"resource:tickets-{name}"}]}})

    def answer(self, status, content):
        content = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


HTTPServer(("127.0.0.1", int(os.environ["TICKETS_PORT"])), Hook).serve_forever()
