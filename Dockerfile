# docker build -t tickcast .
# docker run -p 8080:8080 -v tickcast:/state -v ./tokens:/run/secrets/tokens:ro tickcast
FROM denoland/deno:2.9.6

WORKDIR /app
COPY . .
# Everything that serving needs is downloaded now, so that a start needs no network.
RUN deno cache src/cli/main.ts src/cli/serve.ts src/cli/backup.ts src/cli/restore.ts \
  && mkdir /state && chown deno:deno /state

# The image's user has no rights beyond its own files.
USER deno
VOLUME /state
# The allocator gives memory back after a checkpoint instead of keeping it for the next one.
ENV MALLOC_TRIM_THRESHOLD_=131072
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD \
  ["deno", "eval", "--no-lock", "Deno.exit((await fetch('http://127.0.0.1:8080/readyz')).ok ? 0 : 1)"]

# Others reach a container, so it does not start without tokens.
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "--allow-net", "--allow-read", \
  "--allow-write=/state", "--allow-env=TICKCAST_*", "--ignore-env", "src/cli/main.ts"]
CMD ["serve", "--host", "0.0.0.0", "--state", "/state", "--token-file", "/run/secrets/tokens", \
  "--drain-seconds", "5", "--no-feed"]
