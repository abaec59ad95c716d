/** A decision point that answers as a test says, over a real socket. */

import { type MessageInitShape, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  status,
  type sendUnaryData,
} from '@grpc/grpc-js';

import {
  BatchCheckRequestSchema,
  BatchCheckResponseSchema,
  type CheckRequest,
  CheckRequestSchema,
  CheckResponseSchema,
  type DecisionSchema,
  Effect,
  FilterRequestSchema,
  FilterResourcesRequestSchema,
  FilterResourcesResponseSchema,
  FilterResponseSchema,
  PolicyDecisionPoint,
  Reason,
  CheckStreamRequestSchema,
  CheckStreamResponseSchema,
  RecordAccessRequestSchema,
  RecordAccessResponseSchema,
} from '../../src/api';

/** An answer, a status, raw bytes in place of an answer, or silence. */
export type Reply<T> = { answer: T } | { code: number; details: string } | { bytes: Uint8Array } | 'silence';

type DecisionInit = MessageInitShape<typeof DecisionSchema>;

export const PERMIT: DecisionInit = {
  effect: Effect.PERMIT,
  reason: Reason.PERMITTED,
  enforcementHttpStatus: 200,
  medplumHttpStatus: 200,
  decisionId: 'd-1',
};

export interface Script {
  check?: (request: CheckRequest, metadata: Metadata) => Reply<MessageInitShape<typeof CheckResponseSchema>>;
  batchCheck?: (items: number) => Reply<MessageInitShape<typeof BatchCheckResponseSchema>>;
  filter?: () => Reply<MessageInitShape<typeof FilterResponseSchema>>;
  recordAccess?: () => Reply<MessageInitShape<typeof RecordAccessResponseSchema>>;
  /** What to send when the client has sent all. */
  filterResources?: (sent: number) => MessageInitShape<typeof FilterResourcesResponseSchema>[];
  /** What to send for each question. */
  checkStream?: (id: bigint) => MessageInitShape<typeof CheckStreamResponseSchema>[] | 'end';
}

export class FakeServer {
  readonly #server = new Server();
  target = '';
  /** How many calls came. */
  calls = 0;

  static async start(script: Script, port = 0): Promise<FakeServer> {
    const fake = new FakeServer();
    fake.#serve(script);
    fake.target = await new Promise<string>((resolve, reject) => {
      fake.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(`127.0.0.1:${bound}`),
      );
    });
    return fake;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #unary(reply: Reply<Uint8Array>, send: sendUnaryData<Buffer>): void {
    if (reply === 'silence') return;
    if ('code' in reply) send({ code: reply.code, details: reply.details, metadata: new Metadata() });
    else send(null, Buffer.from('bytes' in reply ? reply.bytes : reply.answer));
  }

  #serve(script: Script): void {
    const unimplemented: Reply<never> = { code: status.UNIMPLEMENTED, details: 'not scripted' };
    const encode =
      <T>(encoder: (init: T) => Uint8Array) =>
      (reply: Reply<T>): Reply<Uint8Array> =>
        reply !== 'silence' && 'answer' in reply ? { answer: encoder(reply.answer) } : reply;
    const check = encode((init: MessageInitShape<typeof CheckResponseSchema>) =>
      toBinary(CheckResponseSchema, create(CheckResponseSchema, init)),
    );
    const batch = encode((init: MessageInitShape<typeof BatchCheckResponseSchema>) =>
      toBinary(BatchCheckResponseSchema, create(BatchCheckResponseSchema, init)),
    );
    const filter = encode((init: MessageInitShape<typeof FilterResponseSchema>) =>
      toBinary(FilterResponseSchema, create(FilterResponseSchema, init)),
    );
    const record = encode((init: MessageInitShape<typeof RecordAccessResponseSchema>) =>
      toBinary(RecordAccessResponseSchema, create(RecordAccessResponseSchema, init)),
    );
    const path = (name: string): string => `/${PolicyDecisionPoint.typeName}/${name}`;
    const unary = (name: string, handle: (call: ServerUnaryCall<Buffer, Buffer>) => Reply<Uint8Array>) => ({
      path: path(name),
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
      handle: (call: ServerUnaryCall<Buffer, Buffer>, send: sendUnaryData<Buffer>) => {
        ++this.calls;
        this.#unary(handle(call), send);
      },
    });
    const duplex = (name: string, handle: (call: ServerDuplexStream<Buffer, Buffer>) => void) => ({
      ...unary(name, () => unimplemented),
      requestStream: true,
      responseStream: true,
      handle: (call: ServerDuplexStream<Buffer, Buffer>) => {
        ++this.calls;
        handle(call);
      },
    });
    const methods = {
      check: unary('Check', (call) =>
        script.check ? check(script.check(fromBinary(CheckRequestSchema, call.request), call.metadata)) : unimplemented,
      ),
      batchCheck: unary('BatchCheck', (call) =>
        script.batchCheck
          ? batch(script.batchCheck(fromBinary(BatchCheckRequestSchema, call.request).items.length))
          : unimplemented,
      ),
      filter: unary('Filter', (call) => {
        fromBinary(FilterRequestSchema, call.request);
        return script.filter ? filter(script.filter()) : unimplemented;
      }),
      recordAccess: unary('RecordAccess', (call) => {
        fromBinary(RecordAccessRequestSchema, call.request);
        return script.recordAccess ? record(script.recordAccess()) : unimplemented;
      }),
      filterResources: duplex('FilterResources', (call) => {
        let sent = -1; // The header is none.
        call.on('data', (bytes: Buffer) => {
          fromBinary(FilterResourcesRequestSchema, bytes);
          ++sent;
        });
        call.on('end', () => {
          for (const init of script.filterResources?.(sent) ?? []) {
            call.write(
              Buffer.from(toBinary(FilterResourcesResponseSchema, create(FilterResourcesResponseSchema, init))),
            );
          }
          call.end();
        });
      }),
      checkStream: duplex('CheckStream', (call) => {
        call.on('data', (bytes: Buffer) => {
          const answers = script.checkStream?.(fromBinary(CheckStreamRequestSchema, bytes).id) ?? 'end';
          if (answers === 'end') {
            call.end();
            return;
          }
          for (const init of answers) {
            call.write(Buffer.from(toBinary(CheckStreamResponseSchema, create(CheckStreamResponseSchema, init))));
          }
        });
        call.on('end', () => call.end());
      }),
    };
    const handlers = Object.fromEntries(Object.entries(methods).map(([name, { handle }]) => [name, handle]));
    this.#server.addService(methods, handlers);
  }
}
