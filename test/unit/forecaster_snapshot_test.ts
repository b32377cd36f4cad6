import { deepEqual, equal, throws } from "node:assert/strict";
import { OnlineForecaster } from "../../mod.ts";

/** Takes a series through some steps. */
function follow(forecaster: OnlineForecaster, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const value = step % 50 === 7 ? NaN : Math.round(20 * Math.sin(2 * Math.PI * step / 24));
    const values = Float64Array.of(value);
    forecaster.step([{ series: "room", time: step * 3_600_000, step, values }]);
  }
}

Deno.test("a series goes on from a snapshot with the seasons it has found, and with those it finds later", () => {
  for (const stopped of [40, 90, 300]) {
    const forecaster = new OnlineForecaster({ horizon: 2 });
    follow(forecaster, 0, stopped);
    const restored = new OnlineForecaster({ horizon: 2 });
    restored.restore(forecaster.snapshot());
    deepEqual(restored.seasons("room"), forecaster.seasons("room"));
    for (const each of [forecaster, restored]) follow(each, stopped, 320);
    deepEqual(restored.seasons("room"), [24]);
    deepEqual(restored.forecast("room"), forecaster.forecast("room"));
  }
});

Deno.test("a snapshot of another format, or a series whose seasons cannot be, is refused with the reason", () => {
  const forecaster = new OnlineForecaster({ horizon: 2 });
  follow(forecaster, 0, 20);
  const { manifest, arrays } = forecaster.snapshot();
  const before = forecaster.forecast("room");
  const old = { ...manifest, format: "tickcast-online-forecaster-1" };
  throws(
    () => forecaster.restore({ manifest: old, arrays }),
    /^SyntaxError: .*format is tickcast-online-forecaster-1, this version reads/,
  );
  for (const start of [[3], [NaN], [1, 0.5], [1, 1e9]]) {
    const damaged = (arrays["series.0"] as Float64Array).slice();
    damaged.set(start);
    throws(
      () => forecaster.restore({ manifest, arrays: { ...arrays, "series.0": damaged } }),
      /^SyntaxError: Series state is damaged/,
    );
  }
  deepEqual(forecaster.forecast("room"), before);
});

Deno.test("a value of 0 is told as 0, a missing one as NaN", () => {
  const forecaster = new OnlineForecaster();
  const said = [0, NaN, 1].map((value, step) => {
    forecaster.step([{ series: "a", time: step, step, values: Float64Array.of(value) }]);
    return forecaster.forecast("a").value;
  });
  deepEqual(said, [0, NaN, 1]);
  equal(forecaster.forecast("a").step, 2);
});
