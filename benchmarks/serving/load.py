"""Clients of a server on this machine, so cheap that it is the server that is measured.

`python load.py PORT ADDRESS BODY N_CLIENTS N_REQUESTS` prints the seconds of every answer as JSON;
each client sends its next request when it has the last one's answer, over one connection.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter


async def ask(port: int, request: bytes, n_requests: int) -> list[float]:
    """Return the seconds of so many answers; any that is no 200 ends it all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seconds = []
    for _ in range(n_requests):
        began_s = perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        ]
        content = await reader.readexactly(length)
        seconds.append(perf_counter() - began_s)
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(content.decode()[:500])
    writer.close()
    return seconds


def write_request(address: str, body: bytes) -> bytes:
    """Return a POST of JSON as it goes over the wire."""
    return (
        f"POST {address} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def main() -> None:
    """Let all clients ask at once, and print how long each answer and all of them took."""
    port, address, path, n_clients, n_requests = sys.argv[1:]
    request = write_request(address, Path(path).read_bytes())
    began_s = perf_counter()
    asked = [ask(int(port), request, int(n_requests)) for _ in range(int(n_clients))]
    seconds = [one for of_client in await asyncio.gather(*asked) for one in of_client]
    print(json.dumps({"seconds": seconds, "all_s": perf_counter() - began_s}))


if __name__ == "__main__":
    asyncio.run(main())
