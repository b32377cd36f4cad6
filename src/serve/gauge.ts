import { Gauge, type Registry } from "prom-client";

/**
 * A gauge that is read when somebody asks.
 *
 * @param registry Where it is told.
 * @param name Its whole name.
 * @param help What it says.
 * @param value Reads it.
 */
export function gauge(registry: Registry, name: string, help: string, value: () => number): Gauge {
  return new Gauge({
    name,
    help,
    registers: [registry],
    collect(): void {
      this.set(value());
    },
  });
}
