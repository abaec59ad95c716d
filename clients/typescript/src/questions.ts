/** What can be asked, in short forms, and the messages that say so. */

import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';

import { MisuseError } from './errors';
import {
  Authentication,
  type CheckRequest,
  CheckRequestSchema,
  type Consistency as ConsistencyMessage,
  ConsistencySchema,
  type Context as ContextMessage,
  ContextSchema,
  Interaction as InteractionEnum,
  type Resource as ResourceMessage,
  ResourceSchema,
  SessionSchema,
  type Subject as SubjectMessage,
  SubjectSchema,
} from './api';

/**
 * Who asks: a reference (`ProjectMembership/id`, a profile, a Bot, a
 * ClientApplication, a User), if need be with the Project in which it is meant;
 * or the Medplum access token that the user presented, without `Bearer`.
 */
export type Subject =
  | string
  | { readonly reference: string; readonly project?: string }
  | { readonly accessToken: string; readonly project?: string };

/** FHIR's interactions. */
export type Interaction = 'read' | 'vread' | 'update' | 'delete' | 'history' | 'create' | 'search' | 'patch';

/** A FHIR resource: an object as it would be written to JSON, or its JSON. */
export type ResourceJson = object | string | Uint8Array;

/**
 * What the request is about: `Patient/id`, a type (`Patient`, to create or
 * search), or the parts of the API's message of that name.
 */
export type ResourceRef =
  | string
  | {
      readonly type?: string;
      readonly id?: string;
      /** Of a vread the version; of a write an If-Match version. */
      readonly versionId?: string;
      /** The Project in which a resource without `meta.project` is judged. */
      readonly project?: string;
      /** The resource as it is stored, with Medplum's extended meta. Believed. */
      readonly body?: ResourceJson;
      /** Create, update, patch: what is to be stored. */
      readonly proposed?: ResourceJson;
      /** `body` is the last version of a deleted resource. */
      readonly deleted?: boolean;
    };

/** Facts about the session, for the session rules of its project. */
export interface Session {
  readonly id?: string;
  readonly authenticatedAt?: Date;
  readonly lastActivityAt?: Date;
  readonly failedAttempts?: number;
  readonly lastFailedAttemptAt?: Date;
  readonly locked?: boolean;
  readonly mfaSatisfied?: boolean;
}

/** The circumstances of the request. */
export interface Context {
  /** The OAuth scope of the login. '' is not the same as none. */
  readonly smartScope?: string;
  /** `Patient/id` of a SMART launch. */
  readonly launchPatient?: string;
  /** The request carries `X-Medplum: extended`. */
  readonly extendedMode?: boolean;
  /** Where the subject's request came from. */
  readonly remoteAddress?: string;
  readonly authentication?: 'token' | 'basic' | 'login';
  /** A profile or membership: `X-Medplum-On-Behalf-Of`. */
  readonly onBehalfOf?: string;
  /** The tenants chosen: none is all, several are their union. */
  readonly activeTenants?: readonly string[];
  /** Take the tenant from the member's UserConfiguration instead. */
  readonly useStoredTenant?: boolean;
  /** HL7 PurposeOfUse, such as `TREAT`; for the audit record. */
  readonly purposeOfUse?: string;
  readonly session?: Session;
  readonly userAgent?: string;
}

/** How fresh the answer has to be; what cannot be met is no decision. */
export interface Consistency {
  /** At most this far behind Medplum. */
  readonly maxStalenessMs?: number;
  /** Ask Medplum before answering. */
  readonly fullyFresh?: boolean;
  /** `AccessPolicy/123/_history/<versionId>`: at least these versions. */
  readonly atLeastAsFresh?: readonly string[];
  /** A revision of the same server seen before. */
  readonly atLeastRevision?: bigint;
}

/** May this subject do this to that resource? */
export interface CheckQuestion {
  readonly subject: Subject;
  readonly interaction: Interaction;
  readonly resource: ResourceRef;
  readonly context?: Context;
  readonly consistency?: Consistency;
  /** Ask for the resource as Medplum would store it (`decision.write.resource`). */
  readonly returnCompletedResource?: boolean;
}

const INTERACTIONS: Readonly<Record<Interaction, InteractionEnum>> = {
  read: InteractionEnum.READ,
  vread: InteractionEnum.VREAD,
  update: InteractionEnum.UPDATE,
  delete: InteractionEnum.DELETE,
  history: InteractionEnum.HISTORY,
  create: InteractionEnum.CREATE,
  search: InteractionEnum.SEARCH,
  patch: InteractionEnum.PATCH,
};

const AUTHENTICATIONS = {
  token: Authentication.TOKEN,
  basic: Authentication.BASIC,
  login: Authentication.LOGIN,
} as const;

