import type { Tick } from "../../streams/mod.ts";
import type { Mutation } from "./mutations.ts";
import { Random } from "./random.ts";
import type { Fault, Scenario } from "./scenario.ts";
import { SimClient } from "./sim_client.ts";
import { SimDisk } from "./sim_disk.ts";
import { SimNetwork } from "./sim_network.ts";
import { type Message, SimServer } from "./sim_server.ts";
import { InvariantError, Sink } from "./sink.ts";
import { simForecaster } from "./sim_forecaster.ts";
import { type Happening, Tally } from "./tally.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Faults end here; what was sent must then get through. */
const FAULTS_END_MS = 3_000;
/** Far longer than any run that gets through. */
const GIVE_UP_MS = 120_000;
const CLIENTS = 2;

/** How a run went. */
export interface Outcome {
  /** What was broken; undefined when every invariant held. */
  readonly error: Error | undefined;
  /** What happened, by virtual time. */
  readonly trace: readonly string[];
  /** Ticks applied. */
  readonly applied: number;
  /** Ticks told late. */
  readonly late: number;
  /** What it met. */
  readonly tally: Tally;
}

/** Runs one scenario to its end. The same scenario runs the same way, always. */
export async function simulate(scenario: Scenario, mutation: Mutation = {}): Promise<Outcome> {
  const { seed, faults } = scenario;
  const chanceOf = (name: string): Random => new Random(seed, name);
  const trace: string[] = [];
  const clock = new VirtualClock();
  const note = (text: string): void => {
    trace.push(`${clock.elapsedMs.toFixed(1).padStart(9)} ms  ${text}`);
  };
  let error: Error | undefined;
  const fail = (cause: unknown): void => {
    if (error !== undefined) return;
    error = cause instanceof Error ? cause : new Error(String(cause));
    note(`BROKEN: ${error.message}`);
  };
  const active = (): boolean => clock.elapsedMs < FAULTS_END_MS;

  const networkFaults = {
    drop: faults.has("drop") ? 0.1 : 0,
    duplicate: faults.has("duplicate") ? 0.2 : 0,
    delayMs: faults.has("delay") ? 20 : 1,
    straggle: faults.has("delay") ? 0.05 : 0,
  };
  const tally = new Tally();
  const network = new SimNetwork<Message>(clock, chanceOf("network"), networkFaults, tally);
  const disk = new SimDisk(tally);
  const perClient = ticksOf(scenario);
  const sent = new Map(perClient.flat().map((tick) => [`${tick.series} ${tick.time}`, tick]));
  const oracle = mutation.oracle === undefined
    ? simForecaster(scenario.forecaster)
    : new mutation.oracle();
  const sink = new Sink(sent, oracle, scenario.latenessMs, tally);
  const acknowledged = new Set<string>();
  const deviceChance = chanceOf("device");
  const sinkChance = chanceOf("sink");
  /** True, and counted, with a probability, while a fault is at work. */
  const strikes = (fault: Fault, random: Random, probability: number, what: Happening): boolean => {
    const struck = faults.has(fault) && active() && random.chance(probability);
    if (struck) tally.add(what);
    return struck;
  };
  const losesDevice = (): boolean => strikes("device-loss", deviceChance, 0.02, "device lost");
  const world = {
    clock,
    disk,
    network,
    sink,
    random: chanceOf("server"),
    mutation,
    acknowledged,
    latenessMs: scenario.latenessMs,
    tally,
    fail,
    createForecaster: () =>
      mutation.forecaster === undefined
        ? simForecaster(scenario.forecaster, losesDevice)
        : new mutation.forecaster(losesDevice),
    sinkMs: () =>
      sinkChance.exponential(strikes("slow-consumer", sinkChance, 1, "sink slow") ? 60 : 2),
    sinkFails: () => strikes("sink-failure", sinkChance, 0.03, "sink failed"),
  };
  const clients = perClient.map((ticks, index) =>
    new SimClient(`client${index}`, ticks, clock, network, chanceOf(`client${index}`), acknowledged)
  );
  let server = new SimServer(world);

  /** Lets a fault come and go at random moments until faults end. */
  const recurring = (
    fault: Fault,
    everyMs: number,
    lastsMs: number,
    begin: (random: Random) => void,
    end: () => void,
  ): void => {
    if (!faults.has(fault)) return;
    const random = chanceOf(fault);
    const next = (): void => {
      clock.after(random.exponential(everyMs), () => {
        if (!active()) return;
        note(fault);
        begin(random);
        clock.after(random.exponential(lastsMs), () => {
          note(`${fault} over`);
          end();
          next();
        });
      });
    };
    next();
  };
  const crash = (random: Random): void => {
    server.kill();
    disk.crash(random);
    tally.add("crashed");
    const newest = disk.list().findLast((name) => name.startsWith("checkpoint-"));
    if (faults.has("rot") && newest !== undefined && random.chance(0.3)) {
      note(`rot in ${newest}`);
      disk.rot(newest, random);
    }
  };
  const boot = (): void => {
    server.kill();
    server = new SimServer(world);
  };
  recurring("crash", 600, 50, crash, boot);
  // What has not ended when the operator's patience does is killed.
  recurring("stop", 1_200, 200, () => void server.stop(), boot);
  recurring("checkpoint", 150, 0, () => void server.checkpoint(), () => {});
  recurring("disconnect", 500, 200, () => network.disconnect(), () => network.reconnect());
  recurring("disk-full", 800, 150, () => disk.full = true, () => disk.full = false);
  recurring("clock-jump", 500, 100, (random) => {
    clock.skewMs += random.between(-3_600_000, 3_600_000);
    tally.add("clock jumped");
  }, () => {});

  const done = (): boolean => clients.every((client) => client.done) && server.idle;
  while (error === undefined) {
    try {
      server.check();
    } catch (broken) {
      fail(broken);
    }
    if (server.failed) {
      note("the engine gave up; started anew");
      boot();
    }
    if (!active() && done()) break;
    const advanced = await clock.advance();
    if (!advanced && server.failed) continue;
    if (!advanced && done()) break;
    if (!advanced || clock.elapsedMs > GIVE_UP_MS) {
      fail(new InvariantError("Ticks do not get through, long after all faults have ended"));
    }
  }
  try {
    if (error === undefined) sink.checkAll();
  } catch (broken) {
    fail(broken);
  }
  server.kill();
  return { error, trace, applied: sink.applied.size, late: sink.late.size, tally };
}

/** What each client sends: series of its own, times ascending within a series. */
function ticksOf({ seed, ticks, series }: Scenario): Tick[][] {
  const random = new Random(seed, "ticks");
  const perClient: Tick[][] = Array.from({ length: CLIENTS }, () => []);
  for (let index = 0; index < ticks; index++) {
    const name = random.integer(series);
    perClient[name % CLIENTS].push({
      series: `s${name}`,
      time: index * 1000,
      values: { value: random.next() * 4 - 2 },
      id: `${name}-${index}`,
    });
  }
  return perClient;
}
