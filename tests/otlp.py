"""Runs inside a generated project: a collector on loopback that prints a line for each part of a trace."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        request = ExportTraceServiceRequest()
        request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in request.resource_spans:
            about = {it.key: it.value.string_value for it in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    part = {
                        "service": about["service.name"],
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                    }
                    print(json.dumps(part), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing but the parts."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
