import type { HistoryMessage, ScoresMessage, StatusMessage } from "../messages.ts";

/** What the page asks of the server. */
export interface Api {
  /** Where the server stands. */
  status(): Promise<StatusMessage>;
  /** Series whose names hold a text. */
  scores(search: string, limit: number): Promise<ScoresMessage>;
  /** A series after a step. */
  history(series: string, after: number): Promise<HistoryMessage>;
  /**
   * Rings for every new forecast of a series, and once a second while no socket can be had; `live` hears
   * whether the socket stands. Call what it returns to end it.
   */
  follow(series: string, ring: () => void, live: (open: boolean) => void): () => void;
}

/**
 * Makes the way to the server.
 *
 * @param askToken Asks for a token after the server refused; resolves when there is a new one.
 */
export function makeApi(askToken: () => Promise<string>): Api {
  const POLL_MS = 1000;
  const RETRY_MS = 2000;
  const KEY = "tickcast-token";
  /** One question at a time, however many requests are refused. */
  let asking: Promise<string> | undefined;

  /** A browser's socket carries no headers of ours: the token goes as a subprotocol, in base64url. */
  function bearerProtocol(token: string): string {
    const bytes = String.fromCharCode(...new TextEncoder().encode(token));
    const base64 = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return `tickcast.bearer.${base64}`;
  }

  async function get<T>(path: string): Promise<T> {
    for (;;) {
      const token = sessionStorage.getItem(KEY);
      const headers: Record<string, string> = token === null
        ? {}
        : { authorization: `Bearer ${token}` };
      const answer = await fetch(path, { headers, cache: "no-store" });
      if (answer.ok) return await answer.json();
      if (answer.status !== 401 && answer.status !== 403) {
        const detail = await answer.json().then((body) => body.detail, () => answer.statusText);
        throw new Error(detail);
      }
      await answer.body?.cancel();
      asking ??= askToken().finally(() => asking = undefined);
      sessionStorage.setItem(KEY, await asking);
    }
  }

  return {
    status: () => get("/v1/status"),
    scores: (search, limit) =>
      get(`/v1/scores?limit=${limit}&search=${encodeURIComponent(search)}`),
    history: (series, after) => {
      const query = after < 0 ? "" : `?after=${after}`;
      return get(`/v1/series/${encodeURIComponent(series)}/history${query}`);
    },
    follow(series, ring, live): () => void {
      let ended = false;
      let open = false;
      let socket: WebSocket | undefined;
      let retry: ReturnType<typeof setTimeout> | undefined;
      const connect = (): void => {
        const url = new URL("/v1/forecasts", location.href);
        url.protocol = url.protocol.replace("http", "ws");
        url.searchParams.set("series", series);
        const token = sessionStorage.getItem(KEY);
        socket = new WebSocket(url, token === null ? [] : ["tickcast.v1", bearerProtocol(token)]);
        socket.onopen = (): void => {
          open = true;
          live(true);
        };
        socket.onmessage = ring;
        socket.onclose = (): void => {
          open = false;
          if (ended) return;
          live(false);
          retry = setTimeout(connect, RETRY_MS);
        };
      };
      connect();
      const poll = setInterval(() => {
        if (!open) ring();
      }, POLL_MS);
      return (): void => {
        ended = true;
        clearTimeout(retry);
        clearInterval(poll);
        socket?.close();
      };
    },
  };
}
