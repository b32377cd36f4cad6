/**
 * The library on a live socket: ticks of a WebSocket feed in, forecasts out. The source keeps the
 * connection alive: it reconnects, subscribes again, and tells gaps to the model.
 *
 *     deno run --allow-net --allow-env --allow-read examples/library_on_a_socket.ts [wss://feed]
 */
import { OnlineForecaster, openNetwork, Pipeline } from "@tickcast/tickcast";
import { jsonFeed, webSocketSource } from "@tickcast/tickcast/streams";

const HORIZON = 5;
const TICKS = 300;

// Where no feed is named, one of our own: a price that wanders, two hundred ticks a second.
const own = Deno.args[0] === undefined ? startFeed() : undefined;
const url = Deno.args[0] ?? `ws://127.0.0.1:${own!.addr.port}`;

const network = await openNetwork({ horizon: HORIZON, hiddenSize: 16 });
const forecaster = new OnlineForecaster({ horizon: HORIZON, guests: [network] });
const pipeline = new Pipeline({ forecaster });
const ticks = webSocketSource({
  url,
  protocol: jsonFeed({
    subscribe: [{ op: "subscribe", symbol: "GOLD" }],
    seriesPath: "symbol",
    valuePath: "price",
    timePath: "at",
  }),
  onStatus: (status) => {
    if (status.kind === "reconnecting") console.error(`${status.why}, attempt ${status.attempt}`);
  },
});

let seen = 0;
for await (const forecasts of ticks.pipeThrough(pipeline.stream())) {
  seen += forecasts.length;
  const { series, mean, levels, quantiles } = forecasts.at(-1)!;
  const last = (HORIZON - 1) * levels.length;
  const [low, high] = [0.05, 0.95].map((level) => quantiles[last + levels.indexOf(level)]);
  if (seen % 100 === 0) {
    console.log(
      `${series} in ${HORIZON} ticks: ${mean[HORIZON - 1].toFixed(2)}, ` +
        `nine times in ten ${low.toFixed(2)} to ${high.toFixed(2)}`,
    );
  }
  if (seen >= TICKS) break;
}
console.log(`${seen} ticks seen`);
forecaster.dispose();
await own?.shutdown();

function startFeed(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    let price = 2000;
    let at = Date.now();
    let timer: ReturnType<typeof setInterval>;
    socket.onmessage = () => {
      timer = setInterval(() => {
        price += Math.sin(at / 5000) + Math.cos(at / 777);
        socket.send(JSON.stringify({ symbol: "GOLD", price, at: at += 1000 }));
      }, 5);
    };
    socket.onclose = () => clearInterval(timer);
    return response;
  });
}
