// Every kind of bad input against a real server; what it got is the table in docs/reliability.md.
// TICKCAST_UPDATE=1 writes the table anew.
import { equal, ok } from "node:assert/strict";
import { connect } from "node:net";
// @ts-types="npm:@types/ws@8"
import { WebSocket } from "ws";
import { OnlineForecaster } from "../../src/forecast/online_forecaster.ts";
import { Engine } from "../../src/serve/engine.ts";
import { type Server, startServer } from "../../src/serve/server.ts";
import { MemoryStore } from "../../src/state/memory_store.ts";
import { settled } from "./served.ts";

const DOCUMENT = new URL("../../docs/reliability.md", import.meta.url);
const [BEGIN, END] = ["<!-- bad input: begin -->", "<!-- bad input: end -->"];

const SERIES_MAX = 6;
const good = (series: string, time: number, more = ""): string =>
  `{"series":"${series}","time":${time},"value":1${more}}`;
const long = (length: number): string => "a".repeat(length);
const many = Array.from({ length: 1025 }, (_, i) => `"f${i}":1`).join(",");

/** What is tried over both HTTP and a WebSocket: a body, or a message; and whose steps count then. */
const BODIES: readonly (readonly [string, string | Uint8Array, string?])[] = [
  ["nothing", ""],
  ["half a document", '{"series":"a"'],
  ["not JSON", "series=a&value=1"],
  ["bytes that are not UTF-8", Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
  ["`null`", "null"],
  ["a number", "42"],
  ["100,000 open brackets", "[".repeat(100_000)],
  ["no series", '{"time":1,"value":1}'],
  ["a series that is no text", '{"series":7,"time":1,"value":1}'],
  ["an empty series", good("", 1)],
  ["a series of 257 characters", good(long(257), 1)],
  ["no time", '{"series":"a","value":1}'],
  ["a time that is none", '{"series":"a","time":"yesterday","value":1}'],
  ["a 13th month", '{"series":"a","time":"2026-13-01T00:00:00Z","value":1}'],
  ["a time beyond all calendars", good("a", 1e17)],
  ["no value", '{"series":"a","time":1}'],
  ["a value that is text", '{"series":"a","time":1,"value":"high"}'],
  ["an infinite value", '{"series":"a","time":1,"value":1e999}'],
  ["`NaN`", '{"series":"a","time":1,"value":NaN}'],
  ["a value that is null", '{"series":"a","time":1,"value":null}'],
  ["1,025 features", `{"series":"a","time":1,"values":{${many}}}`],
  ["an identifier of 129 characters", good("a", 1, `,"id":"${long(129)}"`)],
  ["a key called `__proto__`", good("a", 2, ',"__proto__":{"polluted":1}')],
  ["one bad tick among three", `[${good("a", 3)},${good("a", 4, ',"id":7')},${good("a", 5)}]`],
  ["one bad line among three", `${good("a", 6)}\n{\n${good("a", 7)}`],
  [
    "a tick sent again, by its identifier",
    [1, 2].map(() => good("b", 1, ',"id":"x"')).join("\n"),
    "b",
  ],
  ["a tick older than the last one", `${good("c", 9)}\n${good("c", 5)}`, "c"],
  ["a series beyond the limit", [..."defghi"].map((name) => good(name, 1)).join("\n")],
];

interface Answer {
  readonly type?: string;
  readonly count?: number;
  readonly rejected?: number;
  readonly reason?: string;
  readonly field?: string;
  readonly detail?: string;
}

function told({ count = 0, rejected = 0, reason, field, detail }: Answer): string {
  const taken = count === 0 ? "" : `${count} taken`;
  if (reason === undefined) return taken || "nothing to take";
  const why = `\`${reason}\`${field ? ` in \`${field}\`` : ""}: ${shorten(detail ?? "")}`;
  return [taken, rejected > 1 ? `${rejected} refused, the first` : "refused", why]
    .filter(Boolean).join(", ").replace("refused, `", "refused, `");
}

function shorten(text: string): string {
  return (text.length > 90 ? `${text.slice(0, 80)}…` : text).replaceAll("|", "\\|");
}

async function byHttp(url: string, body: string | Uint8Array): Promise<string> {
  const answer = await fetch(`${url}/v1/ticks`, { method: "POST", body: body as BodyInit });
  return `${answer.status}: ${told(await answer.json())}`;
}

function bySocket(socket: WebSocket, message: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    socket.once("message", (data) => resolve(told(JSON.parse(String(data)))));
    socket.send(message);
  });
}

/** What comes back for bytes sent as they are. */
function raw(server: Server, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const { port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), "127.0.0.1");
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (data) => {
      text += data;
      // The second piece goes out when the first was answered.
      const piece = pieces.shift();
      if (piece !== undefined) socket.write(piece);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
    socket.write(pieces.shift() as string);
  });
}

const statusLine = (text: string): string => /^HTTP\/1\.1 (\d+ [^\r]*)/.exec(text)?.[1] ?? "closed";

const UPGRADE = "GET /v1/ingest HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** The code of the close frame at the end of what a WebSocket server sent. */
function closeCode(text: string): string {
  const at = text.lastIndexOf("\x88");
  return `closed, ${256 * text.charCodeAt(at + 2) + text.charCodeAt(at + 3)}`;
}

/** What is tried below the messages. */
const CONNECTIONS: readonly (readonly [string, (server: Server) => Promise<string>])[] = [
  [
    "HTTP: no HTTP at all",
    async (server) => statusLine(await raw(server, "\x16\x03\x01 ?\r\n\r\n")),
  ],
  [
    "HTTP: headers of 200 kB",
    async (server) =>
      statusLine(await raw(server, `GET / HTTP/1.1\r\nHost: a\r\nX: ${long(200_000)}\r\n\r\n`)),
  ],
  ["HTTP: an unknown route", async ({ url }) => await refused(fetch(`${url}/v2/ticks`))],
  [
    "HTTP: a wrong method",
    async ({ url }) => await refused(fetch(`${url}/v1/ticks`, { method: "PUT" })),
  ],
  [
    "HTTP: a way out of the folder",
    async ({ url }) => await refused(fetch(`${url}/v1/series/..%2f..%2fetc%2fpasswd`)),
  ],
  [
    "HTTP: a bad escape in a path",
    async ({ url }) => await refused(fetch(`${url}/v1/series/%E0%A4%A`)),
  ],
  ["HTTP: a page size of −1", async ({ url }) => await refused(fetch(`${url}/v1/series?limit=-1`))],
  [
    "WebSocket: a frame of more than 1 MiB",
    ({ url }) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ingest`);
      socket.once("open", () => socket.send(long((1 << 20) + 1)));
      return new Promise((resolve) => socket.once("close", (code) => resolve(`closed, ${code}`)));
    },
  ],
  [
    "WebSocket: a frame without a mask",
    async (server) => closeCode(await raw(server, UPGRADE, "\x81\x02hi")),
  ],
  [
    "WebSocket: a frame of an unknown kind",
    async (server) => closeCode(await raw(server, UPGRADE, Uint8Array.of(0x83, 0x80, 0, 0, 0, 0))),
  ],
];

