// Runs in a tab.
import { TickcastClient } from "../../src/serve/client.ts";

/** What a page finds out about a server of another origin. */
export interface ClientTrial {
  readonly accepted: number;
  readonly steps: readonly number[];
  readonly latest: number | undefined;
  readonly socketProtocol: string;
  readonly socketSeries: string;
  readonly refused: string;
}

async function clientTrial(url: string, token: string): Promise<ClientTrial> {
  const client = new TickcastClient({ url, token });
  const reader = client.forecasts({ series: ["room"] }).getReader();
  const steps: number[] = [];
  let accepted = 0;
  for (let time = 1; time <= 3; time++) {
    accepted += (await client.post([{ series: "room", time, values: { value: time } }])).count;
    const { value } = await reader.read();
    steps.push(value?.step ?? -1);
  }
  await reader.cancel();
  const secret = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/forecasts`, [
    "tickcast.v1",
    `tickcast.bearer.${secret}`,
  ]);
  const message = await new Promise<string>((resolve, reject) => {
    socket.onmessage = ({ data }) =>
      data instanceof Blob ? data.text().then(resolve) : resolve(data);
    socket.onerror = () => reject(new Error("The socket was refused"));
  });
  const { protocol } = socket;
  socket.close();
  const wrong = new TickcastClient({ url, token: "wrong-wrong-wrong-wrong" });
  return {
    accepted,
    steps,
    latest: (await client.latest("room"))?.step,
    socketProtocol: protocol,
    socketSeries: JSON.parse(message).series,
    refused: await wrong.latest("room").then(() => "not", (error) => error.reason),
  };
}

Object.assign(globalThis, { trial: clientTrial });
