// The server of the end-to-end benchmark: prints its port, serves until its stdin ends.
import { Engine } from "../src/serve/engine.ts";
import { startServer } from "../src/serve/server.ts";
import { MemoryStore } from "../src/state/memory_store.ts";
import { liveForecaster } from "./live_forecaster.ts";

const engine = await Engine.open({
  forecaster: await liveForecaster(Number(Deno.args[0] ?? 1), Deno.args[1] === "bare"),
  store: new MemoryStore(),
});
const server = await startServer({ engine, port: 0 });
console.log(new URL(server.url).port);
await Deno.stdin.readable.pipeTo(new WritableStream());
await server.close();
await engine.close();
