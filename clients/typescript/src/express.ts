/**
 * Middleware for Express (4 and 5): a request goes on only where its sender is
 * permitted to make it.
 *
 * @packageDocumentation
 */

import type { IncomingHttpHeaders } from 'node:http';

import type { PdpClient } from './client';
import type { Decision, HttpStatus, Obligation } from './decision';
import { PdpError } from './errors';
import type { Consistency, Context, Interaction, ResourceRef, Subject } from './questions';
import { traceOfHeaders } from './trace';

/** What the middleware uses of Express's Request. */
export interface HttpRequest {
  readonly params: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
}

/** What the middleware uses of Express's Response. */
export interface HttpResponse {
  readonly headersSent: boolean;
  readonly locals: Record<string, unknown>;
  setHeader(name: string, value: string): unknown;
  status(code: number): { json(body: unknown): unknown };
}

/** Goes on, if need be with an error. */
export type Next = (error?: unknown) => void;

/**
 * Where the tenant of a request is: a parameter of the URL, a header, or the
 * member's UserConfiguration (`stored`). A value is `Type/id`, or an id where
 * `type` says of what.
 */
export type TenantSource =
  { readonly param: string; readonly type?: string } | { readonly header: string; readonly type?: string } | 'stored';

type Promised<T> = T | Promise<T>;

/** Which request may go on. */
export interface PermissionOptions<Request extends HttpRequest = HttpRequest> {
  readonly pdp: Pick<PdpClient, 'check'>;
  readonly interaction: Interaction | ((request: Request) => Interaction);
  /** What the request is about; `fromParams` for the usual. Undefined: 403. */
  readonly resource: ResourceRef | ((request: Request) => Promised<ResourceRef | undefined>);
  /**
   * Who asks. Default: the Medplum access token of the `Authorization` header.
   * Undefined: 401.
   */
  readonly subject?: (request: Request) => Promised<Subject | undefined>;
  /**
   * Where the tenant is, and only its data are reached; the decision itself
   * validates it. Of several sources the first that names one, `stored` last.
   * Named differently in two, named wrongly, or not at all: 403, never all
   * tenants.
   */
  readonly tenant?: TenantSource | readonly TenantSource[];
  /** More of the circumstances, such as `remoteAddress`. */
  readonly context?: (request: Request) => Promised<Context>;
  readonly consistency?: Consistency;
  /** What the handler behind it honors, with `decisionOf(response)`. */
  readonly obligations?: readonly Obligation[];
  readonly deadlineMs?: number;
  /** Told of what the functions above throw; the answer is 503. */
  readonly onError?: (error: unknown) => void;
}

const REFERENCE = /^[A-Z][A-Za-z]{1,63}\/(?!\.{1,2}$)[A-Za-z0-9.-]{1,64}$/;
const BEARER = /^Bearer +([^\s,]+)$/i;
const LOCAL = 'pdpDecision';

/** The decision by which the request came through. */
export function decisionOf(response: Pick<HttpResponse, 'locals'>): Decision {
  const decision = response.locals[LOCAL];
  if (decision === undefined) throw new Error('no requirePermission before this handler');
  return decision as Decision;
}

/** The resource of a URL such as `/patients/:id`: `fromParams('Patient', 'id')`. */
export function fromParams(type: string, param: string): (request: HttpRequest) => ResourceRef | undefined {
  return (request) => {
    const id = request.params[param];
    return typeof id === 'string' && REFERENCE.test(`${type}/${id}`) ? { type, id } : undefined;
  };
}

/** The Medplum access token of a request. */
export function bearerToken(request: HttpRequest): Subject | undefined {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1];
  return token === undefined ? undefined : { accessToken: token };
}

/** The same for all that is not permitted, that does not exist included. */
function answer(response: HttpResponse, status: HttpStatus, decisionId: string): void {
  response.setHeader('Cache-Control', 'no-store');
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  response.status(status === 200 ? 403 : status).json({ decisionId: decisionId === '' ? null : decisionId });
}

/** What the sources say of the tenant; undefined where the request must not go on. */
function tenantContext(request: HttpRequest, sources: readonly TenantSource[]): Context | undefined {
  const named = new Set<unknown>();
  for (const source of sources) {
    if (source === 'stored') continue;
    const value: unknown =
      'param' in source ? request.params[source.param] : request.headers[source.header.toLowerCase()];
    if (value === undefined) continue;
    named.add(typeof value === 'string' && source.type !== undefined ? `${source.type}/${value}` : value);
  }
  if (named.size === 0) return sources.includes('stored') ? { useStoredTenant: true } : undefined;
  const [tenant] = named;
  if (named.size > 1 || typeof tenant !== 'string' || !REFERENCE.test(tenant)) return undefined;
  return { activeTenants: [tenant] };
}

function isTenantSources(tenant: TenantSource | readonly TenantSource[]): tenant is readonly TenantSource[] {
  return Array.isArray(tenant);
}

/**
 * Lets a request go on where its sender may do what it asks for, in the tenant
 * that it names. Otherwise it is answered with 403, 401 or 503 and
 * `{"decisionId": ...}`, whatever the reason.
 */
export function requirePermission<Request extends HttpRequest = HttpRequest>(
  options: PermissionOptions<Request>,
): (request: Request, response: HttpResponse, next: Next) => Promise<void> {
  const { pdp, interaction, resource, tenant } = options;

  const decide = async (request: Request): Promise<Decision | { status: HttpStatus }> => {
    const subject = await (options.subject ?? bearerToken)(request);
    if (subject === undefined) return { status: 401 };
    const about = typeof resource === 'function' ? await resource(request) : resource;
    if (about === undefined) return { status: 403 };
    const inTenant = tenant === undefined ? {} : tenantContext(request, isTenantSources(tenant) ? tenant : [tenant]);
    if (inTenant === undefined) return { status: 403 };
    const agent = request.headers['user-agent'];
    return pdp.check(
      {
        subject,
        interaction: typeof interaction === 'function' ? interaction(request) : interaction,
        resource: about,
        context: {
          ...(agent === undefined ? {} : { userAgent: agent }),
          ...(await options.context?.(request)),
          ...inTenant,
        },
        ...(options.consistency ? { consistency: options.consistency } : {}),
      },
      {
        trace: traceOfHeaders(request.headers),
        ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
      },
    );
  };

  return async (request, response, next) => {
    let decision: Decision | { status: HttpStatus };
    try {
      decision = await decide(request);
    } catch (error) {
      options.onError?.(error);
      answer(response, 503, '');
      return;
    }
    if ('status' in decision) {
      answer(response, decision.status, '');
    } else if (decision.permittedIf(options.obligations ?? [])) {
      response.locals[LOCAL] = decision;
      next();
    } else {
      answer(response, decision.httpStatus, decision.decisionId);
    }
  };
}

/**
 * Answers what a handler let through: PermissionDenied and NoDecision, of
 * `requireCheck` or of a guarded MedplumClient. `app.use(pdpErrors())` behind
 * the routes.
 */
export function pdpErrors(): (error: unknown, request: HttpRequest, response: HttpResponse, next: Next) => void {
  return (error, _request, response, next) => {
    if (!(error instanceof PdpError) || response.headersSent) {
      next(error);
      return;
    }
    const status = error.httpStatus === 401 || error.httpStatus === 403 ? error.httpStatus : 503;
    answer(response, status, error.decisionId);
  };
}
