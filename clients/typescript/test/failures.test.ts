/** What goes wrong permits nothing: over real sockets. */

import assert from 'node:assert/strict';
import * as net from 'node:net';
import { describe, it } from 'node:test';

import { status } from '@grpc/grpc-js';

import { type CallEvent, type CheckQuestion, NoDecision, PdpClient, type PdpClientOptions } from '../src';
import { Effect, FilterKind, Reason } from '../src/api';
import * as clinic from './support/clinic';
import { FakeServer, PERMIT, type Reply, type Script } from './support/fake_server';
import { Pdpd } from './support/pdpd';

const QUESTION = { subject: 'ProjectMembership/m', interaction: 'read', resource: 'Patient/p' } as const;
const LONG = { deadlineMs: 30_000 };

/** Runs `test` with a client of a server that answers as `script` says. */
async function withServer(
  script: Script,
  test: (pdp: PdpClient, server: FakeServer, events: CallEvent[]) => Promise<void>,
  options: PdpClientOptions = {},
): Promise<void> {
  const server = await FakeServer.start(script);
  const events: CallEvent[] = [];
  const pdp = new PdpClient(server.target, {
    insecure: true,
    ...LONG,
    onCall: (event) => events.push(event),
    ...options,
  });
  try {
    await test(pdp, server, events);
  } finally {
    pdp.close();
    server.stop();
  }
}

/** Answers in turn; the last one again and again. */
function inTurn<T>(...replies: Reply<T>[]): () => Reply<T> {
  return () => {
    const [first] = replies.length > 1 ? replies.splice(0, 1) : replies;
    assert.ok(first !== undefined);
    return first;
  };
}

const PERMITTED = { answer: { decision: PERMIT } };

describe('retries', () => {
  it('calls again once where a server is away, or stops', async () => {
    for (const code of [status.UNAVAILABLE, status.CANCELLED]) {
      const check = inTurn<(typeof PERMITTED)['answer']>({ code, details: 'draining' }, PERMITTED);
      await withServer({ check }, async (pdp, server, events) => {
        assert.ok((await pdp.check(QUESTION)).permitted);
        assert.equal(server.calls, 2);
        assert.equal(events[0]?.retried, true);
      });
    }
  });

  it('does not call a third time', async () => {
    await withServer({ check: () => ({ code: status.UNAVAILABLE, details: '' }) }, async (pdp, server) => {
      const decision = await pdp.check(QUESTION);
      assert.equal(decision.effect, 'NO_DECISION');
      assert.equal(decision.failure?.status, 'UNAVAILABLE');
      assert.equal(server.calls, 2);
    });
  });

  it('does not call again where it would not help, or would harm', async () => {
    const cases: [number, string][] = [
      [status.UNAVAILABLE, 'STALE: 400 s behind'],
      [status.UNAVAILABLE, 'CREDENTIALS_REFUSED: by Medplum'],
      [status.UNAVAILABLE, 'PROJECT_GONE'],
      [status.UNAVAILABLE, 'ACCESS_MISSING'],
      [status.UNAVAILABLE, 'AUDIT_UNAVAILABLE'],
      [status.RESOURCE_EXHAUSTED, 'too many calls'],
      [status.DEADLINE_EXCEEDED, ''],
      [status.INTERNAL, ''],
      [status.UNKNOWN, ''],
      [status.INVALID_ARGUMENT, 'subject: AMBIGUOUS_SUBJECT'],
      [status.UNAUTHENTICATED, ''],
      [status.PERMISSION_DENIED, 'SUBJECT_NOT_ALLOWED'],
      [status.UNIMPLEMENTED, ''],
      [status.NOT_FOUND, ''],
    ];
    let reply: Reply<never> = 'silence';
    await withServer({ check: () => reply }, async (pdp, server, events) => {
      for (const [code, details] of cases) {
        reply = { code, details };
        server.calls = 0;
        events.length = 0;
        const decision = await pdp.check(QUESTION);
        const name = `${status[code]} ${details}`;
        assert.equal(server.calls, 1, name);
        assert.equal(decision.effect, 'NO_DECISION', name);
        assert.equal(decision.httpStatus, 503, name);
        assert.equal(decision.failure?.status, status[code], name);
        assert.equal(decision.failure?.message, details, name);
        const isCallersFault = [3, 7, 12, 16].includes(code);
        assert.equal(events[0]?.callerFault, isCallersFault, name);
        assert.throws(() => decision.require(['HIDDEN_FIELDS', 'READONLY_FIELDS', 'VERSION_FIELDS']), NoDecision);
      }
    });
  });

  it('calls again only while the budget has room', async () => {
    await withServer({ check: () => ({ code: status.UNAVAILABLE, details: '' }) }, async (pdp, server) => {
      for (let i = 0; i < 20; ++i) await pdp.check(QUESTION);
      assert.equal(server.calls, 20 + 10);
    });
  });

  it('does not call again past the deadline, nor a denial', async () => {
    await withServer({ check: () => ({ code: status.UNAVAILABLE, details: '' }) }, async (pdp) => {
      const decision = await pdp.check(QUESTION, { deadlineMs: 5 });
      assert.equal(decision.effect, 'NO_DECISION');
    });
    const denial = { ...PERMIT, effect: Effect.DENY, reason: Reason.RESOURCE_UNAVAILABLE, enforcementHttpStatus: 503 };
    await withServer({ check: () => ({ answer: { decision: denial } }) }, async (pdp, server) => {
      const decision = await pdp.check(QUESTION);
      assert.equal(decision.effect, 'DENY');
      assert.equal(decision.httpStatus, 503);
      assert.throws(() => decision.require(), NoDecision);
      assert.equal(server.calls, 1);
    });
  });

  it('never records an access twice', async () => {
    await withServer({ recordAccess: () => ({ code: status.UNAVAILABLE, details: '' }) }, async (pdp, server) => {
      await assert.rejects(pdp.recordAccess({ decisionId: 'd', event: 'viewed' }), NoDecision);
      assert.equal(server.calls, 1);
    });
  });
});

