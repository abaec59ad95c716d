/** The client of the policy decision point. */

import { type MessageShape, create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';

import {
  BatchCheckRequestSchema,
  type BatchCheckResponse,
  DescribeAccessRequestSchema,
  ExplainRequestSchema,
  FilterRequestSchema,
  PolicyDecisionPoint,
  QueryRunner,
  RecordAccessRequestSchema,
  WatchRevisionsRequestSchema,
  type WatchRevisionsResponse,
} from './api';
import { batches } from './batches';
import { Caller, type Outcome } from './call';
import { Decision, type Obligation } from './decision';
import {
  type AccessDescription,
  type Explanation,
  type Tenant,
  convertDescription,
  convertExplanation,
} from './descriptions';
import { type Failure, NoDecision } from './errors';
import { attempt, failure, failureOf, malformed, requestFailure } from './failure';
import { FilterAnswer, type FilterQuestion } from './filter';
import type { CallEvent, CallOptions, PdpClientOptions } from './options';
import {
  type CheckQuestion,
  type Consistency,
  type Context,
  type Interaction,
  type ResourceRef,
  type Subject,
  checkMessage,
  consistencyMessage,
  contextMessage,
  given,
  subjectMessage,
} from './questions';
import { type FilterResourcesQuestion, type FilteredResources, filterResources } from './resources';
import { type CheckStreamOptions, checkStream } from './stream';

/** One of many questions. */
export interface BatchItem {
  /** Not given: the batch's. */
  readonly subject?: Subject;
  readonly interaction: Interaction;
  readonly resource: ResourceRef;
}

/** Many questions in one message. */
export interface BatchQuestion {
  /** Of every item that has none of its own. */
  readonly subject?: Subject;
  /**
   * An item whose `resource` is the same object as another's is sent, and
   * parsed, once.
   */
  readonly items: readonly BatchItem[];
  readonly context?: Context;
  readonly consistency?: Consistency;
}

/** What is to be explained: a question, or a decision of before. */
export type ExplainQuestion =
  | {
      readonly check: CheckQuestion;
      /** By the policies as they were then. */
      readonly asOf?: Date;
    }
  | { readonly decisionId: string };

/** What an enforcement point did with a decision. */
export type AccessEvent =
  | 'viewed'
  | 'listed'
  | 'searched'
  | 'downloaded'
  | 'exported'
  | 'printed'
  | 'shared'
  | 'created'
  | 'updated'
  | 'deleted'
  | 'executed'
  | 'withheld';

/** What has changed of what members may do. */
export interface RevisionChange {
  readonly revision: bigint;
  /** The watched members who may be concerned. */
  readonly changed: readonly string[];
  /** More than can be named: treat every watched member so. */
  readonly allChanged: boolean;
}

/** What is told to the hook beside how the call ended. */
type Answer = Pick<CallEvent, 'effect' | 'reason' | 'decisionId'>;

/**
 * A client of medplum-pdp. One for a process: it holds one connection, and is
 * safe to share.
 *
 * No method raises for a denial. `check`, `checkMany`, `checkStream` and
 * `filter` do not raise for a failure either: it is an answer that permits
 * nothing.
 */
export class PdpClient {
  readonly #caller: Caller;
  readonly #options: PdpClientOptions;

  /**
   * @param target `host:port`, `dns:///name:port` or `unix:PATH`.
   * @throws MisuseError where the options contradict each other, or would send
   *     a token in the clear.
   */
  constructor(target: string, options: PdpClientOptions = {}) {
    this.#options = { ...options };
    this.#caller = new Caller(target, this.#options);
  }

  /** Ends the connection. */
  close(): void {
    this.#caller.close();
  }

  /** May this subject do this to that resource? */
  async check(question: CheckQuestion, options: CallOptions = {}): Promise<Decision> {
    const request = attempt(() => checkMessage(question));
    if ('callerFault' in request) return this.#refused('Check', request, Decision.none);
    const outcome = await this.#caller.unary(PolicyDecisionPoint.method.check, request, options);
    const decision = outcome.ok ? Decision.of(outcome.value.decision) : Decision.none(outcome.failure);
    this.#report('Check', outcome, decision.failure, decision);
    return decision;
  }

  /**
   * As `check`, and raises where it is not permitted.
   *
   * @param honored The obligations that the caller will honor.
   * @throws PermissionDenied (403, 401), or NoDecision (503).
   */
  async requireCheck(
    question: CheckQuestion,
    honored: readonly Obligation[] = [],
    options: CallOptions = {},
  ): Promise<Decision> {
    return (await this.check(question, options)).require(honored);
  }

  /**
   * Many decisions: one for each item, in their order. A batch larger than the
   * server takes is split; a part that fails is NO_DECISION in all its items.
   */
  async checkMany(question: BatchQuestion, options: CallOptions = {}): Promise<Decision[]> {
    const deadline = this.#caller.deadline(options);
    const shared = attempt(() => ({
      ...given('subject', question.subject === undefined ? undefined : subjectMessage(question.subject)),
      ...given('context', contextMessage(question.context)),
      ...given('consistency', consistencyMessage(question.consistency)),
    }));
    if ('callerFault' in shared) {
      return this.#refused('BatchCheck', shared, () => question.items.map(() => Decision.none(shared)));
    }
    const decisions = new Array<Decision | undefined>(question.items.length);
    const parts = batches(
      question.items,
      (position, why) => {
        decisions[position] = Decision.none(why);
      },
      this.#options.batchItems,
    );
    const asked = parts.map(async ({ resources, items, positions }) => {
      const request = create(BatchCheckRequestSchema, { ...shared, resources: [...resources], items: [...items] });
      const outcome = await this.#caller.unary(PolicyDecisionPoint.method.batchCheck, request, options, deadline);
      this.#report('BatchCheck', outcome, outcome.ok ? undefined : outcome.failure);
      batchDecisions(outcome, items.length).forEach((decision, i) => {
        decisions[positions[i] ?? -1] = decision;
      });
    });
    await Promise.all(asked);
    return Array.from(decisions, (decision) => decision ?? Decision.none(malformed('an item without an answer')));
  }

  /**
   * The decisions on `questions`, in their order, many on their way at once.
   * The deadline is that of each answer.
   */
  checkStream(
    questions: AsyncIterable<CheckQuestion> | Iterable<CheckQuestion>,
    options: CheckStreamOptions = {},
  ): AsyncGenerator<Decision, void, undefined> {
    return checkStream(this.#caller, questions, options, (decision, seconds) =>
      this.#report('CheckStream', { seconds, retried: false }, decision.failure, decision),
    );
  }

  /** Which searches find what this subject may find? `docs/filter.md` says how to run them. */
  async filter(question: FilterQuestion, options: CallOptions = {}): Promise<FilterAnswer> {
    const request = attempt(() =>
      create(FilterRequestSchema, {
        subject: subjectMessage(question.subject),
        resourceType: question.resourceType,
        query: question.query ?? '',
        runner: question.runner === 'same-project' ? QueryRunner.SAME_PROJECT : QueryRunner.PRIVILEGED,
        ...given('context', contextMessage(question.context)),
        ...given('consistency', consistencyMessage(question.consistency)),
      }),
    );
    if ('callerFault' in request) return this.#refused('Filter', request, FilterAnswer.none);
    const outcome = await this.#caller.unary(PolicyDecisionPoint.method.filter, request, options);
    const answer = outcome.ok
      ? FilterAnswer.of(outcome.value, question.resourceType)
      : FilterAnswer.none(outcome.failure);
    this.#report('Filter', outcome, answer.failure, {
      effect: answer.kind,
      ...given('reason', answer.reason),
      decisionId: answer.decisionId,
    });
    return answer;
  }

  /**
   * The permitted ones of `question.resources`, hidden fields removed.
   *
   * @throws NoDecision on any failure: then nothing may be shown.
   */
  async filterResources<T extends object>(
    question: FilterResourcesQuestion<T>,
    options: CallOptions = {},
  ): Promise<FilteredResources<T>> {
    const deadline = this.#caller.deadline(options);
    const answer = await filterResources(this.#caller, question, options, deadline).catch(requestFailure);
    const why = 'callerFault' in answer ? answer : undefined;
    this.#report('FilterResources', { seconds: deadline.seconds, retried: false }, why);
    if ('callerFault' in answer) throw new NoDecision(answer);
    return answer;
  }

  /**
   * Why: a decision with the trace of every entry.
   *
   * @throws NoDecision on any failure.
   */
  async explain(question: ExplainQuestion, options: CallOptions = {}): Promise<Explanation> {
    const asOf = 'check' in question ? question.asOf : undefined;
    const request = valid(() =>
      create(ExplainRequestSchema, {
        question:
          'check' in question
            ? { case: 'check', value: checkMessage(question.check) }
            : { case: 'decisionId', value: question.decisionId },
        ...given('asOf', asOf && timestampFromDate(asOf)),
      }),
    );
    return convertExplanation(await this.#answer(PolicyDecisionPoint.method.explain, request, options));
  }

  /**
   * What the subject may do at all, and in which tenants.
   *
   * @throws NoDecision on any failure.
   */
  async describe(
    question: { readonly subject: Subject; readonly context?: Context; readonly consistency?: Consistency },
    options: CallOptions = {},
  ): Promise<AccessDescription> {
    const request = valid(() =>
      create(DescribeAccessRequestSchema, {
        subject: subjectMessage(question.subject),
        ...given('context', contextMessage(question.context)),
        ...given('consistency', consistencyMessage(question.consistency)),
      }),
    );
    const answer = await this.#answer(PolicyDecisionPoint.method.describeAccess, request, options);
    return convertDescription(answer);
  }

  /**
   * The tenants of the subject; none where every request of it is denied.
   *
   * @throws NoDecision on any failure.
   */
  async tenants(subject: Subject, options: CallOptions = {}): Promise<readonly Tenant[]> {
    const description = await this.describe({ subject }, options);
    return description.reason === 'PERMITTED' ? description.tenants : [];
  }

  /**
   * Puts into the audit log what was done with a decision. Never called twice.
   *
   * @throws NoDecision where it is not recorded.
   */
  async recordAccess(
    record: { readonly decisionId: string; readonly event: AccessEvent; readonly success?: boolean },
    options: CallOptions = {},
  ): Promise<void> {
    const request = create(RecordAccessRequestSchema, {
      decisionId: record.decisionId,
      event: record.event,
      success: record.success ?? true,
    });
    await this.#answer(PolicyDecisionPoint.method.recordAccess, request, options);
  }

  /**
   * Tells when what members may do has changed. The first one says where it
   * begins. Goes on until the caller leaves the loop or aborts.
   *
   * @param memberships `ProjectMembership/id`; none: every member.
   * @throws NoDecision when the stream breaks: treat all as changed, and watch
   *     again.
   */
  async *watchRevisions(
    memberships: readonly string[] = [],
    options: CallOptions = {},
  ): AsyncGenerator<RevisionChange, void, undefined> {
    const request = create(WatchRevisionsRequestSchema, { memberships: [...memberships] });
    const stream = await this.#caller.serverStream(PolicyDecisionPoint.method.watchRevisions, request, options);
    if ('callerFault' in stream) throw new NoDecision(stream);
    const cancel = (): void => stream.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      if (options.signal?.aborted) return;
      const messages: AsyncIterable<WatchRevisionsResponse> = stream;
      for await (const { revision, changed, allChanged } of messages) {
        yield { revision, changed, allChanged };
      }
      throw new NoDecision(failure('UNAVAILABLE', 'the server ended the stream'));
    } catch (error) {
      if (options.signal?.aborted) return;
      throw error instanceof NoDecision ? error : new NoDecision(failureOf(error));
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      stream.on('error', () => {});
      stream.cancel();
    }
  }

  /** The answer of a call that raises on failure. */
  async #answer<M extends UnaryMethod>(method: M, request: RequestOf<M>, options: CallOptions): Promise<ResponseOf<M>> {
    const outcome = await this.#caller.unary<M['input'], M['output']>(method, request, options);
    this.#report(method.name, outcome, outcome.ok ? undefined : outcome.failure);
    if (!outcome.ok) throw new NoDecision(outcome.failure);
    return outcome.value;
  }

  #refused<T>(method: string, why: Failure, none: (why: Failure) => T): T {
    this.#report(method, { seconds: 0, retried: false }, why);
    return none(why);
  }

  #report(
    method: string,
    { seconds, retried }: { seconds: number; retried: boolean },
    why: Failure | undefined,
    answer: Answer | Decision = {},
  ): void {
    const { onCall } = this.#options;
    if (!onCall) return;
    try {
      onCall({
        method,
        status: why?.status ?? 'OK',
        callerFault: why?.callerFault ?? false,
        seconds,
        retried,
        ...given('message', why?.message),
        ...given('effect', answer.effect),
        ...given('reason', answer.reason),
        ...given('decisionId', answer.decisionId),
      });
    } catch {
      // A hook decides nothing.
    }
  }
}

type Methods = typeof PolicyDecisionPoint.method;
type UnaryMethod = Methods['explain'] | Methods['describeAccess'] | Methods['recordAccess'];
type RequestOf<M extends UnaryMethod> = MessageShape<M['input']>;
type ResponseOf<M extends UnaryMethod> = MessageShape<M['output']>;

/** What `make` makes; throws NoDecision where the question cannot be asked. */
function valid<T extends object>(make: () => T): T {
  const made = attempt(make);
  if ('callerFault' in made) throw new NoDecision(made);
  return made;
}

function batchDecisions(outcome: Outcome<BatchCheckResponse>, count: number): Decision[] {
  const none = (why: Failure): Decision[] => Array.from({ length: count }, () => Decision.none(why));
  if (!outcome.ok) return none(outcome.failure);
  const { results } = outcome.value;
  if (results.length !== count) return none(malformed('results are not as many as the items'));
  return results.map(({ result }) => {
    if (result.case === 'decision') return Decision.of(result.value);
    if (result.case === 'error') return Decision.ofItemError(result.value);
    return Decision.none(malformed('neither a decision nor an error'));
  });
}
