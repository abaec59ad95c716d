/** Which methods of MedplumClient a guard has, and which it refuses. */

/** Checked, narrowed and stripped. */
export const GUARDED_METHODS = [
  'search',
  'searchOne',
  'searchResources',
  'searchResourcePages',
  'readResource',
  'readReference',
  'readCanonical',
  'readHistory',
  'readVersion',
  'createResource',
  'createResourceIfNoneExist',
  'upsertResource',
  'updateResource',
  'patchResource',
  'deleteResource',
  // A guard caches nothing: these find nothing.
  'getCached',
  'getCachedReference',
] as const;

/** Reach no server, and tell nothing that was read from one. */
export const LOCAL_METHODS = [
  'getBaseUrl',
  'getAuthorizeUrl',
  'getTokenUrl',
  'getLogoutUrl',
  'getFhircastHubUrl',
  'getCdsServicesUrl',
  'fhirUrl',
  'fhirSearchUrl',
  'invalidateUrl',
  'invalidateAll',
  'invalidateSearches',
  'isInitialized',
  'isLoading',
  'getInitPromise',
  'rateLimitStatus',
  'getLogLevel',
] as const;

/**
 * Would reach the server unguarded, or tell of the bot's own session: refused
 * unless `allow` names them. What is not in these lists is refused in any case.
 */
export const REFUSED_METHODS = [
  // Any request.
  'get',
  'post',
  'put',
  'patch',
  'delete',
  'wrappedFetch',
  'startAsyncRequest',
  'executeBatch',
  'graphql',
  // Operations.
  'executeBot',
  'bulkExport',
  'readPatientEverything',
  'readPatientSummary',
  'readResourceGraph',
  'valueSetExpand',
  'validateResource',
  'requestSchema',
  'requestProfileSchema',
  'pushToAgent',
  'sendEmail',
  'invite',
  'getCdsServices',
  'callCdsService',
  // Content, and what is made of it.
  'download',
  'downloadResponse',
  'createAttachment',
  'createBinary',
  'createPdf',
  'createComment',
  'createMedia',
  'createDocumentReference',
  'uploadMedia',
  'uploadwithProgress',
  'keyValue',
  // Notifications, which carry resources as they are.
  'subscribeToCriteria',
  'unsubscribeFromCriteria',
  'getSubscriptionManager',
  'getMasterSubscriptionEmitter',
  'fhircastSubscribe',
  'fhircastUnsubscribe',
  'fhircastConnect',
  'fhircastPublish',
  'fhircastGetContext',
  'addEventListener',
  'removeEventListener',
  'removeAllListeners',
  'dispatchEvent',
  'listenerCount',
  'notifyResourceModified',
  // The bot's own session.
  'getActiveLogin',
  'setActiveLogin',
  'getLogins',
  'getAccessToken',
  'setAccessToken',
  'setBasicAuth',
  'getDefaultHeaders',
  'getProfile',
  'getProfileAsync',
  'getProject',
  'getProjectMembership',
  'getAccessPolicy',
  'getUserConfiguration',
  'isAuthenticated',
  'isSuperAdmin',
  'isProjectAdmin',
  'clear',
  'clearActiveLogin',
  'refreshIfExpired',
  'ensureCodeChallenge',
  'exchangeExternalAccessToken',
  'getExternalAuthRedirectUri',
  'processCode',
  'signInWithExternalAuth',
  'signInWithRedirect',
  'signOut',
  'signOutWithRedirect',
  'startClientLogin',
  'startGoogleLogin',
  'startJwtAssertionLogin',
  'startJwtBearerLogin',
  'startLogin',
  'startNewPatient',
  'startNewProject',
  'startNewUser',
  'startPkce',
  'setLogLevel',
  'setVerbose',
] as const;

/** A method that is checked, narrowed and stripped. */
export type GuardedMethod = (typeof GUARDED_METHODS)[number];
/** A method that reaches no server. */
export type LocalMethod = (typeof LOCAL_METHODS)[number];
/** A method that is refused unless it is allowed by name. */
export type RefusedMethod = (typeof REFUSED_METHODS)[number];
