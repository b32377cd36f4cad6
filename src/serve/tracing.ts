import { type Span, SpanStatusCode, trace } from "@opentelemetry/api";

const tracer = trace.getTracer("tickcast");

/**
 * Whether anybody records: with `OTEL_DENO=true` Deno does, before any module runs. Where nobody does,
 * tracing costs one branch.
 */
const recording = tracer.startSpan("tickcast.start").isRecording();

/**
 * Runs a piece of work within an OpenTelemetry span.
 *
 * @param name The span's name.
 * @param ticks Ticks worked on, as the attribute `tickcast.ticks`.
 * @param work The work.
 * @returns What the work gives; what it throws marks the span as failed and goes on.
 */
export function traced<T>(name: string, ticks: number, work: () => Promise<T>): Promise<T> {
  return recording ? withSpan(name, ticks, work) : work();
}

function withSpan<T>(name: string, ticks: number, work: () => Promise<T>): Promise<T> {
  const options = { attributes: { "tickcast.ticks": ticks } };
  return tracer.startActiveSpan(name, options, async (span: Span): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}
