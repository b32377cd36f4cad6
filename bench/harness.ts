// Several subjects at one piece of work, side by side: each is first held to the reference, then they
// take turns, so that whatever else the machine does falls on all of them alike. What counts is the time
// of the processor, in which waiting for other programs is not contained; with several threads that would
// add up what they do at once, and the clock on the wall counts.
import process from "node:process";

/** Something that can do the work. */
export interface Subject {
  /** Who it is. */
  readonly name: string;
  /** Floating-point operations of one run, two a multiply-add, where they are worth knowing. */
  readonly flops?: number;
  /** Does the work a number of times. @returns The milliseconds it took. */
  run(runs: number): number | Promise<number>;
  /** Does the work from the beginning and says what came out, for comparison with the reference. */
  result?(): Float32Array | Promise<Float32Array>;
  /** Gives back what it holds. */
  dispose?(): unknown;
}

/** A subject that cannot take part here, and why. */
export interface Skipped {
  readonly name: string;
  readonly skipped: string;
}

/** A middle, and the quartiles around it. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What was measured of one subject. */
export interface Figure {
  readonly name: string;
  /** Microseconds of one run. */
  readonly us: Spread;
  /** How many times longer it takes than the first subject, turn by turn. */
  readonly ratio: Spread;
  /** 10⁹ floating-point operations a second. */
  readonly gflops?: number;
  /** That as a share of the subject called {@linkcode PEAK}, turn by turn. */
  readonly ofPeak?: number;
  /** The largest difference from the reference. */
  readonly error?: number;
}

/** How long is measured. */
export interface Effort {
  /** Turns each subject takes. */
  readonly turns: number;
  /** Milliseconds of one turn. */
  readonly turnMs: number;
  /** Milliseconds of running before it counts: engines compile in the background. */
  readonly warmMs: number;
  /** Milliseconds of rest before each turn; threads go on spinning for a while after theirs. */
  readonly restMs?: number;
}

/** For figures that are published. */
export const FULL: Effort = { turns: 15, turnMs: 8, warmMs: 200 };

/** For seeing that it runs. */
export const TINY: Effort = { turns: 2, turnMs: 1, warmMs: 1 };

/** The subject whose operations are the most that the machine allows. */
export const PEAK = "WASM peak";

/** One question answered. */
export interface Answer {
  readonly question: string;
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skipped[];
}

/**
 * Runs subjects side by side; the first is the one the others are compared with.
 *
 * @param question What is measured, a line.
 * @param subjects Who takes part; those that cannot say why.
 * @param expected What the reference computes.
 * @param tolerance How far a subject may be from it.
 * @param effort How long is measured.
 * @throws {Error} when a subject computes something else than the reference.
 */
export async function compare(
  question: string,
  subjects: readonly (Subject | Skipped)[],
  expected: Float32Array,
  tolerance: number,
  effort: Effort,
): Promise<Answer> {
  const present = subjects.filter((subject): subject is Subject => !("skipped" in subject));
  const skipped = subjects.filter((subject): subject is Skipped => "skipped" in subject);
  const errors = new Map<string, number>();
  const runs = new Map<string, number>();
  for (const subject of present) {
    const actual = await subject.result?.();
    if (actual) errors.set(subject.name, check(subject.name, actual, expected, tolerance));
    runs.set(subject.name, await calibrate(subject, effort));
  }
  const timings = new Map(present.map(({ name }) => [name, new Array<number>()]));
  for (let turn = 0; turn < effort.turns; turn++) {
    // Who begins changes from turn to turn.
    for (let k = 0; k < present.length; k++) {
      const subject = present[(turn + k) % present.length];
      const count = runs.get(subject.name)!;
      if (effort.restMs) await new Promise((resolve) => setTimeout(resolve, effort.restMs));
      timings.get(subject.name)!.push(1000 * await subject.run(count) / count);
    }
  }
  for (const subject of present) await subject.dispose?.();
  const own = timings.get(present[0].name)!;
  const peak = present.find(({ name }) => name === PEAK);
  const peakUs = timings.get(PEAK);
  const figures = present.map(({ name, flops }) => {
    const us = timings.get(name)!;
    return {
      name,
      us: spread(us),
      ratio: spread(us.map((time, turn) => time / own[turn])),
      ...flops && { gflops: flops / spread(us).median / 1000 },
      ...flops && peakUs && {
        ofPeak: spread(us.map((time, turn) => flops / time * peakUs[turn] / peak!.flops!)).median,
      },
      ...errors.has(name) && { error: errors.get(name) },
    };
  });
  return { question, figures, skipped };
}

