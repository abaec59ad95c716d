/** Calls of the service: deadline, token, trace, retry. */

import { type DescMessage, type DescMethod, type MessageShape, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  Metadata,
} from '@grpc/grpc-js';

import { PolicyDecisionPoint } from './api';
import { channelCredentials, channelOptions } from './channel';
import type { Failure } from './errors';
import { failure, failureOf } from './failure';
import type { CallOptions, PdpClientOptions } from './options';
import { RetryBudget, isRetriable, retryDelay } from './retry';
import { cleanTrace } from './trace';

const DEADLINE_MS = 1_000;
const MAX_DEADLINE_MS = 86_400_000;

type Methods = typeof PolicyDecisionPoint.method;

/** A method of the service with its messages. */
interface Method<I extends DescMessage, O extends DescMessage> extends DescMethod {
  readonly input: I;
  readonly output: O;
}

/** How a call of one answer ended. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T; readonly retried: boolean; readonly seconds: number }
  | { readonly ok: false; readonly failure: Failure; readonly retried: boolean; readonly seconds: number };

/** When a call ends at the latest. */
export class Deadline {
  readonly at: Date;
  readonly milliseconds: number;
  readonly #start = performance.now();

  /** Nothing, less than nothing or no number: it has passed. At most a day. */
  constructor(milliseconds: number) {
    this.milliseconds = milliseconds > 0 ? Math.min(milliseconds, MAX_DEADLINE_MS) : 0;
    this.at = new Date(Date.now() + this.milliseconds);
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  get left(): number {
    return this.milliseconds - (performance.now() - this.#start);
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function serializer<I extends DescMessage>(schema: I): (message: MessageShape<I>) => Buffer {
  return (message) => Buffer.from(toBinary(schema, message));
}

function deserializer<O extends DescMessage>(schema: O): (bytes: Buffer) => MessageShape<O> {
  return (bytes) => fromBinary(schema, bytes);
}

/** A call, or why it did not even begin: its client was closed. */
function attemptCall<T extends object>(begin: () => T): T | Failure {
  try {
    return begin();
  } catch (error) {
    return failureOf(error);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

class Late extends Error {}

/** `promise`, unless `deadline` or `signal` comes first. */
async function inTime<T>(promise: Promise<T>, deadline: Deadline, signal: AbortSignal | undefined): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late()), Math.max(0, deadline.left));
    onAbort = () => reject(new Late());
    signal?.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

/** One channel, and the calls over it. */
export class Caller {
  readonly budget = new RetryBudget();
  readonly #client: Client;
  readonly #options: PdpClientOptions;

  constructor(target: string, options: PdpClientOptions) {
    this.#client = new Client(target, channelCredentials(target, options), channelOptions(options));
    this.#options = options;
  }

  close(): void {
    this.#client.close();
  }

  deadline(options: CallOptions): Deadline {
    return new Deadline(options.deadlineMs ?? this.#options.deadlineMs ?? DEADLINE_MS);
  }

  /** One question, one answer. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
    deadline: Deadline = this.deadline(options),
  ): Promise<Outcome<MessageShape<O>>> {
    const metadata = await this.#metadata(options, deadline);
    if (!(metadata instanceof Metadata)) {
      return { ok: false, failure: metadata, retried: false, seconds: deadline.seconds };
    }
    let retried = false;
    let outcome = await this.#attempt(method, request, metadata, options, deadline);
    if (!outcome.ok && this.#mayRetry(method, outcome.failure)) {
      const delay = retryDelay();
      if (delay < deadline.left && options.signal?.aborted !== true && this.budget.take()) {
        await sleep(delay);
        retried = true;
        outcome = await this.#attempt(method, request, metadata, options, deadline);
      }
    }
    if (outcome.ok) this.budget.refund();
    return { ...outcome, retried, seconds: deadline.seconds };
  }

  /** A stream both ways. Not retried. */
  async duplex<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    options: CallOptions,
    deadline: Deadline | undefined,
  ): Promise<ClientDuplexStream<MessageShape<I>, MessageShape<O>> | Failure> {
    const metadata = await this.#metadata(options, deadline ?? this.deadline(options));
    if (!(metadata instanceof Metadata)) return metadata;
    return attemptCall(() =>
      this.#client.makeBidiStreamRequest(
        pathOf(method),
        serializer(method.input),
        deserializer(method.output),
        metadata,
        deadline ? { deadline: deadline.at } : {},
      ),
    );
  }

  /** A stream of answers, without a deadline. Not retried. */
  async serverStream<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    options: CallOptions,
  ): Promise<ClientReadableStream<MessageShape<O>> | Failure> {
    const metadata = await this.#metadata(options, this.deadline(options));
    if (!(metadata instanceof Metadata)) return metadata;
    return attemptCall(() =>
      this.#client.makeServerStreamRequest(
        pathOf(method),
        serializer(method.input),
        deserializer(method.output),
        request,
        metadata,
        {},
      ),
    );
  }

  #mayRetry(method: DescMethod, why: Failure): boolean {
    return method !== (PolicyDecisionPoint.method.recordAccess satisfies Methods['recordAccess']) && isRetriable(why);
  }

  #attempt<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageShape<I>,
    metadata: Metadata,
    options: CallOptions,
    deadline: Deadline,
  ): Promise<{ ok: true; value: MessageShape<O> } | { ok: false; failure: Failure }> {
    return new Promise((resolve) => {
      const { signal } = options;
      if (signal?.aborted) {
        resolve({ ok: false, failure: failure('CANCELLED', 'the caller gave up') });
        return;
      }
      const fail = (error: unknown): void => resolve({ ok: false, failure: failureOf(error) });
      let call: ClientUnaryCall | undefined;
      const cancel = (): void => call?.cancel();
      try {
        call = this.#client.makeUnaryRequest(
          pathOf(method),
          serializer(method.input),
          deserializer(method.output),
          request,
          metadata,
          { deadline: deadline.at },
          (error, value) => {
            signal?.removeEventListener('abort', cancel);
            if (error) fail(error);
            else if (value === undefined) fail(new Error('the call ended without an answer'));
            else resolve({ ok: true, value });
          },
        );
        signal?.addEventListener('abort', cancel, { once: true });
      } catch (error) {
        fail(error);
      }
    });
  }

  /** What every call sends along, or why it cannot. */
  async #metadata(options: CallOptions, deadline: Deadline): Promise<Metadata | Failure> {
    if (deadline.left <= 0) return failure('DEADLINE_EXCEEDED', 'there was no time to ask');
    const metadata = new Metadata();
    const { traceparent, requestId } = cleanTrace(options.trace);
    if (traceparent !== undefined) metadata.set('traceparent', traceparent);
    if (requestId !== undefined) metadata.set('x-request-id', requestId);
    const { token } = this.#options;
    if (!token) return metadata;
    try {
      const secret = await inTime(Promise.resolve(token()), deadline, options.signal);
      metadata.set('authorization', `Bearer ${secret}`);
      return metadata;
    } catch (error) {
      // The provider's own words may hold what must not be told.
      if (!(error instanceof Late)) return failure('UNAUTHENTICATED', 'the token provider failed');
      return options.signal?.aborted
        ? failure('CANCELLED', 'the caller gave up')
        : failure('DEADLINE_EXCEEDED', 'the token provider did not answer in time');
    }
  }
}
