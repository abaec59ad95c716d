/** Resources as they come from Medplum, and as they are shown. */

import { NoDecision } from '../errors';
import { malformed } from '../failure';

/** A resource with what the guard looks at. */
export interface StoredResource {
  readonly resourceType: string;
  readonly id: string;
  readonly meta?: { readonly versionId?: string; readonly project?: string };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isStoredResource(value: unknown): value is StoredResource {
  return isObject(value) && typeof value['resourceType'] === 'string' && typeof value['id'] === 'string';
}

/** `value`, if it is the resource that was asked for. */
export function expectResource(value: unknown, type: string, id: string): StoredResource {
  if (!isStoredResource(value) || value.resourceType !== type || value.id !== id) {
    throw new NoDecision(malformed('Medplum answered with another resource'));
  }
  return value;
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
/** `.../binary id/version id?...`, signed for CloudFront, S3, Google, Azure or Medplum itself. */
const SIGNED_LINK = new RegExp(`/(${UUID})/${UUID}\\?(?:.*&)?(?:[^=&]*-)?(?:signature|sig|key-pair-id)=`, 'i');

/** `Binary/id` for a link that carries its own permission to the content. */
function withoutSignature(url: string): string {
  const id = SIGNED_LINK.exec(url)?.[1];
  return id === undefined ? url : `Binary/${id}`;
}

/**
 * `resource` with the signed links taken out of it, in place. Medplum signs
 * links to attachments for whoever reads: for the bot, here, whatever the
 * member may read.
 */
export function unsign<T>(resource: T): T {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      const items: readonly unknown[] = value;
      items.forEach(visit);
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) {
        if (typeof member !== 'string') {
          visit(member);
        } else if (name === 'url' || name.endsWith('Url') || name.endsWith('Uri')) {
          value[name] = withoutSignature(member);
        }
      }
    }
  };
  visit(resource);
  return resource;
}

/** The outcome's code, where Medplum refused a request. */
function outcomeCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('outcome' in error) || !isObject(error.outcome)) return undefined;
  const { issue } = error.outcome;
  const issues: readonly unknown[] = Array.isArray(issue) ? issue : [];
  const [first] = issues;
  return isObject(first) && typeof first['code'] === 'string' ? first['code'] : undefined;
}

/** Whether Medplum says that there is no such resource. */
export function isNotFound(error: unknown): boolean {
  return outcomeCode(error) === 'not-found';
}

/** Whether Medplum says that it was deleted. */
export function isGone(error: unknown): boolean {
  return outcomeCode(error) === 'deleted';
}