export function interactionMessage(interaction: Interaction): InteractionEnum {
  const known: InteractionEnum | undefined = INTERACTIONS[interaction];
  if (known === undefined) throw new MisuseError('no such interaction');
  return known;
}

export function subjectMessage(subject: Subject): SubjectMessage {
  if (typeof subject === 'string') {
    if (subject === '') throw new MisuseError('the subject is empty');
    return create(SubjectSchema, { identity: { case: 'reference', value: subject } });
  }
  const project = subject.project ?? '';
  if ('accessToken' in subject) {
    if (!subject.accessToken) throw new MisuseError('the access token is empty');
    return create(SubjectSchema, { project, identity: { case: 'accessToken', value: subject.accessToken } });
  }
  if (!subject.reference) throw new MisuseError('the subject is empty');
  return create(SubjectSchema, { project, identity: { case: 'reference', value: subject.reference } });
}

/** The bytes of a resource's JSON. */
export function jsonBytes(resource: ResourceJson): Uint8Array {
  if (resource instanceof Uint8Array) return resource;
  const text: string | undefined = typeof resource === 'string' ? resource : JSON.stringify(resource);
  if (text === undefined) throw new MisuseError('the resource is not JSON');
  return Buffer.from(text, 'utf8');
}

export function resourceMessage(resource: ResourceRef): ResourceMessage {
  if (typeof resource === 'string') {
    const [type = '', id = '', ...rest] = resource.split('/');
    if (type === '' || rest.length > 0) throw new MisuseError('a resource is `Type` or `Type/id`');
    return create(ResourceSchema, { type, id });
  }
  return create(ResourceSchema, {
    type: resource.type ?? '',
    id: resource.id ?? '',
    versionId: resource.versionId ?? '',
    project: resource.project ?? '',
    deleted: resource.deleted ?? false,
    ...(resource.body === undefined ? {} : { body: jsonBytes(resource.body) }),
    ...(resource.proposed === undefined ? {} : { proposed: jsonBytes(resource.proposed) }),
  });
}

function sessionMessage(session: Session): ContextMessage['session'] {
  const { authenticatedAt, lastActivityAt, lastFailedAttemptAt, failedAttempts, locked, mfaSatisfied } = session;
  return create(SessionSchema, {
    id: session.id ?? '',
    ...(authenticatedAt ? { authenticatedAt: timestampFromDate(authenticatedAt) } : {}),
    ...(lastActivityAt ? { lastActivityAt: timestampFromDate(lastActivityAt) } : {}),
    ...(lastFailedAttemptAt ? { lastFailedAttemptAt: timestampFromDate(lastFailedAttemptAt) } : {}),
    ...(failedAttempts === undefined ? {} : { failedAttempts }),
    ...(locked === undefined ? {} : { locked }),
    ...(mfaSatisfied === undefined ? {} : { mfaSatisfied }),
  });
}

export function contextMessage(context: Context | undefined): ContextMessage | undefined {
  if (context === undefined) return undefined;
  const { smartScope, launchPatient, remoteAddress, onBehalfOf, authentication, session } = context;
  const message = create(ContextSchema, {
    extendedMode: context.extendedMode ?? false,
    activeTenants: [...(context.activeTenants ?? [])],
    useStoredTenant: context.useStoredTenant ?? false,
    purposeOfUse: context.purposeOfUse ?? '',
    userAgent: context.userAgent ?? '',
    ...(smartScope === undefined ? {} : { smartScope }),
    ...(launchPatient === undefined ? {} : { launchPatient }),
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(authentication === undefined ? {} : { authentication: AUTHENTICATIONS[authentication] }),
  });
  if (session) message.session = sessionMessage(session);
  return message;
}

export function consistencyMessage(consistency: Consistency | undefined): ConsistencyMessage | undefined {
  if (consistency === undefined) return undefined;
  const { maxStalenessMs } = consistency;
  return create(ConsistencySchema, {
    fullyFresh: consistency.fullyFresh ?? false,
    atLeastAsFresh: [...(consistency.atLeastAsFresh ?? [])],
    atLeastRevision: consistency.atLeastRevision ?? 0n,
    ...(maxStalenessMs === undefined ? {} : { maxStaleness: durationFromMs(maxStalenessMs) }),
  });
}

/** `value` under `name`, where there is one. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): Record<Name, Value> | Record<never, never> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

export function checkMessage(question: CheckQuestion): CheckRequest {
  return create(CheckRequestSchema, {
    subject: subjectMessage(question.subject),
    interaction: interactionMessage(question.interaction),
    resource: resourceMessage(question.resource),
    returnCompletedResource: question.returnCompletedResource ?? false,
    ...given('context', contextMessage(question.context)),
    ...given('consistency', consistencyMessage(question.consistency)),
  });
}
