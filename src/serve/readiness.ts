/** Whether a server wants more requests. It goes from ready to draining once, and never back. */
export class Readiness {
  #draining = false;

  /** Whether the server is about to end. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Says from now on that requests should go elsewhere. */
  drain(): void {
    this.#draining = true;
  }
}
