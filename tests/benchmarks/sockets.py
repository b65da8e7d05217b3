"""How many requests a generated service answers over a socket, as a share of what a bare FastAPI app does.

All read the same book from the same database; only the generated one checks a key, gives an id, and so on. The bare app
is asked twice: once it says nothing, and once it keeps an access log, too, as uvicorn does by itself.
Run with `uv run python tests/benchmarks/sockets.py`; prints a Markdown table.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from measure import UV
from watched import KEY, Watched, projects

SERVED = Path(__file__).parent / "served.py"
PORTS = {"silent": 18_080, "logging": 18_081, "generated": 18_082}
CONNECTIONS, SECONDS, ROUNDS = 8, 0.5, 40
"""Many short rounds: the hand-over to a database's thread varies by a quarter from one second to the next."""


def started(project: Watched, which: str, stack: ExitStack) -> str:
    """Start a server that ends with the stack; the path of the book that it has."""
    server = subprocess.Popen(
        [UV, "run", "--quiet", "python", SERVED, which, str(PORTS[which])],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    stack.callback(server.wait)
    stack.callback(server.terminate)
    assert server.stderr
    return next(line.strip() for line in server.stderr if line.startswith("/"))


async def rate(port: int, path: str) -> float:
    """The requests that a server answers in a second, on a few connections at once."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n\r\n".encode()
    end = time.perf_counter() + SECONDS

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            count += 1
        writer.close()
        return count

    return sum(await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))) / SECONDS


async def reachable(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return writer.close()
    raise SystemExit(f"nothing answers on port {port}")


async def compare(paths: dict[str, str]) -> list[dict[str, float]]:
    """The rates of the servers, taken in turns, so that what else the machine does falls on both."""
    for port in PORTS.values():
        await reachable(port)
    return [{which: await rate(PORTS[which], path) for which, path in paths.items()} for _ in range(ROUNDS)]


if __name__ == "__main__":
    print("| monitoring | bare FastAPI, requests/s | generated, as a share | of one that logs requests |")
    print("|---|---|---|---|")
    with projects() as found:
        for project in found:
            with ExitStack() as servers:
                rates = asyncio.run(compare({which: started(project, which, servers) for which in PORTS}))
            bare = median(it["silent"] for it in rates)
            shares = [median(it["generated"] / it[which] for it in rates) for which in ("silent", "logging")]
            print(f"| {project.name} | {bare:.0f} | {shares[0]:.2f} | {shares[1]:.2f} |", flush=True)
