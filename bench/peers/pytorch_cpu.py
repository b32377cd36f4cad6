"""PyTorch on the CPU at the work of the other benchmarks, taking turns with them over stdin and stdout.

A line of JSON in, a line of JSON out: `make` builds a subject, `result` has it work from the beginning and
say what came out, `run` has it work a number of times and say how many milliseconds of the processor that
took, or of the clock on the wall with several threads. Arrays are base64 of 32-bit floats.
"""
import base64
import json
import sys
import time

try:
    import numpy
    import torch
except ImportError as error:
    sys.exit(f"{error.name} is not installed")


def decode(text):
    return torch.from_numpy(numpy.frombuffer(base64.b64decode(text), dtype="<f4").copy())


def encode(tensor):
    return base64.b64encode(tensor.detach().numpy().astype("<f4").tobytes()).decode()


def load(module, flat):
    """Fills a module's parameters, in PyTorch's own order, from one array; gives what is left."""
    with torch.no_grad():
        for parameter in module.parameters():
            size = parameter.numel()
            parameter.copy_(flat[:size].view(parameter.shape))
            flat = flat[size:]
    return flat


class Step:
    """One step of many series, states carried along."""

    def __init__(self, kind, cell, inputs, hidden, batch, parameters, x):
        self.sequence = kind == "sequence"
        name = cell.upper() if self.sequence else f"{cell.upper()}Cell"
        self.module = getattr(torch.nn, name)(inputs, hidden).eval()
        load(self.module, decode(parameters))
        self.lstm = cell == "lstm"
        self.x = decode(x).view(*([1] if self.sequence else []), batch, inputs)
        self.shape = (*([1] if self.sequence else []), batch, hidden)

    def start(self):
        h = torch.zeros(self.shape)
        self.state = (h, torch.zeros(self.shape)) if self.lstm else h

    def work(self):
        with torch.inference_mode():
            said = self.module(self.x, self.state)
            self.state = said[1] if self.sequence else said

    def result(self):
        h = self.state[0] if self.lstm else self.state
        return encode(h)


class Training:
    """Forward, pinball loss, backward through time, clipping, Adam."""

    def __init__(self, fused, inputs, hidden, batch, steps, levels, horizon, parameters, x, targets):
        self.lstm = torch.nn.LSTM(inputs, hidden)
        self.levels = torch.tensor(levels)
        self.head = torch.nn.Linear(hidden, horizon * len(levels))
        self.flat = decode(parameters)
        self.x = decode(x).view(steps, batch, inputs)
        self.targets = decode(targets).view(steps, batch, horizon, 1)
        self.parameters = [*self.lstm.parameters(), *self.head.parameters()]
        self.options = {"fused": True} if fused else {}

    def start(self):
        load(self.head, load(self.lstm, self.flat))
        self.optimiser = torch.optim.Adam(self.parameters, lr=1e-3, **self.options)

    def work(self):
        self.optimiser.zero_grad()
        hs, _ = self.lstm(self.x)
        e = self.targets - self.head(hs).view(*self.targets.shape[:3], len(self.levels))
        torch.maximum(self.levels * e, (self.levels - 1) * e).mean().backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1)
        self.optimiser.step()

    def result(self):
        return encode(torch.cat([p.detach().flatten() for p in self.parameters]))


def answer(message, subjects):
    if message["do"] == "threads":
        torch.set_num_threads(message["threads"])
        return {"version": torch.__version__}
    if message["do"] == "make":
        kind = {"step": Step, "training": Training}[message["what"]]
        subjects[message["id"]] = subject = kind(**message["options"])
        subject.start()
        return {}
    if message["do"] == "forget":
        del subjects[message["id"]]
        return {}
    subject = subjects[message["id"]]
    if message["do"] == "result":
        subject.start()
        for _ in range(message["runs"]):
            subject.work()
        return {"values": subject.result()}
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    for _ in range(message["runs"]):
        subject.work()
    return {"ms": 1000 * (clock() - started)}


subjects = {}
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line), subjects)), flush=True)
