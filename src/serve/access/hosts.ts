/** Whether an address or name is this machine's own, which no network reaches. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  return name === "localhost" || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** The host of an origin or of a `Host` header, without its port; undefined where it is none. */
export function hostName(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}

/**
 * An origin as browsers write it: `https://example.com:8443`.
 *
 * @throws {SyntaxError} where it is none.
 */
export function parseOrigin(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SyntaxError(`Not an origin: "${text}"; expected one like https://example.com`);
  }
  if (url.origin === "null" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new SyntaxError(
      `Not an origin: "${text}"; expected one like ${url.protocol}//${url.host}`,
    );
  }
  return url.origin;
}
