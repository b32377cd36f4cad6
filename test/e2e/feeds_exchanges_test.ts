import { dialects } from "./servers/exchange_server.ts";
import { FaultRun } from "./servers/faults.ts";

for (const [name, dialect] of Object.entries(dialects)) {
  Deno.test(`${name} survives every fault with exact accounts`, async () => {
    const run = await FaultRun.start(dialect);
    try {
      await run.all(2000);
    } finally {
      await run.end();
    }
  });
}
