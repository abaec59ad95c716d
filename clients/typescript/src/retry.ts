/** Which calls are made again, and how often at most. */

import type { Failure } from './errors';

// In tenths of a token, which add up exactly.
const CAPACITY = 100;
const COST = 10;
const REFUND = 1;

/** UNAVAILABLE for a reason that a second call would meet as well. */
const LASTING_REASONS = [
  'STALE',
  'CREDENTIALS_REFUSED',
  'PROJECT_GONE',
  'ACCESS_MISSING',
  'AUDIT_UNAVAILABLE',
] as const;

/** Whether a second call may help at all, where it was not the caller who gave up. */
export function isRetriable(failure: Failure): boolean {
  // So ends what reaches a server just as it stops.
  if (failure.status === 'CANCELLED') return true;
  return failure.status === 'UNAVAILABLE' && !LASTING_REASONS.some((reason) => failure.message.startsWith(reason));
}

/**
 * Bounds the share of calls that are made twice: while a server fails, a client
 * must not double its load.
 */
export class RetryBudget {
  #tokens = CAPACITY;

  /** Takes what a retry costs; false where there is not enough. */
  take(): boolean {
    if (this.#tokens < COST) return false;
    this.#tokens -= COST;
    return true;
  }

  /** A call succeeded. */
  refund(): void {
    this.#tokens = Math.min(CAPACITY, this.#tokens + REFUND);
  }
}

/** How long to wait before the retry, in milliseconds. */
export function retryDelay(): number {
  return 10 + Math.random() * 40;
}
