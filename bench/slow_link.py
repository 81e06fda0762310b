"""A proxy on loopback that makes a server seem far away: what it sends comes later, and no faster than the link."""

import asyncio
import threading

from bench_util import free_port

PIECE = 16 << 10


class SlowLink:
    """Forwards connections to `host` ("ADDRESS:PORT"). `round_trip`: milliseconds that an answer takes longer, as does a new connection.
    `rate`: Mbit/s of all connections together from the server, 0 for no limit."""

    def __init__(self, host, round_trip, rate):
        self.target, self.delay, self.rate = host.rsplit(":", 1), round_trip / 1000, rate * 1e6 / 8
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.free_at = 0.0  # when the link has sent what it has now
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    def run(self, started):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", self.port))
        started.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        await asyncio.sleep(self.delay)  # the handshake
        upstream, downstream = await asyncio.open_connection(*self.target)
        queue = asyncio.Queue(1024)
        await asyncio.gather(self.copy(reader, downstream), self.receive(upstream, queue), self.send(queue, writer), return_exceptions=True)
        for stream in (writer, downstream):
            stream.close()

    @staticmethod
    async def copy(reader, writer):
        try:
            while data := await reader.read(PIECE):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def receive(self, upstream, queue):
        """Says when each piece arrives."""
        try:
            while data := await upstream.read(PIECE):
                now = self.loop.time()
                self.free_at = max(self.free_at, now) + (len(data) / self.rate if self.rate else 0)
                await queue.put((self.free_at + self.delay, data))
        finally:
            await queue.put((0, b""))

    async def send(self, queue, writer):
        while True:
            when, data = await queue.get()
            if not data:
                writer.close()
                return
            await asyncio.sleep(max(0, when - self.loop.time()))
            writer.write(data)
            await writer.drain()
