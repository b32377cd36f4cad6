// The stand-in against the documented behaviour of @std/csv/parse-stream.
import { deepEqual, ok, rejects } from "node:assert/strict";
import { CsvParseStream, type CsvParseStreamOptions } from "@std/csv/parse-stream";

function read(text: string, options: CsvParseStreamOptions = {}, size = 7): Promise<unknown[]> {
  const chunks: string[] = [];
  for (let i = 0; i < text.length; i += size) chunks.push(text.slice(i, i + size));
  return Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new CsvParseStream(options)));
}

const cases: { name: string; text: string; options?: CsvParseStreamOptions; rows: unknown[] }[] = [
  { name: "both line ends", text: "a,b\r\nc,d\n", rows: [["a", "b"], ["c", "d"]] },
  { name: "no last line end", text: "a,b\nc,", rows: [["a", "b"], ["c", ""]] },
  { name: "blank lines", text: "\r\na,b\n\nc,d\n\n", rows: [["a", "b"], ["c", "d"]] },
  { name: "any number of fields", text: "a,b\nc\n", rows: [["a", "b"], ["c"]] },
  { name: "another separator", text: "a;b\n", options: { separator: ";" }, rows: [["a", "b"]] },
  {
    name: "quotes",
    text: '"a ""word""","com,ma","new\nline"\nfoo,"",é\n',
    rows: [['a "word"', "com,ma", "new\nline"], ["foo", "", "é"]],
  },
  {
    name: "comments, on their own line only",
    text: "#x,y\na,b#c\n#end",
    options: { comment: "#" },
    rows: [["a", "b#c"]],
  },
  { name: "white space is kept", text: " a,  b \n", rows: [[" a", "  b "]] },
  {
    name: "leading white space is trimmed",
    text: " a,  b \n",
    options: { trimLeadingSpace: true },
    rows: [["a", "b "]],
  },
  {
    name: "lazy quotes",
    text: 'a "word",b"c\n',
    options: { lazyQuotes: true },
    rows: [['a "word"', 'b"c']],
  },
  {
    name: "the first row names the columns",
    text: "x,y\n1,2\n",
    options: { skipFirstRow: true },
    rows: [{ x: "1", y: "2" }],
  },
  {
    name: "given columns",
    text: "1,2\n",
    options: { columns: ["x", "y"] },
    rows: [{ x: "1", y: "2" }],
  },
  {
    name: "given columns in place of the first row",
    text: "a,b\n1,2\n",
    options: { columns: ["x", "y"], skipFirstRow: true },
    rows: [{ x: "1", y: "2" }],
  },
  { name: "nothing", text: "", rows: [] },
];

for (const { name, text, options, rows } of cases) {
  Deno.test(`CsvParseStream: ${name}`, async () => {
    for (const size of [1, 7, 1000]) deepEqual(await read(text, options, size), rows);
  });
}

Deno.test("CsvParseStream keeps characters of two code units whole in long texts", async () => {
  for (const lead of ["", "x"]) {
    const rows = Array.from({ length: 500 }, (_, k) => [`${lead}${"🌦".repeat(7)}`, `é${k}`]);
    const text = `${lead}\n${rows.map((row) => row.join(",")).join("\n")}`;
    deepEqual((await read(text, {}, text.length)).slice(-500), rows);
  }
});

const faults: { name: string; text: string; options?: CsvParseStreamOptions; message: RegExp }[] = [
  { name: "a bare quote", text: 'a,b\nc "d",e\n', message: /line 2.*bare "/ },
  { name: "a stray quote", text: 'a,b\n"c"d,e\n', message: /line 2.*extraneous or missing "/ },
  { name: "an open quote", text: 'a,b\n"c', message: /extraneous or missing "/ },
  {
    name: "another count than the first row's",
    text: "a,b\n\nc\n",
    options: { fieldsPerRecord: 0 },
    message: /line 3: expected 2 fields but got 1/,
  },
  {
    name: "another count than the given one",
    text: "a,b\n",
    options: { fieldsPerRecord: 3 },
    message: /line 1: expected 3 fields but got 2/,
  },
];

for (const { name, text, options, message } of faults) {
  Deno.test(`CsvParseStream refuses ${name} after the rows before it`, async () => {
    await rejects(read(text, options), (error) => {
      ok(error instanceof SyntaxError);
      return message.test(error.message);
    });
  });
}

Deno.test("CsvParseStream refuses a row that does not fit its columns", async () => {
  // The real package throws an Error here, the stand-in a SyntaxError, which is one.
  await rejects(read("a,b\nc\n", { skipFirstRow: true }), {
    message: /has 1 fields.*has 2 fields/,
  });
});

Deno.test("CsvParseStream gives the rows before a fault and ends when cancelled", async () => {
  const faulty = ReadableStream.from(['a,b\nc,d\n"']).pipeThrough(new CsvParseStream());
  const reader = faulty.getReader();
  deepEqual((await reader.read()).value, ["a", "b"]);
  deepEqual((await reader.read()).value, ["c", "d"]);
  await rejects(reader.read(), SyntaxError);

  let produced = 0;
  const endless = new ReadableStream<string>({
    pull: (controller) => controller.enqueue(`${produced++},x\n`),
  });
  const seen: string[] = [];
  for await (const row of endless.pipeThrough(new CsvParseStream())) {
    seen.push(row[0]);
    if (seen.length === 3) break;
  }
  deepEqual(seen, ["0", "1", "2"]);
  ok(produced < 20, `${produced} chunks were pulled for 3 rows`);
});
