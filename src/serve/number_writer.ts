const [ZERO, POINT, MINUS, COMMA, QUOTE, BACKSLASH] = [...'0.-,"\\'].map((c) => c.charCodeAt(0));
/** The first printable ASCII character, and the first that is none. */
const [SPACE, DELETE] = [0x20, 0x7f];
/** Room at first: a forecast of one step. It doubles, up to the longest text there was. */
const BYTES_FIRST = 1024;
/** A prepared text is put in words of so many bytes, the last of which may reach beyond its end. */
const WORD_BYTES = 8;
/** JSON takes six bytes, `\u001f`, for one unit of a string at most. */
const UNIT_BYTES = 6;
/** Numbers of units up to here are handled as 32-bit integers, which is several times as fast. */
const UNITS_MAX = 0x7fffffff;
const UNITS_DIGITS_MAX = 10;
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
/** The two digits of every number below 100, the first in the lower byte. */
const PAIRS = Uint16Array.from({ length: 100 }, (_, n) => {
  return ZERO + Math.floor(n / 10) | ZERO + n % 10 << 8;
});

const encoder = new TextEncoder();

/** A text that is put again and again: ASCII, as the words it is put in. */
export interface Prepared {
  /** How many bytes. */
  readonly length: number;
  /** Its words, as the doubles they would be: none is NaN, whose bits need not survive. */
  readonly words: Float64Array;
}

/** Prepares an ASCII text. */
export function prepared(text: string): Prepared {
  const words = new Float64Array(Math.ceil(text.length / WORD_BYTES));
  encoder.encodeInto(text, new Uint8Array(words.buffer));
  return { length: text.length, words };
}

/**
 * Puts a text of many numbers together: digit by digit, into bytes that are kept from one text to the
 * next. To make a string of each number and join them takes several times as long, and leaves much to
 * collect. Room is made once for a whole text: see {@linkcode NumberWriter.begin}.
 */
export class NumberWriter {
  /** Room that any number, and the comma before it, has enough of. */
  static readonly NUMBER_BYTES = 32;
  #bytes = new Uint8Array(BYTES_FIRST);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Room that a string needs as JSON. */
  static stringBytes(text: string): number {
    return 2 + UNIT_BYTES * text.length;
  }

  /** Begins a text of at most so many bytes. */
  begin(bytesMax: number): void {
    this.#length = 0;
    if (bytesMax + WORD_BYTES <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(2 * (bytesMax + WORD_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Appends a prepared text. */
  put({ words, length }: Prepared): void {
    const view = this.#view;
    const at = this.#length;
    for (let i = 0; i < words.length; i++) view.setFloat64(at + WORD_BYTES * i, words[i], true);
    this.#length = at + length;
  }

  /** Appends a string as JSON. */
  string(text: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < SPACE || unit >= DELETE || unit === QUOTE || unit === BACKSLASH) {
        return this.json(text);
      }
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.#length = at;
  }

  /** Appends anything as JSON. */
  json(value: unknown): void {
    const free = this.#bytes.subarray(this.#length);
    this.#length += encoder.encodeInto(JSON.stringify(value), free).written;
  }

  /**
   * Appends `values[start], values[start + stride], …`, rounded to decimal places, as JavaScript writes
   * them, `null` for what is not finite.
   *
   * @param places Places behind the point; below 0, places before it that become zeros.
   */
  numbers(values: ArrayLike<number>, start: number, stride: number, places: number): void {
    for (let i = start; i < values.length; i += stride) {
      if (i > start) this.#bytes[this.#length++] = COMMA;
      this.rounded(values[i], places);
    }
  }

  /** Appends one number, rounded as {@linkcode numbers} are. */
  rounded(value: number, places: number): void {
    const known = places >= 0 && places <= PLACES_MAX;
    const scale = known ? POWERS[places] : 10 ** places;
    const units = Math.round(value * scale);
    const size = Math.abs(units);
    const isPlain = known && (size <= UNITS_MAX || (places === 0 && size < WHOLE_MAX)) &&
      (size === 0 || size >= PLAIN_MIN * scale);
    if (!isPlain) return this.#text(units / scale);
    if (units < 0) this.#bytes[this.#length++] = MINUS;
    this.#length = size <= UNITS_MAX
      ? putUnits(this.#bytes, this.#view, this.#length, size | 0, places)
      : putLarge(this.#view, this.#length, size);
  }

  /** Appends one number with all its digits. What was measured has few, which are then just these. */
  exact(value: number): void {
    for (let places = 0; places <= MEASURED_PLACES_MAX; places++) {
      const scale = POWERS[places];
      if (Math.round(value * scale) / scale === value) return this.rounded(value, places);
    }
    this.#text(value);
  }

  /** The text in UTF-8, good until the next one begins. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #text(number: number): void {
    const text = Number.isFinite(number) ? String(number) : "null";
    const bytes = this.#bytes;
    const at = this.#length;
    // A few characters: a loop is quicker than a call that encodes them.
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    this.#length = at + text.length;
  }
}

// Each of these writes from `at` on and says where it ends.

/** `units / 10 ** places`: all digits one place further, then those before the point back. */
function putUnits(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  units: number,
  places: number,
): number {
  let count = places + 1;
  while (count < UNITS_DIGITS_MAX && units >= POWERS[count]) count++;
  if (places === 0) return putDigits(view, at, units, count);
  let end = putDigits(view, at + 1, units, count);
  const point = end - places - 1;
  for (let i = at; i < point; i++) bytes[i] = bytes[i + 1];
  bytes[point] = POINT;
  while (bytes[end - 1] === ZERO) end--;
  return end - 1 === point ? point : end;
}

function putLarge(view: DataView, at: number, number: number): number {
  const high = Math.floor(number / LOW);
  let count = 1;
  while (high >= POWERS[count]) count++;
  return putDigits(view, putDigits(view, at, high, count), number - high * LOW, LOW_DIGITS);
}

/** Two at a time, from the last on. */
function putDigits(view: DataView, at: number, number: number, count: number): number {
  let left = number | 0;
  let place = at + count;
  while (place > at + 1) {
    const hundreds = (left / 100) | 0;
    place -= 2;
    view.setUint16(place, PAIRS[left - 100 * hundreds], true);
    left = hundreds;
  }
  if (place > at) view.setUint8(at, ZERO + left);
  return at + count;
}