async function refused(asked: Promise<Response>): Promise<string> {
  const answer = await asked;
  return `${answer.status}: ${told(await answer.json()).replace(/^refused, /, "")}`;
}

Deno.test("bad input: each kind tried gets what docs/reliability.md says, and the server goes on", async () => {
  const rows: string[] = [];
  const fresh = async (body: (server: Server, engine: Engine) => Promise<void>): Promise<void> => {
    const engine = await Engine.open({
      forecaster: new OnlineForecaster({ horizon: 2 }),
      store: new MemoryStore(),
      seriesMax: SERIES_MAX,
    });
    const server = await startServer({ engine, port: 0 });
    try {
      await body(server, engine);
      await engine.accept([{ series: "a", time: 1e6, values: { value: 1 } }]);
      await settled(engine);
      equal(engine.latest("a")?.time, 1e6, "good ticks are still forecast from");
      equal(engine.health().ok, true);
      equal(({} as { polluted?: number }).polluted, undefined);
    } finally {
      await server.close();
      await engine.close();
    }
  };
  const http: string[] = [];
  await fresh(async (server, engine) => {
    for (const [, body, series] of BODIES) {
      const answer = await byHttp(server.url, body);
      await settled(engine);
      http.push(
        series === undefined ? answer : `${answer}, steps made of them: ${engine.steps(series)}`,
      );
    }
  });
  await fresh(async (server) => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/ingest`);
    await new Promise((resolve) => socket.once("open", resolve));
    for (const [index, [kind, body]] of BODIES.entries()) {
      const overSocket = await bySocket(socket, body);
      ok(
        http[index].includes(`: ${overSocket}`),
        `${kind}: ${http[index]} over HTTP, ${overSocket} here`,
      );
      rows.push(`| ${kind} | ${http[index]} |`);
    }
    await new Promise((resolve) => {
      socket.once("close", resolve);
      socket.close();
    });
  });
  await fresh(async (server) => {
    for (const [kind, attempt] of CONNECTIONS) rows.push(`| ${kind} | ${await attempt(server)} |`);
  });

  const table = ["| Tried | Got |", "| --- | --- |", ...rows];
  const text = await Deno.readTextFile(DOCUMENT);
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  const cells = (lines: readonly string[]): string[] =>
    lines.map((line) => line.replace(/\s+/g, " ").trim());
  const written = text.slice(from, to).trim().split("\n");
  if (Deno.env.get("TICKCAST_UPDATE")) {
    const updated = `${text.slice(0, from)}\n\n${table.join("\n")}\n\n${text.slice(to)}`;
    await Deno.writeTextFile(DOCUMENT, updated);
    return;
  }
  const isRow = (line: string): boolean => line.startsWith("|") && !/^\|\s*-/.test(line);
  equal(cells(written.filter(isRow)).join("\n"), cells(table.filter(isRow)).join("\n"));
});
