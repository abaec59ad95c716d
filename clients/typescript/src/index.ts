/**
 * A client of medplum-pdp, the policy decision point for Medplum.
 *
 * @packageDocumentation
 */

export * from './client';
export * from './decision';
export * from './descriptions';
export * from './errors';
export { stripHiddenFields } from './fields';
export * from './filter';
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
