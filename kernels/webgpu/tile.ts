/** What of an adapter's limits decides the shape of a workgroup. */
export interface TileLimits {
  /** Bytes of workgroup memory. */
  readonly workgroupBytes: number;
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Workgroups wanted before a thread gets more rows. */
  readonly groupsWanted: number;
}

/**
 * How a workgroup divides rows and hidden units among its threads: `lanes` threads stand side by side
 * over the units, `teams` such lines over the rows, and each thread has `rows` rows of its own.
 */
export interface Tile {
  /** Threads over the units, a power of two. */
  readonly lanes: number;
  /** Lines of them over the rows. */
  readonly teams: number;
  /** Rows of one thread: 1, 2, 4 or 8. */
  readonly rows: number;
}

/** Workgroups that keep every core of a large GPU busy. */
export const GROUPS_WANTED = 256;

/** Rows of one workgroup. */
export function tileRows(tile: Tile): number {
  return tile.teams * tile.rows;
}

/**
 * The tile for `batch` rows of `units` hidden units whose inputs take `bytesPerRow` of workgroup
 * memory. More rows a thread mean fewer loads a multiplication; fewer mean more workgroups. The result
 * of a row never depends on the choice.
 *
 * @throws {RangeError} when not even one row fits.
 */
export function chooseTile(
  batch: number,
  units: number,
  bytesPerRow: number,
  limits: TileLimits,
): Tile {
  let lanes = 1;
  while (lanes < units && lanes < limits.threads) lanes *= 2;
  let teams = Math.max(1, Math.floor(limits.threads / lanes));
  while (teams > 1 && (teams / 2 >= batch || teams * bytesPerRow > limits.workgroupBytes)) {
    teams /= 2;
  }
  if (teams * bytesPerRow > limits.workgroupBytes) {
    throw new RangeError(
      `Cannot run ${units} hidden units: a row takes ${bytesPerRow} bytes of workgroup memory, the ` +
        `adapter has ${limits.workgroupBytes}`,
    );
  }
  let rows = 1;
  while (
    rows < 8 && teams * rows * 2 * bytesPerRow <= limits.workgroupBytes &&
    batch / (teams * rows * 2) >= limits.groupsWanted
  ) rows *= 2;
  return { lanes, teams, rows };
}
