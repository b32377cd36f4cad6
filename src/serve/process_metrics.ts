import process from "node:process";
import { Counter, type Registry } from "prom-client";
import { gauge } from "./gauge.ts";

/** Tells the usual metrics of a process; prom-client's own read zeros under Deno. */
export function tellProcess(registry: Registry): void {
  const registers = [registry];
  const memory = (): Deno.MemoryUsage => Deno.memoryUsage();
  gauge(registry, "process_resident_memory_bytes", "Resident memory", () => memory().rss);
  gauge(registry, "process_heap_bytes", "Heap in use by JavaScript", () => memory().heapUsed);
  gauge(registry, "process_external_memory_bytes", "Memory of buffers outside the heap", () => {
    return memory().external;
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time, user and system",
    registers,
    collect(): void {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const startedMs = performance.timeOrigin;
  gauge(registry, "process_start_time_seconds", "When the process started", () => startedMs / 1000);
}
