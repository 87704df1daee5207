#!/usr/bin/env python3
"""The two ends of the quickstart's traffic that curl does not play: a small web and name server, and look-ups.

  quickstart_site.py serve ADDRESS        HTTP on port 80 and DNS on port 53 until killed; prints "ready" when both listen
  quickstart_site.py lookup ADDRESS NAME...   asks ADDRESS for the IPv4 address of every NAME and prints it
"""
import http.server
import random
import socket
import socketserver
import struct
import sys
import threading

PAGE = "<!doctype html><title>Site</title>" + "<p>An ordinary page with ordinary words.</p>\n" * 200
DOWNLOAD_BYTES = 8 << 20
READ_BYTES = 1 << 16


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/download":
            self.respond(200, random.Random(1).randbytes(DOWNLOAD_BYTES))
        else:
            self.respond(200, PAGE.encode())

    def do_PUT(self):
        remaining = int(self.headers["Content-Length"])
        while remaining > 0:
            piece = self.rfile.read(min(remaining, READ_BYTES))
            if not piece:
                self.close_connection = True
                return
            remaining -= len(piece)
        self.respond(201, b"stored\n")

    def log_message(self, *arguments):
        pass  # the quickstart's output is its commands and their results


class SiteServer(http.server.ThreadingHTTPServer):
    def server_bind(self):
        """As TCPServer does: HTTPServer's looks up its own name, and would wait for a resolver that is not there."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address


def question_end(message):
    """Offset after the first question of a DNS message (RFC 1035 section 4.1.2)."""
    offset = 12
    while message[offset] != 0:
        offset += 1 + message[offset]
    return offset + 5


def answer(query, address):
    """Whatever is asked, the answer is ADDRESS: one A record that points back at the question's name."""
    end = question_end(query)
    header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address)
    return header + query[12:end] + record


def serve_names(names, address):
    while True:
        query, client = names.recvfrom(512)
        names.sendto(answer(query, address), client)


def serve(address):
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((address, 53))
    threading.Thread(target=serve_names, args=(names, address), daemon=True).start()
    site = SiteServer((address, 80), Site)
    print("ready", flush=True)
    site.serve_forever()


def lookup(address, name):
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack(">HHHHHH", random.randrange(1 << 16), 0x0100, 1, 0, 0, 0) + question + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((address, 53))
        client.send(query)
        reply = client.recv(512)
    return socket.inet_ntoa(reply[-4:])


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "serve":
        serve(sys.argv[2])
    elif len(sys.argv) > 3 and sys.argv[1] == "lookup":
        for name in sys.argv[3:]:
            print(f"{name} {lookup(sys.argv[2], name)}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
