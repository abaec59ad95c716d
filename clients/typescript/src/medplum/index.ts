/**
 * A guard around MedplumClient: a bot does what one member may do, and no more.
 *
 * @packageDocumentation
 */

export type { GuardableClient } from './connection';
export {
  type GuardOptions,
  type GuardedMedplum,
  type GuardedMethods,
  UnguardedMethod,
  asMedplumClient,
  guardMedplum,
} from './guard';
export type { GuardingPdp, MemberOptions } from './member';
export {
  GUARDED_METHODS,
  type GuardedMethod,
  LOCAL_METHODS,
  type LocalMethod,
  REFUSED_METHODS,
  type RefusedMethod,
} from './methods';
