// Whether this machine has a WebGPU adapter, a software one included.

/** Deno falls back to GL without a word where Vulkan is missing; nothing is held to GL. */
Deno.env.set("DENO_WEBGPU_BACKEND", "vulkan");

/**
 * Why tests that need an adapter must be skipped, or undefined where there is one.
 *
 * @throws {Error} when there is none and `TICKCAST_REQUIRE_ALL` demands every test.
 */
export async function skipWithoutAdapter(): Promise<string | undefined> {
  if (await navigator.gpu?.requestAdapter()) return undefined;
  if (Deno.env.get("TICKCAST_REQUIRE_ALL")) throw new Error("No WebGPU adapter");
  return "no WebGPU adapter";
}
