/** Cuts many questions into messages that the server takes. */

import type { BatchItem } from './client';
import type { ResourceRef } from './questions';

const MAX_ITEMS = 1_000;
// Of the server's 4 MiB, with room for what is not counted.
const MAX_BYTES = 3 << 20;
const BYTES_OF_ITEM = 200;

export interface Batch {
  /** What several items are about. */
  readonly resources: readonly ResourceRef[];
  readonly items: readonly { readonly item: BatchItem; readonly resourceIndex: number | undefined }[];
}

/** About how many bytes a resource takes in a message. */
function sizeOf(resource: ResourceRef): number {
  if (typeof resource === 'string') return BYTES_OF_ITEM;
  let size = BYTES_OF_ITEM;
  for (const json of [resource.body, resource.proposed]) {
    if (json === undefined) continue;
    if (json instanceof Uint8Array) size += json.length;
    else size += Buffer.byteLength(typeof json === 'string' ? json : (JSON.stringify(json) ?? ''));
  }
  return size;
}

function isJson(resource: ResourceRef): boolean {
  return typeof resource !== 'string' && (resource.body !== undefined || resource.proposed !== undefined);
}

/** All of `items`, in their order, in as many batches as are needed. */
export function batches(items: readonly BatchItem[], maxItems: number = MAX_ITEMS): Batch[] {
  const made: Batch[] = [];
  let resources: ResourceRef[] = [];
  let indexes = new Map<ResourceRef, number>();
  let batch: Batch['items'][number][] = [];
  let bytes = 0;
  const cut = (): void => {
    if (batch.length > 0) made.push({ resources, items: batch });
    resources = [];
    indexes = new Map();
    batch = [];
    bytes = 0;
  };
  for (const item of items) {
    const isShared = isJson(item.resource);
    const size = sizeOf(item.resource);
    const isNew = !isShared || !indexes.has(item.resource);
    if (batch.length >= Math.max(1, maxItems) || (isNew && batch.length > 0 && bytes + size > MAX_BYTES)) cut();
    let resourceIndex = isShared ? indexes.get(item.resource) : undefined;
    if (isShared && resourceIndex === undefined) {
      resourceIndex = resources.push(item.resource) - 1;
      indexes.set(item.resource, resourceIndex);
    }
    bytes += resourceIndex === undefined || isNew ? size : BYTES_OF_ITEM;
    batch.push({ item, resourceIndex });
  }
  cut();
  return made;
}
