"""What an engineer would write in Python instead: asyncio websockets in front of PyTorch.

One process, one event loop. Each message of /ingest is a tick or an array of ticks; the series of one
message advance together through one LSTMCell call, their states held in one tensor, and every tick is
answered by a forecast to all sockets on /forecasts. Prints its port on the first line.

    python3 python_service.py --hidden 64 --horizon 12 --series 1000
"""

import argparse
import asyncio
import json
import sys

import torch
import websockets

LEVELS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]


class Service:
    def __init__(self, hidden: int, horizon: int, capacity: int) -> None:
        torch.manual_seed(1)
        self.horizon = horizon
        self.cell = torch.nn.LSTMCell(4, hidden).eval()
        self.head = torch.nn.Linear(hidden, horizon * len(LEVELS)).eval()
        self.h = torch.zeros(capacity, hidden)
        self.c = torch.zeros(capacity, hidden)
        self.last = torch.zeros(capacity)
        self.rows: dict[str, int] = {}
        self.subscribers: set = set()

    def forecast(self, ticks: list[dict]) -> list[str]:
        messages = []
        # A series that stands twice in a message must step twice.
        while ticks:
            wave, later, seen = [], [], set()
            for tick in ticks:
                (later if tick["series"] in seen else wave).append(tick)
                seen.add(tick["series"])
            ticks = later
            rows = torch.tensor([self.rows.setdefault(t["series"], len(self.rows)) for t in wave])
            values = torch.tensor([t["value"] for t in wave], dtype=torch.float32)
            x = torch.stack([values - self.last[rows], values, values * 0, values * 0 + 1], dim=1)
            with torch.inference_mode():
                h, c = self.cell(x, (self.h[rows], self.c[rows]))
                self.h[rows], self.c[rows], self.last[rows] = h, c, values
                out = self.head(h).view(len(wave), self.horizon, len(LEVELS)) + values[:, None, None]
            for tick, quantiles in zip(wave, out.tolist()):
                messages.append(json.dumps({
                    "type": "forecast",
                    "series": tick["series"],
                    "time": tick["time"],
                    "mean": [row[3] for row in quantiles],
                    "quantiles": {str(l): [row[k] for row in quantiles] for k, l in enumerate(LEVELS)},
                }))
        return messages

    async def handle(self, socket) -> None:
        if socket.request.path.startswith("/forecasts"):
            self.subscribers.add(socket)
            try:
                await socket.wait_closed()
            finally:
                self.subscribers.discard(socket)
            return
        async for message in socket:
            ticks = json.loads(message)
            ticks = ticks if isinstance(ticks, list) else [ticks]
            for text in self.forecast(ticks):
                for subscriber in self.subscribers:
                    await subscriber.send(text)
            await socket.send('{"type":"ack","count":%d}' % len(ticks))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--horizon", type=int, default=12)
    parser.add_argument("--series", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    service = Service(options.hidden, options.horizon, options.series)
    async with websockets.serve(
        service.handle, "127.0.0.1", 0, compression=None, max_size=2**24, ping_interval=None
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
