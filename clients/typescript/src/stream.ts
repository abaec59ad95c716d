/** CheckStream: many questions on their way at once, answered in their order. */

import { create } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';

import {
  type CheckRequest,
  type CheckStreamRequest,
  CheckStreamRequestSchema,
  type CheckStreamResponse,
  PolicyDecisionPoint,
} from './api';
import type { Caller } from './call';
import { Decision } from './decision';
import type { Failure } from './errors';
import { attempt, failure, failureOf, malformed } from './failure';
import type { CallOptions } from './options';
import { type CheckQuestion, checkMessage } from './questions';

type Stream = ClientDuplexStream<CheckStreamRequest, CheckStreamResponse>;

interface Open {
  readonly id: bigint;
  readonly settle: (decision: Decision) => void;
}

/** One stream: whatever ends it leaves no question without an answer. */
class Pipeline {
  readonly #stream: Stream;
  readonly #deadlineMs: number;
  readonly #open: Open[] = [];
  #ended: Failure | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextId = 1n;

  constructor(stream: Stream, deadlineMs: number) {
    this.#stream = stream;
    this.#deadlineMs = deadlineMs;
    stream.on('data', (response: CheckStreamResponse) => this.#take(response));
    stream.on('error', (error: unknown) => this.fail(failureOf(error)));
    stream.on('end', () => this.fail(failure('UNAVAILABLE', 'the stream ended')));
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  ask(check: CheckRequest): Promise<Decision> {
    if (this.#ended) return Promise.resolve(Decision.none(this.#ended));
    const id = this.#nextId++;
    return new Promise((settle) => {
      this.#open.push({ id, settle });
      if (this.#open.length === 1) this.#watch();
      this.#stream.write(create(CheckStreamRequestSchema, { id, check }));
    });
  }

  /** Ends all that is open, and the stream. */
  fail(why: Failure): void {
    if (this.#ended) return;
    this.#ended = why;
    clearTimeout(this.#timer);
    for (const { settle } of this.#open.splice(0)) settle(Decision.none(why));
    this.#stream.cancel();
  }

  #take(response: CheckStreamResponse): void {
    if (this.#ended) return;
    const first = this.#open[0];
    if (first?.id !== response.id) {
      this.fail(malformed('an answer to another question'));
      return;
    }
    this.#open.shift();
    this.#watch();
    const { result } = response;
    if (result.case === 'decision') first.settle(Decision.of(result.value));
    else if (result.case === 'error') first.settle(Decision.ofItemError(result.value));
    else first.settle(Decision.none(malformed('neither a decision nor an error')));
  }

  /** The oldest question has a whole deadline from when it became the oldest. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#open.length === 0) return;
    this.#timer = setTimeout(
      () => this.fail(failure('DEADLINE_EXCEEDED', 'the stream did not answer in time')),
      this.#deadlineMs,
    );
  }
}

interface Answered {
  readonly answer: Decision;
  readonly seconds: number;
}

/** Lets one side wait until the other has done something. */
class Turn {
  #wake: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  signal(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Of one stream. */
export interface CheckStreamOptions extends CallOptions {
  /** How many questions may be without an answer at once. Default 64. */
  readonly maxInFlight?: number;
}

/**
 * The decisions on `questions`, in their order. A stream that breaks leaves
 * what was asked on it without a decision; what comes after is asked on a new
 * one.
 */
export async function* checkStream(
  caller: Caller,
  questions: AsyncIterable<CheckQuestion> | Iterable<CheckQuestion>,
  options: CheckStreamOptions,
  report: (decision: Decision, seconds: number) => void,
): AsyncGenerator<Decision, void, undefined> {
  const maxInFlight = Math.max(1, options.maxInFlight ?? 64);
  const { milliseconds } = caller.deadline(options);
  const waiting: Promise<Answered>[] = [];
  const turn = new Turn();
  let pipeline: Pipeline | undefined;
  let isOver = false;
  const cancel = (): void => pipeline?.fail(failure('CANCELLED', 'the caller gave up'));
  options.signal?.addEventListener('abort', cancel, { once: true });

  // Done when the question is on its way; the decision comes later.
  const ask = async (question: CheckQuestion): Promise<() => Promise<Decision>> => {
    const none = (why: Failure) => () => Promise.resolve(Decision.none(why));
    const check = attempt(() => checkMessage(question));
    if ('callerFault' in check) return none(check);
    if (!pipeline || pipeline.ended) {
      const stream = await caller.duplex(PolicyDecisionPoint.method.checkStream, options, undefined);
      if ('callerFault' in stream) return none(stream);
      pipeline = new Pipeline(stream, milliseconds);
      // While it was being opened the one who asks may have gone.
      if (isOver || options.signal?.aborted) cancel();
    }
    const decision = pipeline.ask(check);
    return () => decision;
  };
  // Asks as fast as there is room, whether or not anybody waits for an answer.
  const pump = async (): Promise<void> => {
    for await (const question of questions) {
      if (isOver) return;
      const since = performance.now();
      const decision = await ask(question);
      waiting.push(decision().then((answer) => ({ answer, seconds: (performance.now() - since) / 1000 })));
      turn.signal();
      while (waiting.length >= maxInFlight && !isOver) await turn.next();
    }
  };
  let problem: { error: unknown } | undefined;
  let isAsked = false;
  const pumped = pump()
    .catch((error: unknown) => {
      problem = { error };
    })
    .finally(() => {
      isAsked = true;
      turn.signal();
    });

  try {
    for (;;) {
      const first = waiting[0];
      if (first) {
        const { answer, seconds } = await first;
        waiting.shift();
        turn.signal();
        report(answer, seconds);
        yield answer;
      } else if (isAsked) {
        break;
      } else {
        await turn.next();
      }
    }
    await pumped;
    if (problem) throw problem.error;
  } finally {
    isOver = true;
    turn.signal();
    options.signal?.removeEventListener('abort', cancel);
    pipeline?.fail(failure('CANCELLED', 'the caller has ended'));
  }
}
