/**
 * A server refused a request. `reason` is for programs, the message for people.
 *
 * @example Telling a busy server from a wrong token
 * ```ts
 * import { ClientError } from "@tickcast/tickcast";
 *
 * const error = new ClientError(429, "too-frequent", "too many requests", 1000);
 * if (error.status !== 429 || !error.temporary) throw new Error();
 * ```
 */
export class ClientError extends Error {
  /** The error's class name. */
  override readonly name: string = "ClientError";
  /** The HTTP status. */
  readonly status: number;
  /** Why, for programs: `too-frequent`, `no-token`. */
  readonly reason: string;
  /** How long the server asks to wait, in milliseconds; 0 where it does not say. */
  readonly retryAfterMs: number;

  /**
   * Describes a refusal.
   *
   * @param status The HTTP status.
   * @param reason Why, for programs.
   * @param detail Why, for people.
   * @param retryAfterMs How long the server asks to wait.
   */
  constructor(status: number, reason: string, detail: string, retryAfterMs = 0) {
    super(`Server answered ${status}: ${detail}`);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request may succeed later. */
  get temporary(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}
