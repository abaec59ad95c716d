/** From gRPC's statuses to failures. */

import { status as Status } from '@grpc/grpc-js';

import { type Failure, type GrpcStatusName, MisuseError } from './errors';

const CALLER_FAULTS: ReadonlySet<GrpcStatusName> = new Set<GrpcStatusName>([
  'INVALID_ARGUMENT',
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'UNIMPLEMENTED',
]);

/** The name of a status code; UNKNOWN for a number that has none. */
export function statusName(code: number): GrpcStatusName {
  const name: string | undefined = Status[code];
  return (name ?? 'UNKNOWN') as GrpcStatusName;
}

export function failure(status: GrpcStatusName, message: string): Failure {
  return { status, message, callerFault: CALLER_FAULTS.has(status) };
}

/** An answer that came, and is not one. */
export function malformed(what: string): Failure {
  return failure('INTERNAL', `malformed answer: ${what}`);
}

/** Whether `error` says `code` and `details`, as gRPC's errors do. */
function isServiceError(error: unknown): error is { code: number; details: string } {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'details' in error &&
    typeof error.details === 'string'
  );
}

/** What a call ended with; whatever else was thrown is INTERNAL. */
export function failureOf(error: unknown): Failure {
  if (isServiceError(error)) {
    // Status 0 with an error would be a contradiction: not an answer.
    return error.code === Status.OK
      ? failure('INTERNAL', 'the call ended without an answer')
      : failure(statusName(error.code), error.details);
  }
  return failure('INTERNAL', error instanceof Error ? error.message : 'unknown error');
}

/** Why a question could not be written as a message. */
export function requestFailure(error: unknown): Failure {
  return failure(
    'INVALID_ARGUMENT',
    // Others' words may hold what must not be told.
    error instanceof MisuseError ? error.message : 'the question cannot be written as a message',
  );
}

/** What `make` makes, or why the question cannot be asked. */
export function attempt<T extends object>(make: () => T): T | Failure {
  try {
    return make();
  } catch (error) {
    return requestFailure(error);
  }
}
