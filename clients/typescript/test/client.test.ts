/** The client against a real pdpd. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';

import { type CallEvent, type CheckQuestion, NoDecision, PdpClient, PermissionDenied } from '../src';
import * as clinic from './support/clinic';
import { Pdpd } from './support/pdpd';

const CALL = { deadlineMs: 30_000 };

function read(subject: string, id: string): CheckQuestion {
  return { subject, interaction: 'read', resource: `Patient/${id}` };
}

describe('PdpClient', () => {
  let server: Pdpd;
  let pdp: PdpClient;
  const events: CallEvent[] = [];

  before(async () => {
    server = await Pdpd.start();
    pdp = new PdpClient(server.target, { insecure: true, ...CALL, onCall: (event) => events.push(event) });
  });
  after(async () => {
    pdp.close();
    await server.stop();
  });

  it('permits a patient her own record, and denies another', async () => {
    const own = await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1));
    assert.equal(own.effect, 'PERMIT');
    assert.ok(own.permitted);
    assert.equal(own.httpStatus, 200);
    assert.equal(own.reason, 'PERMITTED');
    assert.match(own.decisionId, /^[0-9a-f-]{36}$/);
    assert.equal(own.entry?.policy.split('/')[0], 'AccessPolicy');

    const other = await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_2));
    assert.equal(other.effect, 'DENY');
    assert.ok(other.denied && !other.permitted && !other.permittedIf(['HIDDEN_FIELDS']));
    assert.equal(other.httpStatus, 403);
  });

  it('raises where a permission is required', async () => {
    const decision = await pdp.requireCheck(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1));
    assert.ok(decision.permitted);
    await assert.rejects(pdp.requireCheck(read(clinic.PATIENT_MEMBER, clinic.PATIENT_2)), (error: unknown) => {
      assert.ok(error instanceof PermissionDenied);
      assert.equal(error.httpStatus, 403);
      assert.ok(error.decisionId !== '' && error.message.includes(error.decisionId));
      return true;
    });
    await assert.rejects(pdp.requireCheck(read('ProjectMembership/nobody', clinic.PATIENT_1)), (error: unknown) => {
      assert.ok(error instanceof PermissionDenied);
      assert.equal(error.httpStatus, 401);
      return true;
    });
  });

  it('does not take a permit with hidden fields for a plain one', async () => {
    const question = read(clinic.SCORE_SERVICE, clinic.PATIENT_1);
    const decision = await pdp.check(question);
    assert.equal(decision.effect, 'PERMIT_WITH_OBLIGATIONS');
    assert.ok(!decision.permitted && decision.permittedWithObligations);
    assert.deepEqual(decision.obligations, ['HIDDEN_FIELDS']);
    assert.ok(!decision.permittedIf([]) && !decision.permittedIf(['READONLY_FIELDS']));
    assert.ok(decision.permittedIf(['HIDDEN_FIELDS']));
    await assert.rejects(pdp.requireCheck(question), PermissionDenied);
    const patient = clinic.clinicResources().find(({ id }) => id === clinic.PATIENT_1);
    assert.ok(patient && 'name' in patient);
    assert.ok(!('name' in decision.strip(patient)));
    assert.ok('name' in patient, 'the original is left as it is');
  });

  it('answers a question that cannot be asked with no decision', async () => {
    for (const resource of ['', 'Patient/1/_history/2', '/x']) {
      const decision = await pdp.check({ subject: clinic.PATIENT_MEMBER, interaction: 'read', resource });
      assert.equal(decision.effect, 'NO_DECISION', resource);
      assert.equal(decision.failure?.status, 'INVALID_ARGUMENT');
      assert.ok(decision.failure.callerFault);
      assert.equal(decision.httpStatus, 503);
    }
    const circular: { self?: object } = {};
    circular.self = circular;
    const decision = await pdp.check({
      subject: clinic.PATIENT_MEMBER,
      interaction: 'create',
      resource: { type: 'Patient', proposed: circular },
    });
    assert.equal(decision.effect, 'NO_DECISION');
    assert.equal((await pdp.check({ ...read('', clinic.PATIENT_1) })).effect, 'NO_DECISION');
  });

  it('splits many questions, and puts the answers back in order', async () => {
    const small = new PdpClient(server.target, { insecure: true, ...CALL, batchItems: 7 });
    const ids = [clinic.PATIENT_1, clinic.PATIENT_2, clinic.SOUTH_PATIENT];
    const items = Array.from({ length: 50 }, (_, i) => ({
      interaction: 'read' as const,
      resource: `Patient/${ids[i % 3] ?? ''}`,
    }));
    const decisions = await small.checkMany({ subject: clinic.PATIENT_MEMBER, items });
    assert.equal(decisions.length, 50);
    decisions.forEach((decision, i) => assert.equal(decision.permitted, i % 3 === 0, `item ${i}`));
    // One item that cannot be judged leaves the others as they are.
    const mixed = await small.checkMany({
      subject: clinic.PATIENT_MEMBER,
      items: [
        { interaction: 'read', resource: `Patient/${clinic.PATIENT_1}` },
        { interaction: 'create', resource: 'Patient' },
        { interaction: 'read', resource: `Patient/${clinic.PATIENT_2}` },
      ],
    });
    assert.deepEqual(
      mixed.map(({ effect }) => effect),
      ['PERMIT', 'NO_DECISION', 'DENY'],
    );
    assert.equal(mixed[1]?.failure?.status, 'INVALID_ARGUMENT');
    assert.deepEqual(await small.checkMany({ items: [] }), []);
    small.close();
  });

  it('leaves an item that cannot be asked without a decision, and no other', async () => {
    const circular: { self?: object } = {};
    circular.self = circular;
    const good = { interaction: 'read' as const, resource: `Patient/${clinic.PATIENT_1}` };
    const decisions = await pdp.checkMany({
      subject: clinic.PATIENT_MEMBER,
      items: [
        good,
        { interaction: 'read', resource: { body: circular } },
        { interaction: 'read', resource: 'a/b/c' },
        { interaction: 'none' as 'read', resource: good.resource },
        { ...good, subject: '' },
        good,
      ],
    });
    assert.deepEqual(
      decisions.map(({ effect }) => effect),
      ['PERMIT', 'NO_DECISION', 'NO_DECISION', 'NO_DECISION', 'NO_DECISION', 'PERMIT'],
    );
  });

  it('splits what is too large for a message', async () => {
    const patient = clinic.clinicResources().find(({ id }) => id === clinic.PATIENT_1);
    const items = Array.from({ length: 12 }, (_, i) => ({
      interaction: 'read' as const,
      resource: { body: { ...patient, text: { status: 'generated', div: `${i}${'x'.repeat(700_000)}` } } },
    }));
    const decisions = await pdp.checkMany({ subject: clinic.NORTH_CLINICIAN, items });
    assert.deepEqual(new Set(decisions.map(({ effect }) => effect)), new Set(['PERMIT']));
  });

  it('has no decision where there is no time left', async () => {
    for (const deadlineMs of [0, -5, Number.NaN]) {
      const decision = await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1), { deadlineMs });
      assert.equal(decision.failure?.status, 'DEADLINE_EXCEEDED');
    }
    const long = await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1), {
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    assert.ok(long.permitted);
  });

  it('can be logged, and no resource nor search is in the log', async () => {
    const decision = await pdp.check({
      subject: clinic.NORTH_NURSE,
      interaction: 'create',
      resource: {
        proposed: {
          resourceType: 'Observation',
          status: 'final',
          code: { text: 'Zzplanted' },
          subject: { reference: `Patient/${clinic.PATIENT_1}` },
        },
      },
      returnCompletedResource: true,
    });
    assert.ok(decision.write?.resource.includes('Zzplanted'));
    const filter = await pdp.filter({ subject: clinic.NORTH_NURSE, resourceType: 'Patient', query: 'name=Zzplanted' });
    assert.ok(filter.queries.join().includes('Zzplanted'));
    const error = new PermissionDenied(decision);
    for (const text of [
      JSON.stringify(decision),
      inspect(decision),
      JSON.stringify(filter),
      inspect(filter),
      inspect(error, { depth: 9 }),
    ]) {
      assert.match(
        text,
        new RegExp(
          text === JSON.stringify(filter) || text === inspect(filter) ? filter.decisionId : decision.decisionId,
        ),
      );
      assert.doesNotMatch(text, /Zzplanted/);
    }
  });

  it('has no decision once it is closed', async () => {
    const closed = new PdpClient(server.target, { insecure: true, ...CALL });
    closed.close();
    const question = read(clinic.PATIENT_MEMBER, clinic.PATIENT_1);
    assert.equal((await closed.check(question)).effect, 'NO_DECISION');
    for await (const { effect } of closed.checkStream([question])) assert.equal(effect, 'NO_DECISION');
    await assert.rejects(closed.filterResources({ subject: 'x', resources: [] }), NoDecision);
    await assert.rejects(closed.watchRevisions().next(), NoDecision);
  });

  it('sends a resource of several items once', async () => {
    const patient = clinic.clinicResources().find(({ id }) => id === clinic.PATIENT_1);
    assert.ok(patient);
    const resource = { body: patient };
    const decisions = await pdp.checkMany({
      subject: clinic.NORTH_CLINICIAN,
      items: (['read', 'history', 'delete'] as const).map((interaction) => ({ interaction, resource })),
    });
    assert.equal(decisions[0]?.effect, 'PERMIT');
    assert.equal(decisions[2]?.effect, 'DENY');
  });

  it('answers a stream in the order of its questions', async () => {
    function* questions(): Generator<CheckQuestion> {
      for (let i = 0; i < 500; ++i) {
        yield read(clinic.PATIENT_MEMBER, i % 5 === 0 ? clinic.PATIENT_1 : clinic.PATIENT_2);
      }
    }
    let i = 0;
    for await (const decision of pdp.checkStream(questions(), { maxInFlight: 32 })) {
      assert.equal(decision.effect, i % 5 === 0 ? 'PERMIT' : 'DENY');
      ++i;
    }
    assert.equal(i, 500);
  });

  it('answers a stream whose next question waits for the last answer', async () => {
    let answered: (() => void) | undefined;
    async function* questions(): AsyncGenerator<CheckQuestion> {
      for (let i = 0; i < 3; ++i) {
        const answer = new Promise<void>((resolve) => (answered = resolve));
        yield read(clinic.PATIENT_MEMBER, clinic.PATIENT_1);
        await answer;
      }
    }
    let count = 0;
    for await (const decision of pdp.checkStream(questions())) {
      assert.ok(decision.permitted);
      ++count;
      answered?.();
    }
    assert.equal(count, 3);
  });

  it('narrows a search', async () => {
    const answer = await pdp.filter({
      subject: clinic.NORTH_CLINICIAN,
      resourceType: 'Patient',
      query: 'gender=female',
    });
    assert.equal(answer.kind, 'CONDITIONAL');
    assert.ok(answer.permitted);
    for (const query of answer.queries) {
      assert.match(query, /^Patient\?/);
      assert.match(query, /gender=female/);
      assert.match(query, /_project=/);
    }
    assert.ok(answer.condition);
    const refused = await pdp.filter({
      subject: clinic.NORTH_CLINICIAN,
      resourceType: 'Patient',
      query: '_include=Patient:organization',
    });
    assert.equal(refused.kind, 'ALWAYS_DENIED');
    assert.equal(refused.reason, 'QUERY_NOT_SAFE');
    assert.deepEqual(refused.queries, []);
    assert.throws(
      () => refused.require(),
      (error: unknown) => {
        assert.ok(error instanceof PermissionDenied);
        assert.match(error.message, /_include/);
        return true;
      },
    );
  });

  it('filters resources, and removes hidden fields', async () => {
    const patients = clinic.clinicResources().filter(({ resourceType }) => resourceType === 'Patient');
    const filtered = await pdp.filterResources({ subject: clinic.SCORE_SERVICE, resources: patients });
    assert.ok(filtered.resources.length > 0 && filtered.denied > 0);
    assert.equal(filtered.resources.length + filtered.denied, patients.length);
    filtered.resources.forEach((patient, i) => {
      assert.equal(patient.id, patients[filtered.indexes[i] ?? -1]?.id);
      assert.ok(!('name' in patient));
    });
    const none = await pdp.filterResources({ subject: 'ProjectMembership/nobody', resources: patients });
    assert.deepEqual(none.resources, []);
    assert.equal(none.reason, 'SUBJECT_UNKNOWN');
    assert.deepEqual((await pdp.filterResources({ subject: clinic.SCORE_SERVICE, resources: [] })).resources, []);
  });

  it('explains, describes, and names the tenants', async () => {
    const explained = await pdp.explain({ check: read(clinic.PATIENT_MEMBER, clinic.PATIENT_2) });
    assert.equal(explained.decision.effect, 'DENY');
    assert.ok(explained.summary !== '' && explained.entries.length > 0);
    const described = await pdp.describe({ subject: clinic.MSO_STAFF });
    assert.equal(described.membership, clinic.MSO_STAFF);
    assert.equal(described.reason, 'PERMITTED');
    const tenants = await pdp.tenants(clinic.MSO_STAFF);
    assert.deepEqual(tenants.map(({ reference }) => reference).sort(), [clinic.NORTH, clinic.SOUTH]);
    assert.deepEqual(await pdp.tenants('ProjectMembership/nobody'), []);
    await assert.rejects(pdp.explain({ decisionId: 'none' }), NoDecision);
  });

  it('records what was done', async () => {
    const { decisionId } = await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1));
    await pdp.recordAccess({ decisionId, event: 'viewed' });
    await assert.rejects(pdp.recordAccess({ decisionId: '', event: 'viewed' }), NoDecision);
  });

  it('watches revisions until the caller leaves', async () => {
    for await (const change of pdp.watchRevisions([clinic.PATIENT_MEMBER])) {
      assert.ok(change.revision > 0n);
      assert.deepEqual(change.changed, []);
      break;
    }
    const abort = new AbortController();
    let seen = 0;
    for await (const change of pdp.watchRevisions([], { signal: abort.signal })) {
      assert.ok(change.revision > 0n);
      ++seen;
      abort.abort();
    }
    assert.equal(seen, 1);
  });

  it('reaches a Unix socket', async () => {
    const local = new PdpClient(server.socket, CALL);
    assert.ok((await local.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_1))).permitted);
    local.close();
  });

  it('tells the hook of each call', async () => {
    events.length = 0;
    await pdp.check(read(clinic.PATIENT_MEMBER, clinic.PATIENT_2));
    assert.equal(events.length, 1);
    const [event] = events;
    assert.equal(event?.method, 'Check');
    assert.equal(event.status, 'OK');
    assert.equal(event.effect, 'DENY');
    assert.ok(event.seconds > 0 && !event.retried && !event.callerFault);
  });
});
