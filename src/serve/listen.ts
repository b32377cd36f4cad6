import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A client on the slowest line sends its headers, and a body of 1 MiB, well within this; one that holds a
 * connection open by sending nothing is cut off.
 */
export const PATIENCE = {
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const;

/**
 * Listens.
 *
 * @param http What listens.
 * @param host The address.
 * @param port The port, a free one where 0.
 * @returns `HOST:PORT` as it stands in a URL.
 * @throws {Error} when that cannot be done there, naming the address.
 */
export async function listen(http: HttpServer, host: string, port: number): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      http.once("listening", resolve);
      http.once("error", reject);
      http.listen(port, host);
    });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot listen on ${host}:${port}: ${detail}`, { cause });
  }
  const { address, family, port: taken } = http.address() as AddressInfo;
  return `${family === "IPv6" ? `[${address}]` : address}:${taken}`;
}
