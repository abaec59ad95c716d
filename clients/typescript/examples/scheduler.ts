/**
 * A scheduler of a management organization: one consolidated day over two
 * clinics, of which each member of staff sees what is theirs. It asks about all
 * Appointments of the day in one message.
 */

import { type Decision, PdpClient, type Subject, stripHiddenFields } from '@medplum-pdp/client';

/** An Appointment as Medplum sends it with `X-Medplum: extended`. */
export interface Appointment {
  readonly resourceType: 'Appointment';
  readonly id: string;
  readonly start?: string;
  readonly meta: object;
}

/** What a line of the day is to one member of staff. */
export interface Line {
  readonly appointment: Appointment;
  /** May it be changed at all? The change itself is checked when it is made. */
  readonly mayChange: boolean;
  readonly mayDelete: boolean;
}

/** There is no day to show: not every question was answered. */
export class NoDay extends Error {}

const INTERACTIONS = ['read', 'update', 'delete'] as const;

/** The day as `staff` may see it, within `clinic` where one is chosen. */
export async function consolidatedDay(
  pdp: PdpClient,
  staff: Subject,
  appointments: readonly Appointment[],
  clinic?: string,
): Promise<Line[]> {
  const decisions = await pdp.checkMany({
    subject: staff,
    ...(clinic === undefined ? {} : { context: { activeTenants: [clinic] } }),
    items: appointments.flatMap((appointment) => {
      // One object in several items is sent and parsed once.
      const stored = { body: appointment };
      const resource = { body: appointment, proposed: appointment };
      return [
        { interaction: 'read' as const, resource: stored },
        { interaction: 'update' as const, resource },
        { interaction: 'delete' as const, resource: stored },
      ];
    }),
  });
  // A day with holes would be taken for a free one.
  if (decisions.some(({ noDecision }) => noDecision))
    throw new NoDay('the decision point did not answer every question');

  const lines: Line[] = [];
  appointments.forEach((appointment, i) => {
    const [read, update, remove] = INTERACTIONS.map(
      (_, j): Decision | undefined => decisions[i * INTERACTIONS.length + j],
    );
    if (!read?.permittedIf(['HIDDEN_FIELDS'])) return;
    lines.push({
      appointment: stripHiddenFields(appointment, read.hiddenFields),
      mayChange: update?.permittedIf(['HIDDEN_FIELDS', 'READONLY_FIELDS']) ?? false,
      mayDelete: remove?.permittedIf(['HIDDEN_FIELDS']) ?? false,
    });
  });
  return lines.sort((a, b) => (a.appointment.start ?? '').localeCompare(b.appointment.start ?? ''));
}
