/** FilterResources: resources in, the permitted ones out. */

import { create } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';

import {
  type FilterResourcesRequest,
  FilterResourcesHeaderSchema,
  FilterResourcesRequestSchema,
  type FilterResourcesResponse,
  type FilterResourcesSummary,
  Interaction,
  PolicyDecisionPoint,
} from './api';
import type { Caller, Deadline } from './call';
import { type ReasonName, reasonName } from './decision';
import type { Failure } from './errors';
import { failureOf, malformed } from './failure';
import type { CallOptions } from './options';
import {
  type Consistency,
  type Context,
  type Subject,
  consistencyMessage,
  contextMessage,
  given,
  jsonBytes,
  subjectMessage,
} from './questions';

/** Which of these resources may the subject see? */
export interface FilterResourcesQuestion<T extends object> {
  readonly subject: Subject;
  /** Of any types, with Medplum's extended meta. */
  readonly resources: readonly T[];
  /** Default `search`. */
  readonly interaction?: 'read' | 'search';
  /** The Project in which a resource without `meta.project` is judged. */
  readonly project?: string;
  readonly context?: Context;
  readonly consistency?: Consistency;
}

/** What is left of them. */
export interface FilteredResources<T extends object> {
  /** The permitted ones in their order, hidden fields removed. */
  readonly resources: readonly T[];
  /** Of each of `resources`, where it was among those sent. */
  readonly indexes: readonly number[];
  readonly denied: number;
  readonly removedFields: number;
  readonly decisionId: string;
  /** PERMITTED, or why nothing of the subject's is permitted. */
  readonly reason: ReasonName;
  readonly httpStatus: number;
  readonly revision: bigint;
  readonly validUntil: Date | undefined;
}

interface Identity {
  readonly resourceType?: unknown;
  readonly id?: unknown;
}

/** Whether `left`, which has lost fields, may be what was sent. */
function isOf(left: Identity, sent: Identity): boolean {
  return (
    (left.resourceType === undefined || left.resourceType === sent.resourceType) &&
    (left.id === undefined || left.id === sent.id)
  );
}

class Malformed extends Error {}

/** Takes the answers of one stream; throws Malformed. */
class Collector<T extends object> {
  readonly #sent: readonly T[];
  readonly #resources: T[] = [];
  readonly #indexes: number[] = [];
  #removed = 0n;
  #summary: FilterResourcesSummary | undefined;

  constructor(sent: readonly T[]) {
    this.#sent = sent;
  }

  take({ part }: FilterResourcesResponse): void {
    if (this.#summary) throw new Malformed('something behind the summary');
    if (part.case === 'summary') {
      this.#summary = part.value;
      return;
    }
    if (part.case !== 'resource') throw new Malformed('a part that is not known');
    const index = Number(part.value.index);
    const sent = this.#sent[index];
    if (!sent || index <= (this.#indexes.at(-1) ?? -1)) throw new Malformed('an index out of order');
    const resource: unknown = JSON.parse(Buffer.from(part.value.resource).toString('utf8'));
    if (typeof resource !== 'object' || resource === null || !isOf(resource, sent)) {
      throw new Malformed('another resource than was sent');
    }
    this.#resources.push(resource as T);
    this.#indexes.push(index);
    this.#removed += BigInt(part.value.removedFields);
  }

  finish(): FilteredResources<T> {
    const summary = this.#summary;
    if (!summary) throw new Malformed('no summary');
    const reason = reasonName(summary.reason);
    const permitted = BigInt(this.#resources.length);
    if (
      reason === undefined ||
      summary.received !== BigInt(this.#sent.length) ||
      summary.permitted !== permitted ||
      summary.denied !== summary.received - permitted ||
      summary.removedFields !== this.#removed ||
      (reason !== 'PERMITTED' && permitted > 0n)
    ) {
      throw new Malformed('a summary that does not agree');
    }
    return {
      resources: this.#resources,
      indexes: this.#indexes,
      denied: Number(summary.denied),
      removedFields: Number(summary.removedFields),
      decisionId: summary.decisionId,
      reason,
      httpStatus: summary.enforcementHttpStatus,
      revision: summary.revision,
      validUntil: summary.validUntil && timestampDate(summary.validUntil),
    };
  }
}

function requests<T extends object>(question: FilterResourcesQuestion<T>): FilterResourcesRequest[] {
  const header = create(FilterResourcesHeaderSchema, {
    subject: subjectMessage(question.subject),
    interaction: question.interaction === 'read' ? Interaction.READ : Interaction.SEARCH,
    project: question.project ?? '',
    ...given('context', contextMessage(question.context)),
    ...given('consistency', consistencyMessage(question.consistency)),
  });
  return [
    create(FilterResourcesRequestSchema, { part: { case: 'header', value: header } }),
    ...question.resources.map((resource) =>
      create(FilterResourcesRequestSchema, { part: { case: 'resource', value: jsonBytes(resource) } }),
    ),
  ];
}

export async function filterResources<T extends object>(
  caller: Caller,
  question: FilterResourcesQuestion<T>,
  options: CallOptions,
  deadline: Deadline,
): Promise<FilteredResources<T> | Failure> {
  const messages = requests(question);
  const stream = await caller.duplex(PolicyDecisionPoint.method.filterResources, options, deadline);
  if ('callerFault' in stream) return stream;
  const collector = new Collector<T>(question.resources);
  const cancel = (): void => stream.cancel();
  options.signal?.addEventListener('abort', cancel, { once: true });
  if (options.signal?.aborted) cancel();
  return new Promise<FilteredResources<T> | Failure>((resolve) => {
    // The status may come before the last answers were read.
    const seen = { end: false, ok: false };
    const finish = (): void => {
      if (!seen.end || !seen.ok) return;
      try {
        resolve(collector.finish());
      } catch (error) {
        resolve(malformed(error instanceof Malformed ? error.message : 'no summary'));
      }
    };
    stream.on('data', (response: FilterResourcesResponse) => {
      try {
        collector.take(response);
      } catch (error) {
        resolve(malformed(error instanceof Malformed ? error.message : 'no JSON'));
        stream.cancel();
      }
    });
    stream.on('error', (error: unknown) => resolve(failureOf(error)));
    stream.on('status', (status: { code: number }) => {
      seen.ok = status.code === 0;
      finish();
    });
    stream.on('end', () => {
      seen.end = true;
      finish();
    });
    let next = 0;
    const write = (): void => {
      for (let message = messages[next]; message; message = messages[next]) {
        ++next;
        if (!stream.write(message)) {
          stream.once('drain', write);
          return;
        }
      }
      stream.end();
    };
    write();
  }).finally(() => options.signal?.removeEventListener('abort', cancel));
}
