import type { CommandStream, Encodable } from "./command_stream.ts";
import type { GpuBuffer, GpuMemory } from "./gpu_buffer.ts";
import type { Stage } from "./stage.ts";

/** Compiled pipelines by their WGSL, the same text never compiled twice. */
export type PipelineCache = Map<string, GPUComputePipeline>;

/**
 * Writes the WGSL around a stage's code: arguments, bindings, and the functions by which the code
 * reaches its buffers. Buffers that share memory share a binding, since WebGPU lets no memory be bound
 * twice where one of the bindings is written.
 */
export function writeShader(stage: Stage): { code: string; memories: GpuMemory[] } {
  const names = Object.keys(stage.buffers);
  const memories = [...new Set(names.map((name) => stage.buffers[name].memory))];
  const calls = (verb: string, name: string): boolean => stage.code.includes(`${verb}_${name}(`);
  const lines: string[] = [];
  memories.forEach((memory, index) => {
    const sharers = names.filter((name) => stage.buffers[name].memory === memory);
    const written = sharers.some((name) => calls("store", name));
    const wide = sharers.length === 1 && !written && stage.buffers[sharers[0]].offset % 4 === 0 &&
      calls("load4", sharers[0]) && !calls("load", sharers[0]);
    const element = wide ? "vec4f" : memory.type;
    lines.push(
      `@group(0) @binding(${index + 1}) var<storage, ${written ? "read_write" : "read"}> ` +
        `memory${index}: array<${element}>;`,
    );
    for (const name of sharers) {
      const at = (i: string): string => `memory${index}[args.${name}_offset + ${i}]`;
      lines.push(
        wide
          ? `fn load4_${name}(i: u32) -> vec4f { return memory${index}[args.${name}_offset / 4u + i]; }`
          : `fn load_${name}(i: u32) -> ${element} { return ${at("i")}; }`,
      );
      if (!wide && calls("load4", name)) {
        const parts = [0, 1, 2, 3].map((part) => at(`4u * i + ${part}u`)).join(", ");
        lines.push(`fn load4_${name}(i: u32) -> vec4f { return vec4f(${parts}); }`);
      }
      if (calls("store", name)) {
        lines.push(`fn store_${name}(i: u32, value: ${element}) { ${at("i")} = value; }`);
      }
    }
  });
  const code = `struct Args {
  count: u32,
${names.map((name) => `  ${name}_offset: u32,\n`).join("")}${
    Object.keys(stage.sizes ?? {}).map((name) => `  ${name}: u32,\n`).join("")
  }${Object.keys(stage.factors ?? {}).map((name) => `  ${name}: f32,\n`).join("")}}
@group(0) @binding(0) var<uniform> args: Args;
${lines.join("\n")}
${stage.code}
@compute @workgroup_size(${stage.threads})
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) size: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  kernel(id.y * size.x + id.x, lane);
}
`;
  return { code, memories };
}

/** The contents of the arguments, in the order of the struct. */
function argumentBytes(stage: Stage): Uint32Array<ArrayBuffer> {
  const offsets = Object.values(stage.buffers).map((buffer: GpuBuffer) => buffer.offset);
  const sizes = Object.values(stage.sizes ?? {});
  const factors = new Uint32Array(Float32Array.from(Object.values(stage.factors ?? {})).buffer);
  const used = [stage.count, ...offsets, ...sizes, ...factors];
  const padded = new Uint32Array(Math.ceil(used.length / 4) * 4);
  padded.set(used);
  return padded;
}

/** A stage bound to its memory: encoding it costs two calls and allocates nothing. */
export class Program {
  readonly #commands: CommandStream;
  readonly #stage: Stage;
  readonly #encodable: Encodable;
  readonly #arguments: GPUBuffer;
  readonly #groupsPerRow: number;
  readonly #countBytes = new Uint32Array(1);
  readonly #memories: readonly GpuMemory[];
  #count: number;
  #groups: number;

  constructor(device: GPUDevice, commands: CommandStream, pipelines: PipelineCache, stage: Stage) {
    const { code, memories } = writeShader(stage);
    let pipeline = pipelines.get(code);
    if (pipeline === undefined) {
      const module = device.createShaderModule({ code, label: stage.name });
      pipeline = device.createComputePipeline({
        label: stage.name,
        layout: "auto",
        compute: { module, entryPoint: "main" },
      });
      pipelines.set(code, pipeline);
    }
    const values = argumentBytes(stage);
    this.#arguments = device.createBuffer({
      size: values.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(this.#arguments, 0, values);
    const bindings = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [this.#arguments, ...memories.map((memory) => memory.handle)]
        .map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    this.#commands = commands;
    this.#stage = stage;
    this.#memories = memories;
    this.#encodable = { pipeline, bindings, memories: [...memories, this.#arguments] };
    this.#groupsPerRow = device.limits.maxComputeWorkgroupsPerDimension;
    this.#count = stage.count;
    this.#groups = stage.groups(stage.count);
  }

  /** Encodes it for the first `count` rows. */
  run(count: number = this.#stage.count): void {
    if (this.#memories.some((memory) => memory.freed)) {
      throw new TypeError("Cannot run the kernel: one of its buffers was freed");
    }
    if (count !== this.#count) {
      this.#countBytes[0] = count;
      this.#commands.write(this.#arguments, this.#arguments, 0, this.#countBytes);
      this.#count = count;
      this.#groups = this.#stage.groups(count);
    }
    if (this.#groups > 0) this.#commands.run(this.#encodable, this.#groups, this.#groupsPerRow);
  }
}