function check(
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
): number {
  let error = actual.length === expected.length ? 0 : Infinity;
  expected.forEach((value, k) => {
    const difference = Math.abs(actual[k] - value);
    if (!(difference <= error)) error = difference;
  });
  if (!(error <= tolerance)) throw new Error(`${name} is ${error} from the reference`);
  return error;
}

/** How often a subject runs in one turn; warms it up on the way. */
async function calibrate(subject: Subject, { turnMs, warmMs }: Effort): Promise<number> {
  let runs = 1;
  let spentMs = 0;
  for (;;) {
    const elapsedMs = await subject.run(runs);
    spentMs += elapsedMs;
    if (spentMs >= warmMs && elapsedMs >= turnMs / 4) {
      return Math.max(1, Math.round(runs * turnMs / elapsedMs));
    }
    if (elapsedMs < turnMs) runs *= 2;
  }
}

/** The median and the quartiles. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Milliseconds that the processor has worked for this process, all its threads together. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The clock by which work on a number of threads is timed, in milliseconds. */
function clockOf(threads: number): () => number {
  return threads === 1 ? processorMs : () => performance.now();
}

/** Times a synchronous piece of work. */
export function timed(work: () => void, threads = 1): (runs: number) => number {
  const clock = clockOf(threads);
  return (runs) => {
    const started = clock();
    for (let k = 0; k < runs; k++) work();
    return clock() - started;
  };
}

/** Times a piece of work that must be awaited. */
export function timedAsync(
  work: () => Promise<unknown>,
  threads = 1,
): (runs: number) => Promise<number> {
  const clock = clockOf(threads);
  return async (runs) => {
    const started = clock();
    for (let k = 0; k < runs; k++) await work();
    return clock() - started;
  };
}

/** Three digits that count. */
export function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function shown({ median, low, high }: Spread): string {
  return `${digits(median)} (${digits(low)} to ${digits(high)})`;
}

/** An answer as a table of Markdown. `perRun` turns a run into what is counted, such as series. */
export function table({ question, figures, skipped }: Answer, perRun = 1): string {
  const unit = perRun === 1 ? "µs" : "ns each";
  const scale = perRun === 1 ? 1 : 1000 / perRun;
  const scaled = ({ median, low, high }: Spread): Spread => ({
    median: median * scale,
    low: low * scale,
    high: high * scale,
  });
  const lines = figures.map(({ name, us, ratio, gflops, ofPeak }) => {
    const share = ofPeak === undefined ? "" : `${Math.round(100 * ofPeak)} %`;
    const cells = [name, shown(scaled(us)), shown(ratio), gflops ? digits(gflops) : "", share];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `**${question}**`,
    "",
    `| | ${unit} | times ours | GFLOP/s | of WASM peak |`,
    "| --- | --- | --- | --- | --- |",
    ...lines,
    ...skipped.map(({ name, skipped }) => `\n${name}: skipped, ${skipped}`),
    "",
  ].join("\n");
}

/** Prints answers as they come, as tables, or with `--json` as a line of JSON each. */
export function print(answer: Answer, perRun = 1): void {
  console.log(Deno.args.includes("--json") ? JSON.stringify(answer) : table(answer, perRun));
}
