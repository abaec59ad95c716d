/** What the client raises. */

import type { Decision } from './decision';

/** The names of gRPC's status codes. */
export type GrpcStatusName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** Why there is no answer. */
export interface Failure {
  /** The gRPC status; `INTERNAL` where an answer came and was malformed. */
  readonly status: GrpcStatusName;
  /** The server's words, or the client's. Never a token or resource content. */
  readonly message: string;
  /**
   * Whether the calling service is at fault: INVALID_ARGUMENT,
   * UNAUTHENTICATED, PERMISSION_DENIED or UNIMPLEMENTED. Asking again will not
   * help.
   */
  readonly callerFault: boolean;
}

/** What all errors of this package have in common. */
export abstract class PdpError extends Error {
  /** What to answer over HTTP. */
  abstract readonly httpStatus: number;
  /** The decision's id, for the answer and for the audit log; '' for none. */
  abstract readonly decisionId: string;
}

/**
 * The decision point says no: HTTP 403, or 401 where the subject has to prove
 * who it is. Its text names the decision, and neither the resource nor the
 * reason: it may be shown.
 */
export class PermissionDenied extends PdpError {
  override readonly name = 'PermissionDenied';
  override readonly httpStatus: 401 | 403;
  override readonly decisionId: string;

  constructor(
    /** The denial, or a permit whose obligations the caller does not honor. */
    readonly decision: Decision | undefined,
    options: { httpStatus?: 401 | 403; decisionId?: string; detail?: string } = {},
  ) {
    const id = options.decisionId ?? decision?.decisionId ?? '';
    super(`not permitted${id ? ` (decision ${id})` : ''}${options.detail ? `: ${options.detail}` : ''}`);
    this.httpStatus = options.httpStatus ?? (decision?.httpStatus === 401 ? 401 : 403);
    this.decisionId = id;
  }
}

/**
 * There is no decision: the server is away, refuses, or answers what cannot be
 * understood. Nothing may be shown or done; HTTP 503.
 */
export class NoDecision extends PdpError {
  override readonly name = 'NoDecision';
  override readonly httpStatus = 503;
  override readonly decisionId: string;

  constructor(
    readonly failure: Failure,
    readonly decision?: Decision,
  ) {
    super(`no decision: ${failure.status}: ${failure.message}`);
    this.decisionId = decision?.decisionId ?? '';
  }
}

/** A client or a call was set up so that it cannot work. */
export class MisuseError extends Error {
  override readonly name: string = 'MisuseError';
}
