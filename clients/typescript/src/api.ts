/** The generated messages, from one place. */

export * from './gen/medplum/pdp/v1/decision_pb';
export * from './gen/medplum/pdp/v1/types_pb';
