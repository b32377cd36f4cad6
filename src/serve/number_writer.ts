const [ZERO, POINT, MINUS, COMMA] = [..."0.-,"].map((sign) => sign.charCodeAt(0));
/** Room at first: a forecast of one step. It doubles, up to the longest text there was. */
const BYTES_FIRST = 1024;
/** Room that any number, and the comma before it, has enough of. */
const NUMBER_BYTES = 32;
/** Numbers of units up to here are handled as 32-bit integers, which is several times as fast. */
const UNITS_MAX = 0x7fffffff;
/** Larger whole numbers, such as times, are taken in two parts, the lower one of so many digits. */
const LOW_DIGITS = 9;
const LOW = 1e9;
const WHOLE_MAX = 1e15;
/** A double holds every whole number of so many digits, and its shortest text is just those digits. */
const PLACES_MAX = 15;
/** Below, JavaScript writes a number with an exponent. */
const PLAIN_MIN = 1e-6;
/** Places of a measured value that are looked for. */
const MEASURED_PLACES_MAX = 6;
const POWERS = Array.from({ length: PLACES_MAX + 1 }, (_, places) => 10 ** places);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Puts a text of many numbers together: digit by digit, into bytes that are kept from one text to the
 * next. To make a string of each number and join them takes twice as long, and leaves much to collect.
 */
export class NumberWriter {
  #bytes = new Uint8Array(BYTES_FIRST);
  #length = 0;

  /** Appends bytes of text. */
  put(text: Uint8Array): void {
    this.#makeRoom(text.length);
    const bytes = this.#bytes;
    const at = this.#length;
    // A few bytes: a loop is quicker than a call that sets them.
    for (let i = 0; i < text.length; i++) bytes[at + i] = text[i];
    this.#length = at + text.length;
  }

  /**
   * Appends `values[start], values[start + stride], …`, rounded to decimal places, as JavaScript writes
   * them, `null` for what is not finite.
   *
   * @param places Places behind the point; below 0, places before it that become zeros.
   */
  numbers(values: ArrayLike<number>, start: number, stride: number, places: number): void {
    this.#makeRoom(NUMBER_BYTES * (values.length - start));
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = start; i < values.length; i += stride) {
      if (i > start) bytes[at++] = COMMA;
      at = putRounded(bytes, at, values[i], places);
    }
    this.#length = at;
  }

  /** Appends one number, rounded as {@linkcode numbers} are. */
  rounded(value: number, places: number): void {
    this.#makeRoom(NUMBER_BYTES);
    this.#length = putRounded(this.#bytes, this.#length, value, places);
  }

  /** Appends one number with all its digits. What was measured has few, which are then just these. */
  exact(value: number): void {
    for (let places = 0; places <= MEASURED_PLACES_MAX; places++) {
      const scale = POWERS[places];
      if (Math.round(value * scale) / scale === value) return this.rounded(value, places);
    }
    this.#makeRoom(NUMBER_BYTES);
    this.#length = putText(this.#bytes, this.#length, value);
  }

  /** The text; the next one begins. */
  finish(): string {
    const text = decoder.decode(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return text;
  }

  #makeRoom(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const bytes = new Uint8Array(2 * (this.#length + count));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

/** Each of these writes from `at` on and says where it ends. */
function putRounded(bytes: Uint8Array, at: number, value: number, places: number): number {
  const known = places >= 0 && places <= PLACES_MAX;
  const scale = known ? POWERS[places] : 10 ** places;
  const units = Math.round(value * scale);
  const size = Math.abs(units);
  const plain = known && (size <= UNITS_MAX || (places === 0 && size < WHOLE_MAX)) &&
    (size === 0 || size >= PLAIN_MIN * scale);
  if (!plain) return putText(bytes, at, units / scale);
  if (units < 0) bytes[at++] = MINUS;
  const whole = Math.floor(size / scale);
  at = putWhole(bytes, at, whole);
  let rest = size - whole * scale;
  if (rest === 0) return at;
  let count = places;
  while (rest % 10 === 0) {
    rest /= 10;
    count--;
  }
  bytes[at] = POINT;
  return putDigits(bytes, at + 1, rest, count);
}

function putText(bytes: Uint8Array, at: number, number: number): number {
  const text = Number.isFinite(number) ? String(number) : "null";
  return at + encoder.encodeInto(text, bytes.subarray(at)).written;
}

function putWhole(bytes: Uint8Array, at: number, number: number): number {
  if (number > UNITS_MAX) {
    const high = Math.floor(number / LOW);
    return putDigits(bytes, putWhole(bytes, at, high), number - high * LOW, LOW_DIGITS);
  }
  let count = 1;
  for (let bound = 10; bound <= number; bound *= 10) count++;
  return putDigits(bytes, at, number, count);
}

function putDigits(bytes: Uint8Array, at: number, number: number, count: number): number {
  let left = number | 0;
  for (let place = at + count - 1; place >= at; place--) {
    const tens = (left / 10) | 0;
    bytes[place] = ZERO + left - 10 * tens;
    left = tens;
  }
  return at + count;
}
