import { deepEqual, equal } from "node:assert/strict";
import { Random } from "../../mod.ts";
import { RecentKeys } from "../../streams/mod.ts";

Deno.test("recent keys are those of a list that drops its oldest, through repeats, deletions and a restart", () => {
  const random = new Random(1);
  for (const max of [1, 2, 7]) {
    let keys = new RecentKeys(max);
    // A deleted key leaves its place in the window until that comes round.
    let list: { key: string; deleted: boolean }[] = [];
    const known = (): string[] => list.filter(({ deleted }) => !deleted).map(({ key }) => key);
    for (let step = 0; step < 3000; step++) {
      const key = `${Math.floor(random.uniform() * 12)}`;
      if (random.uniform() < 0.2) {
        keys.delete(key);
        for (const entry of list) entry.deleted ||= entry.key === key;
      } else {
        equal(keys.add(key), !known().includes(key));
        if (!known().includes(key)) list = [...list, { key, deleted: false }].slice(-max);
      }
      deepEqual(keys.snapshot(), known());
      if (random.uniform() < 0.01) {
        const restored = new RecentKeys(max);
        restored.add("before");
        restored.restore(keys.snapshot());
        keys = restored;
        list = list.filter(({ deleted }) => !deleted);
      }
    }
  }
});
