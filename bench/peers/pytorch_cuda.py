"""PyTorch with cuDNN at the work of bench/webgpu.ts, in fp32 and TF32: a line of JSON a figure."""
import json
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("PyTorch is not installed")
if not torch.cuda.is_available():
    sys.exit("PyTorch finds no CUDA device")

INPUTS, HORIZON, LEVELS = 4, 12, torch.tensor([0.1, 0.5, 0.9], device="cuda")


def seconds_of(run, timing_ms):
    """Seconds of one run: the median of five timings, each ended by a synchronisation."""
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    runs, timings = 1, []
    while len(timings) < 5:
        started = time.perf_counter()
        for _ in range(runs):
            run()
        torch.cuda.synchronize()
        elapsed = time.perf_counter() - started
        if elapsed * 1000 < timing_ms:
            runs = int(runs * min(10, 1.2 * timing_ms / (elapsed * 1000))) + 1
        else:
            timings.append(elapsed / runs)
    return sorted(timings)[2]


def stepping(hidden, series):
    lstm = torch.nn.LSTM(INPUTS, hidden).cuda()
    x = torch.randn(1, series, INPUTS, device="cuda")
    state = [torch.zeros(1, series, hidden, device="cuda") for _ in range(2)]

    @torch.no_grad()
    def run():
        nonlocal state
        _, state = lstm(x, state)

    return run


def training(hidden, batch, steps):
    lstm = torch.nn.LSTM(INPUTS, hidden).cuda()
    head = torch.nn.Linear(hidden, HORIZON * len(LEVELS)).cuda()
    parameters = [*lstm.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0, fused=True)
    x = torch.randn(steps, batch, INPUTS, device="cuda")
    targets = torch.randn(batch, HORIZON, 1, device="cuda")

    def run():
        optimiser.zero_grad()
        hs, _ = lstm(x)
        e = targets - head(hs[-1]).view(batch, HORIZON, len(LEVELS))
        torch.maximum(LEVELS * e, (LEVELS - 1) * e).mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1)
        optimiser.step()

    return run


def measure(what, items, make, timing_ms):
    figures = {"what": what}
    for name, tf32 in (("cuDNN fp32", False), ("cuDNN TF32", True)):
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        figures[name] = round(items / seconds_of(make(), timing_ms))
    print(json.dumps(figures), flush=True)


sizes = json.loads(sys.argv[1])
batch, steps, timing_ms = sizes["batch"], sizes["steps"], sizes["timingMs"]
for hidden in sizes["hiddenSizes"]:
    for series in sizes["series"]:
        what = f"step H={hidden} series={series}"
        measure(what, series, lambda: stepping(hidden, series), timing_ms)
    what = f"train H={hidden} batch={batch} steps={steps}"
    measure(what, batch, lambda: training(hidden, batch, steps), timing_ms)