describe('deadlines', () => {
  it('end a call to a server that is silent', async () => {
    await withServer({ check: () => 'silence' }, async (pdp) => {
      const decision = await pdp.check(QUESTION, { deadlineMs: 100 });
      assert.equal(decision.failure?.status, 'DEADLINE_EXCEEDED');
      const stream = pdp.checkStream([QUESTION, QUESTION], { deadlineMs: 100 });
      for await (const answer of stream) assert.equal(answer.effect, 'NO_DECISION');
    });
  });

  it('end a stream whose oldest question is too old, however many come behind it', async () => {
    await withServer({ checkStream: () => [] }, async (pdp) => {
      let isGivenUp = false;
      async function* questions(): AsyncGenerator<CheckQuestion> {
        // More and more, as long as nobody is told that the first has failed.
        while (!isGivenUp) {
          yield QUESTION;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      for await (const { failure } of pdp.checkStream(questions(), { deadlineMs: 200, maxInFlight: 1_000_000 })) {
        assert.equal(failure?.status, 'DEADLINE_EXCEEDED');
        isGivenUp = true;
        break;
      }
    });
  });

  it('end a call to a host that accepts and says nothing', async () => {
    const sockets: net.Socket[] = [];
    const host = net.createServer((socket) => sockets.push(socket.on('error', () => {})));
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const address = host.address();
    assert.ok(address !== null && typeof address === 'object');
    const pdp = new PdpClient(`127.0.0.1:${address.port}`, { insecure: true, deadlineMs: 200 });
    assert.equal((await pdp.check(QUESTION)).failure?.status, 'DEADLINE_EXCEEDED');
    await assert.rejects(pdp.filterResources({ subject: 'x', resources: [{}] }), NoDecision);
    pdp.close();
    for (const socket of sockets) socket.destroy();
    host.close();
  });

  it('hold for a token provider, too', async () => {
    const token = (): Promise<string> => new Promise(() => {});
    await withServer(
      { check: () => PERMITTED },
      async (pdp, server) => {
        const decision = await pdp.check(QUESTION, { deadlineMs: 50 });
        assert.equal(decision.failure?.status, 'DEADLINE_EXCEEDED');
        assert.equal(server.calls, 0);
      },
      { token },
    );
  });

  it('end by a signal', async () => {
    await withServer({ check: () => 'silence' }, async (pdp) => {
      const abort = new AbortController();
      const pending = pdp.check(QUESTION, { signal: abort.signal });
      abort.abort();
      assert.equal((await pending).failure?.status, 'CANCELLED');
      assert.equal((await pdp.check(QUESTION, { signal: abort.signal })).failure?.status, 'CANCELLED');
    });
  });
});

describe('malformed answers', () => {
  const cases: [string, Reply<object>][] = [
    ['no decision', { answer: {} }],
    ['an empty decision', { answer: { decision: {} } }],
    ['bytes that are no message', { bytes: Uint8Array.of(0xff, 0xff, 0xff) }],
    ['an effect that is not known', { answer: { decision: { ...PERMIT, effect: 99 } } }],
    ['an effect of the future with all else permitted', { answer: { decision: { ...PERMIT, effect: 4 } } }],
    ['a negative effect', { answer: { decision: { ...PERMIT, effect: -2 } } }],
    ['no effect', { answer: { decision: { ...PERMIT, effect: Effect.UNSPECIFIED } } }],
    ['no reason', { answer: { decision: { ...PERMIT, reason: Reason.UNSPECIFIED } } }],
    ['a reason that is not known', { answer: { decision: { ...PERMIT, reason: 999 } } }],
    ['a permit for another reason', { answer: { decision: { ...PERMIT, reason: Reason.SCOPE } } }],
    ['a permit of status 403', { answer: { decision: { ...PERMIT, enforcementHttpStatus: 403 } } }],
    ['a permit without a status', { answer: { decision: { ...PERMIT, enforcementHttpStatus: 0 } } }],
    ['a permit that hides fields', { answer: { decision: { ...PERMIT, hiddenFields: ['name'] } } }],
    ['a permit that restores fields', { answer: { decision: { ...PERMIT, readonlyFields: ['name'] } } }],
    [
      'a permit that hides fields of versions',
      { answer: { decision: { ...PERMIT, versions: [{ versionId: '1', hiddenFields: ['name'] }] } } },
    ],
    ['obligations that are none', { answer: { decision: { ...PERMIT, effect: Effect.PERMIT_WITH_OBLIGATIONS } } }],
    ['a denial of status 200', { answer: { decision: { ...PERMIT, effect: Effect.DENY, reason: Reason.SCOPE } } }],
  ];

  it('are no decision', async () => {
    let reply: Reply<object> = 'silence';
    await withServer({ check: () => reply, batchCheck: () => reply }, async (pdp) => {
      for (const [name, answer] of cases) {
        reply = answer;
        const decision = await pdp.check(QUESTION);
        assert.equal(decision.effect, 'NO_DECISION', name);
        assert.equal(decision.failure?.status, 'INTERNAL', name);
        assert.ok(!decision.permittedIf(['HIDDEN_FIELDS', 'READONLY_FIELDS', 'VERSION_FIELDS']), name);
        if (typeof answer === 'object' && 'answer' in answer) {
          reply = { answer: { results: [{ result: { case: 'decision', ...valueOf(answer.answer) } }] } };
        }
        const [item] = await pdp.checkMany({ items: [QUESTION] });
        assert.equal(item?.effect, 'NO_DECISION', `batch: ${name}`);
      }
    });
  });

  function valueOf(answer: object): { value: object } {
    return { value: 'decision' in answer && typeof answer.decision === 'object' ? (answer.decision ?? {}) : {} };
  }

  it('of a batch: other than one result for each item is no decision at all', async () => {
    for (const count of [0, 1, 3]) {
      const results = Array.from({ length: count }, () => ({ result: { case: 'decision' as const, value: PERMIT } }));
      await withServer({ batchCheck: () => ({ answer: { results } }) }, async (pdp) => {
        const decisions = await pdp.checkMany({ items: [QUESTION, QUESTION] });
        assert.deepEqual(
          decisions.map(({ effect }) => effect),
          ['NO_DECISION', 'NO_DECISION'],
        );
      });
    }
    const results = [
      { result: { case: 'error' as const, value: { code: 0, message: '' } } },
      { result: { case: undefined } },
      { result: { case: 'decision' as const, value: PERMIT } },
    ];
    await withServer({ batchCheck: () => ({ answer: { results } }) }, async (pdp) => {
      const decisions = await pdp.checkMany({ items: [QUESTION, QUESTION, QUESTION] });
      assert.deepEqual(
        decisions.map(({ effect }) => effect),
        ['NO_DECISION', 'NO_DECISION', 'PERMIT'],
      );
    });
  });

  it('of Filter search nothing', async () => {
    const good = {
      kind: FilterKind.CONDITIONAL,
      reason: Reason.PERMITTED,
      enforcementHttpStatus: 200,
      queries: ['Patient?_project=p'],
      singleQuery: 'Patient?_project=p',
    };
    const filters: [string, Reply<object>][] = [
      ['empty', { answer: {} }],
      ['a kind that is not known', { answer: { ...good, kind: 9 } }],
      ['a reason that is not known', { answer: { ...good, reason: 999 } }],
      ['no queries', { answer: { ...good, queries: [] } }],
      ['another type', { answer: { ...good, queries: ['Observation?_project=p'] } }],
      ['a longer type', { answer: { ...good, queries: ['PatientX?_project=p'] } }],
      ['another type in one', { answer: { ...good, singleQuery: 'Observation' } }],
      ['a status of denial', { answer: { ...good, enforcementHttpStatus: 403 } }],
      ['denied, with queries', { answer: { ...good, kind: FilterKind.ALWAYS_DENIED } }],
      ['a failure', { code: status.INTERNAL, details: '' }],
    ];
    let reply: Reply<object> = { answer: good };
    await withServer({ filter: () => reply }, async (pdp) => {
      const question = { subject: 'm', resourceType: 'Patient' };
      assert.ok((await pdp.filter(question)).permitted);
      for (const [name, answer] of filters) {
        reply = answer;
        const filter = await pdp.filter(question);
        assert.ok(!filter.permitted, name);
        assert.deepEqual(filter.queries, [], name);
        assert.equal(filter.singleQuery, '', name);
        assert.equal(filter.condition, undefined, name);
        assert.throws(() => filter.require(), NoDecision, name);
      }
      // Half a condition could permit more than the whole.
      const comparison = { parameter: 'a', path: 'a', values: ['b'], parameterType: 'token' };
      const conditions = [
        {},
        { node: { case: 'not', value: {} } },
        { node: { case: 'comparison', value: { ...comparison, operator: 99 } } },
        { node: { case: 'anyOf', value: { conditions: [{ node: { case: 'constant', value: true } }, {}] } } },
      ];
      for (const condition of conditions) {
        reply = { answer: { ...good, condition } };
        assert.equal((await pdp.filter(question)).condition, undefined, JSON.stringify(condition));
      }
    });
  });

  it('of FilterResources show nothing', async () => {
    const json = (resource: object): Uint8Array => Buffer.from(JSON.stringify(resource));
    const sent = [
      { resourceType: 'Patient', id: 'a' },
      { resourceType: 'Patient', id: 'b' },
    ];
    const part = (index: number, resource: Uint8Array) => ({
      part: { case: 'resource' as const, value: { index: BigInt(index), resource } },
    });
    const summary = (permitted: number, more: object = {}) => ({
      part: {
        case: 'summary' as const,
        value: {
          received: 2n,
          permitted: BigInt(permitted),
          denied: BigInt(2 - permitted),
          reason: Reason.PERMITTED,
          enforcementHttpStatus: 200,
          ...more,
        },
      },
    });
    const a = part(0, json({ resourceType: 'Patient', id: 'a' }));
    const b = part(1, json({ resourceType: 'Patient', id: 'b' }));
    const answers: [string, ReturnType<NonNullable<Script['filterResources']>>][] = [
      ['no summary', [a, b]],
      ['nothing', []],
      ['an index twice', [a, a, summary(2)]],
      ['an order that is another', [b, a, summary(2)]],
      ['an index past the end', [a, part(2, json({ resourceType: 'Patient', id: 'b' })), summary(2)]],
      ['another resource', [part(0, json({ resourceType: 'Patient', id: 'b' })), summary(1)]],
      ['no JSON', [part(0, Buffer.from('{')), summary(1)]],
      ['no object', [part(0, Buffer.from('null')), summary(1)]],
      ['a count that is another', [a, summary(2)]],
      ['fewer received', [a, summary(1, { received: 1n })]],
      ['a reason of denial', [a, summary(1, { reason: Reason.SCOPE })]],
      ['no reason', [a, summary(1, { reason: Reason.UNSPECIFIED })]],
      ['something behind the summary', [a, summary(1), b]],
      ['an empty part', [{ part: { case: undefined } }, summary(0)]],
    ];
    let reply = [a, summary(1)] as ReturnType<NonNullable<Script['filterResources']>>;
    await withServer({ filterResources: () => reply }, async (pdp) => {
      const question = { subject: 'm', resources: sent };
      assert.equal((await pdp.filterResources(question)).resources.length, 1);
      for (const [name, answer] of answers) {
        reply = answer;
        await assert.rejects(pdp.filterResources(question), NoDecision, name);
      }
    });
  });

  it('of a stream end it, and leave no question open', async () => {
    const decision = { case: 'decision' as const, value: PERMIT };
    const streams: [string, NonNullable<Script['checkStream']>, string[]][] = [
      ['answers to another question', (id) => [{ id: id + 1n, result: decision }], ['NO_DECISION', 'NO_DECISION']],
      ['ends', () => 'end', ['NO_DECISION', 'NO_DECISION']],
      ['answers nothing', (id) => [{ id, result: { case: undefined } }], ['NO_DECISION', 'NO_DECISION']],
      [
        'answers twice',
        (id) => [
          { id, result: decision },
          { id, result: decision },
        ],
        ['PERMIT', 'NO_DECISION'],
      ],
      ['answers', (id) => [{ id, result: decision }], ['PERMIT', 'PERMIT']],
    ];
    for (const [name, checkStream, expected] of streams) {
      await withServer({ checkStream }, async (pdp) => {
        const effects: string[] = [];
        for await (const { effect } of pdp.checkStream([QUESTION, QUESTION])) effects.push(effect);
        assert.deepEqual(effects, expected, name);
      });
    }
  });

  it('of a stream do not outlast it: what is asked later is asked anew', async () => {
    let isFirst = true;
    const checkStream: NonNullable<Script['checkStream']> = (id) => {
      if (!isFirst) return [{ id, result: { case: 'decision', value: PERMIT } }];
      isFirst = false;
      return 'end';
    };
    await withServer({ checkStream }, async (pdp) => {
      const effects: string[] = [];
      for await (const { effect } of pdp.checkStream([QUESTION, QUESTION, QUESTION], { maxInFlight: 1 })) {
        effects.push(effect);
      }
      assert.deepEqual(effects, ['NO_DECISION', 'PERMIT', 'PERMIT']);
    });
  });
});

describe('what is sent along', () => {
  it('is the trace and a fresh token', async () => {
    const seen: [unknown, unknown, unknown][] = [];
    let count = 0;
    await withServer(
      {
        check: (_, metadata) => {
          seen.push([
            metadata.get('traceparent')[0],
            metadata.get('x-request-id')[0],
            metadata.get('authorization')[0],
          ]);
          return PERMITTED;
        },
      },
      async (pdp) => {
        const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
        await pdp.check(QUESTION, { trace: { traceparent, requestId: 'r-1' } });
        await pdp.check(QUESTION, { trace: { traceparent: 'x\r\ny', requestId: 'a b' } });
        assert.deepEqual(seen, [
          [traceparent, 'r-1', 'Bearer secret-1'],
          [undefined, undefined, 'Bearer secret-2'],
        ]);
        assert.ok(!JSON.stringify(pdp).includes('secret'));
      },
      { token: () => `secret-${++count}` },
    );
  });

  it('is nothing where the token provider fails, and its words are not told', async () => {
    const token = (): string => {
      throw new Error('the secret is hunter2');
    };
    await withServer(
      { check: () => PERMITTED },
      async (pdp, server, events) => {
        const decision = await pdp.check(QUESTION);
        assert.equal(decision.failure?.status, 'UNAUTHENTICATED');
        assert.equal(server.calls, 0);
        assert.ok(!JSON.stringify([decision.failure, events]).includes('hunter2'));
      },
      { token },
    );
  });

  it('is no token over plaintext to another host', () => {
    const token = (): string => 'secret';
    assert.throws(() => new PdpClient('pdp.example.com:8990', { insecure: true, token }), /plaintext/);
    assert.throws(() => new PdpClient('dns:///pdp.example.com:8990', { insecure: true, token }), /plaintext/);
    assert.throws(() => new PdpClient('127.0.0.1.example.com:8990', { insecure: true, token }), /plaintext/);
    assert.throws(() => new PdpClient('pdp:8990'), /insecure/);
    new PdpClient('localhost:8990', { insecure: true, token }).close();
    new PdpClient('unix:/run/pdp.sock', { token }).close();
  });

  it('survives a hook that throws', async () => {
    const onCall = (): void => {
      throw new Error('hook');
    };
    await withServer({ check: () => PERMITTED }, async (pdp) => assert.ok((await pdp.check(QUESTION)).permitted), {
      onCall,
    });
  });
});

describe('a server that goes away', () => {
  it('leaves no decision, and is found again', async () => {
    const first = await FakeServer.start({ check: () => PERMITTED });
    const pdp = new PdpClient(first.target, { insecure: true, deadlineMs: 5_000 });
    assert.ok((await pdp.check(QUESTION)).permitted);
    first.stop();
    const decision = await pdp.check(QUESTION);
    assert.equal(decision.effect, 'NO_DECISION');
    assert.equal(decision.httpStatus, 503);
    const port = Number(first.target.split(':')[1]);
    const second = await FakeServer.start({ check: () => PERMITTED }, port);
    const isBack = async (): Promise<boolean> => (await pdp.check(QUESTION)).permitted;
    for (let i = 0; i < 100 && !(await isBack()); ++i) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(await isBack());
    pdp.close();
    second.stop();
  });

  it('hangs, and goes on: deadlines hold', async () => {
    const server = await Pdpd.start();
    const pdp = new PdpClient(server.target, { insecure: true, ...LONG });
    const question = {
      subject: clinic.PATIENT_MEMBER,
      interaction: 'read',
      resource: `Patient/${clinic.PATIENT_1}`,
    } as const;
    assert.ok((await pdp.check(question)).permitted);
    server.process.kill('SIGSTOP');
    // Its threads stop one by one.
    const isStopped = async (): Promise<boolean> =>
      (await pdp.check(question, { deadlineMs: 100 })).failure?.status === 'DEADLINE_EXCEEDED';
    for (let i = 0; i < 100 && !(await isStopped()); ++i);
    assert.ok(await isStopped());
    server.process.kill('SIGCONT');
    assert.ok((await pdp.check(question)).permitted);
    pdp.close();
    await server.stop();
  });

  it('has too much to do: no decision, and no second call', async () => {
    const server = await Pdpd.start({ flags: ['--limits.caller-calls-per-second', '1'] });
    const events: CallEvent[] = [];
    const pdp = new PdpClient(server.target, { insecure: true, ...LONG, onCall: (event) => events.push(event) });
    const question = {
      subject: clinic.PATIENT_MEMBER,
      interaction: 'read',
      resource: `Patient/${clinic.PATIENT_2}`,
    } as const;
    const decisions = await Promise.all(Array.from({ length: 20 }, () => pdp.check(question)));
    const refused = decisions.filter(({ failure }) => failure?.status === 'RESOURCE_EXHAUSTED');
    assert.ok(refused.length > 0);
    assert.ok(decisions.every(({ effect }) => effect === 'DENY' || effect === 'NO_DECISION'));
    assert.ok(events.every(({ retried }) => !retried));
    pdp.close();
    await server.stop();
  });

  it('is killed under load: every question has an answer, and none a wrong one', async () => {
    const server = await Pdpd.start();
    const pdp = new PdpClient(server.target, { insecure: true, deadlineMs: 2_000 });
    const question = {
      subject: clinic.PATIENT_MEMBER,
      interaction: 'read',
      resource: `Patient/${clinic.PATIENT_2}`,
    } as const;
    const answers = Promise.all(Array.from({ length: 200 }, () => pdp.check(question)));
    const streamed: string[] = [];
    const stream = (async () => {
      for await (const { effect } of pdp.checkStream(Array.from({ length: 2_000 }, () => question))) {
        if (streamed.push(effect) === 10) server.process.kill('SIGKILL');
      }
    })();
    const decisions = await answers;
    await stream;
    assert.equal(streamed.length, 2_000);
    assert.ok(streamed.includes('NO_DECISION'));
    for (const effect of [...decisions.map((decision) => decision.effect), ...streamed]) {
      assert.ok(effect === 'DENY' || effect === 'NO_DECISION', effect);
    }
    pdp.close();
  });
});
