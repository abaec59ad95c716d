/** Cuts many questions into messages that the server takes. */

import { create } from '@bufbuild/protobuf';

import { type BatchCheckItem, BatchCheckItemSchema, type Resource } from './api';
import type { BatchItem } from './client';
import type { Failure } from './errors';
import { attempt } from './failure';
import { type ResourceRef, given, interactionMessage, resourceMessage, subjectMessage } from './questions';

const MAX_ITEMS = 1_000;
// Of the server's 4 MiB, with room for what is not counted.
const MAX_BYTES = 3 << 20;
const BYTES_OF_ITEM = 200;

export interface Batch {
  /** What several items may be about. */
  readonly resources: readonly Resource[];
  readonly items: readonly BatchCheckItem[];
  /** Of each item, which of the questions it is. */
  readonly positions: readonly number[];
}

/** A batch that is being filled. */
class Filling {
  readonly resources: Resource[] = [];
  readonly items: BatchCheckItem[] = [];
  readonly positions: number[] = [];
  readonly indexes = new Map<Resource, number>();
  bytes = 0;

  sizeWith(resource: Resource): number {
    const isHere = this.indexes.has(resource);
    return this.bytes + BYTES_OF_ITEM + (isHere ? 0 : resource.body.length + resource.proposed.length);
  }

  add(item: BatchItem, resource: Resource, position: number): void {
    this.bytes = this.sizeWith(resource);
    const isShared = resource.body.length + resource.proposed.length > 0;
    let index = this.indexes.get(resource);
    if (isShared && index === undefined) {
      index = this.resources.push(resource) - 1;
      this.indexes.set(resource, index);
    }
    this.items.push(
      create(BatchCheckItemSchema, {
        interaction: interactionMessage(item.interaction),
        target: index === undefined ? { case: 'resource', value: resource } : { case: 'resourceIndex', value: index },
        ...given('subject', item.subject === undefined ? undefined : subjectMessage(item.subject)),
      }),
    );
    this.positions.push(position);
  }
}

/** All of `items`, in their order, in as many batches as are needed; `refuse` those that cannot be asked. */
export function batches(
  items: readonly BatchItem[],
  refuse: (position: number, why: Failure) => void,
  maxItems: number = MAX_ITEMS,
): Batch[] {
  // A resource of several items becomes one message.
  const messages = new Map<ResourceRef, Resource | Failure>();
  const message = (resource: ResourceRef): Resource | Failure => {
    const known = messages.get(resource);
    if (known) return known;
    const made = attempt(() => resourceMessage(resource));
    messages.set(resource, made);
    return made;
  };
  const made: Filling[] = [];
  let filling: Filling | undefined;
  items.forEach((item, position) => {
    const resource = message(item.resource);
    if ('callerFault' in resource) {
      refuse(position, resource);
      return;
    }
    const isFull = filling && (filling.items.length >= Math.max(1, maxItems) || filling.sizeWith(resource) > MAX_BYTES);
    const into = !filling || isFull ? new Filling() : filling;
    const added = attempt(() => {
      into.add(item, resource, position);
      return into;
    });
    if ('callerFault' in added) {
      refuse(position, added);
      return;
    }
    if (filling !== into) made.push(into);
    filling = into;
  });
  return made;
}
