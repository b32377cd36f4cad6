import type { DeviceBuffer, ElementType } from "../backend.ts";

/** A stretch of the module's memory. */
export class WasmBuffer implements DeviceBuffer {
  readonly type: ElementType;
  readonly length: number;
  /** Where it starts, in bytes. */
  readonly pointer: number;
  /** The buffer whose memory this is: itself, unless it is a slice. */
  readonly owner: WasmBuffer;
  /** Whether its memory was given back. */
  freed = false;
  readonly #memory: WebAssembly.Memory;
  #view: Float32Array | Uint32Array | undefined;

  constructor(
    memory: WebAssembly.Memory,
    type: ElementType,
    length: number,
    pointer: number,
    owner?: WasmBuffer,
  ) {
    this.#memory = memory;
    this.type = type;
    this.length = length;
    this.pointer = pointer;
    this.owner = owner ?? this;
  }

  /** Its memory, looked at anew when the memory has grown since, which leaves a view without length. */
  get view(): Float32Array | Uint32Array {
    if (this.#view === undefined || this.#view.length !== this.length) {
      const { buffer } = this.#memory;
      this.#view = this.type === "f32"
        ? new Float32Array(buffer, this.pointer, this.length)
        : new Uint32Array(buffer, this.pointer, this.length);
    }
    return this.#view;
  }

  /** Whether it lives in this memory and has not been given back. */
  isUsable(memory: WebAssembly.Memory): boolean {
    return this.#memory === memory && !this.owner.freed;
  }
}
