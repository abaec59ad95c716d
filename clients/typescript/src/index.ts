/**
 * A client of medplum-pdp, the policy decision point for Medplum.
 *
 * @packageDocumentation
 */

export {
  type AccessEvent,
  type BatchItem,
  type BatchQuestion,
  type ExplainQuestion,
  PdpClient,
  type RevisionChange,
} from './client';
export {
  Decision,
  type EffectName,
  type HttpStatus,
  type Note,
  type Obligation,
  type PolicyEntry,
  type ReasonName,
  type WriteOutcome,
} from './decision';
export type { AccessDescription, EntryTrace, Explanation, Role, Tenant, TypeAccess } from './descriptions';
export { type Failure, type GrpcStatusName, MisuseError, NoDecision, PdpError, PermissionDenied } from './errors';
export { stripHiddenFields } from './fields';
export {
  type ComparisonOperatorName,
  type Condition,
  FilterAnswer,
  type FilterKindName,
  type FilterQuestion,
} from './filter';
export type { CallEvent, CallOptions, PdpClientOptions, TlsOptions } from './options';
export type {
  CheckQuestion,
  Consistency,
  Context,
  Interaction,
  ResourceJson,
  ResourceRef,
  Session,
  Subject,
} from './questions';
export type { FilterResourcesQuestion, FilteredResources } from './resources';
export type { CheckStreamOptions } from './stream';
export { type Trace, traceOfHeaders } from './trace';
