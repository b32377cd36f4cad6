import { dirname } from "node:path";

/** Makes the folders of files to come, so that a long run does not end at a path that is not there. */
export async function makeFoldersOf(...paths: readonly (string | undefined)[]): Promise<void> {
  for (const path of paths) {
    if (path === undefined) continue;
    const folder = dirname(path);
    // One that is there, or cannot be looked at, is left alone: writing will tell.
    const missing = await Deno.stat(folder)
      .then(() => false, (error) => error instanceof Deno.errors.NotFound);
    if (missing) await Deno.mkdir(folder, { recursive: true });
  }
}
