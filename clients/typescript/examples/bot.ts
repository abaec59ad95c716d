/**
 * A Medplum bot that works for the member who set it off: it looks for a
 * patient's open Tasks and adds one to call the patient. It reaches what the
 * member reaches, although its own token reaches more.
 *
 * In Medplum: a Bot on a Subscription or behind `$execute`; `event.secrets` has
 * the address of the decision point and the CA of its certificate.
 */

import type { BotEvent, MedplumClient } from '@medplum/core';
import { PdpClient, type Subject, traceOfHeaders } from '@medplum-pdp/client';
import { guardMedplum } from '@medplum-pdp/client/medplum';

/** What the bot is asked to do. */
export interface Reminder {
  /** The patient whose Tasks are meant. */
  readonly patient: string;
}

/** What it did. */
export interface Reminded {
  readonly tasks: readonly string[];
}

/** For one member: everything in here is what the member may do. */
export async function remind(
  medplum: MedplumClient,
  pdp: PdpClient,
  member: Subject,
  { patient }: Reminder,
  requestId?: string,
): Promise<Reminded> {
  const guarded = guardMedplum(medplum, { pdp, subject: member, trace: { requestId } });
  const subject = await guarded.readReference({ reference: patient });
  const tasks = await guarded.searchResources('Task', { patient, status: 'requested' });
  if (tasks.length === 0) return { tasks: [] };
  await guarded.createResource({
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    description: `Call about ${tasks.length} open tasks`,
    for: { reference: `${subject.resourceType}/${subject.id}` },
  });
  return { tasks: tasks.map(({ id }) => id) };
}

/** The bot. Its requester is who set it off; a bot without one has no member. */
export async function handler(medplum: MedplumClient, event: BotEvent<Reminder>): Promise<Reminded> {
  const member = event.requester?.reference;
  const target = event.secrets['PDP_TARGET']?.valueString;
  if (!member || !target) throw new Error('no requester, or no secret PDP_TARGET');
  const caFile = event.secrets['PDP_CA_FILE']?.valueString;
  const token = event.secrets['PDP_TOKEN']?.valueString;
  const pdp = new PdpClient(target, {
    ...(caFile === undefined ? { insecure: true } : { tls: { caFile } }),
    ...(token === undefined ? {} : { token: () => token }),
  });
  try {
    const { requestId } = traceOfHeaders(event.traceId ? { 'x-request-id': event.traceId } : {});
    return await remind(medplum, pdp, member, event.input, requestId);
  } finally {
    pdp.close();
  }
}
