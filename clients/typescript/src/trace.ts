/** What is carried on from the request that a call is made for. */

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The request that a call is made for. */
export interface Trace {
  /** W3C Trace Context; what is not of its form is left out. */
  readonly traceparent?: string | undefined;
  /** At most 128 visible ASCII characters; anything else is left out. */
  readonly requestId?: string | undefined;
}

/** `trace` without what must not be sent. */
export function cleanTrace(trace: Trace | undefined): Trace {
  const { traceparent, requestId } = trace ?? {};
  return {
    ...(traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
    ...(requestId !== undefined && REQUEST_ID.test(requestId) ? { requestId } : {}),
  };
}

/** The trace of an incoming HTTP request. */
export function traceOfHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Trace {
  const one = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return cleanTrace({ traceparent: one('traceparent'), requestId: one('x-request-id') });
}
