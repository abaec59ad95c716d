from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

AUTHENTICATION_BASIC: Authentication
AUTHENTICATION_LOGIN: Authentication
AUTHENTICATION_TOKEN: Authentication
AUTHENTICATION_UNSPECIFIED: Authentication
DESCRIPTOR: _descriptor.FileDescriptor
EFFECT_DENY: Effect
EFFECT_PERMIT: Effect
EFFECT_PERMIT_WITH_OBLIGATIONS: Effect
EFFECT_UNSPECIFIED: Effect
INTERACTION_CREATE: Interaction
INTERACTION_DELETE: Interaction
INTERACTION_HISTORY: Interaction
INTERACTION_PATCH: Interaction
INTERACTION_READ: Interaction
INTERACTION_SEARCH: Interaction
INTERACTION_UNSPECIFIED: Interaction
INTERACTION_UPDATE: Interaction
INTERACTION_VREAD: Interaction
MATCH_ERROR: Match
MATCH_NO: Match
MATCH_UNKNOWN: Match
MATCH_UNSPECIFIED: Match
MATCH_YES: Match
NOTE_CODE_COMPARTMENT_COMPUTED: NoteCode
NOTE_CODE_DURABLE_UNKNOWN: NoteCode
NOTE_CODE_NO_CHANGE: NoteCode
NOTE_CODE_PROJECT_ASSUMED: NoteCode
NOTE_CODE_REPEATED_PARAMETER: NoteCode
NOTE_CODE_SERVER_VERSION: NoteCode
NOTE_CODE_STALE: NoteCode
NOTE_CODE_STALE_RESOURCE: NoteCode
NOTE_CODE_STRICT_RULE: NoteCode
NOTE_CODE_UNSPECIFIED: NoteCode
READ_PATH_DURABLE_ONLY: ReadPath
READ_PATH_UNSPECIFIED: ReadPath
REASON_ACCOUNT_LOCKED: Reason
REASON_ACCOUNT_NOT_ALLOWED: Reason
REASON_ADDRESS_NOT_ALLOWED: Reason
REASON_AMBIGUOUS_SUBJECT: Reason
REASON_BLOCKED: Reason
REASON_EVALUATION_ERROR: Reason
REASON_FACT_MISSING: Reason
REASON_INCOMPLETE_RESOURCE: Reason
REASON_INTERACTION_NOT_GRANTED: Reason
REASON_INTERNAL: Reason
REASON_INVALID_RESOURCE: Reason
REASON_LIMIT_EXCEEDED: Reason
REASON_MFA_REQUIRED: Reason
REASON_NOT_SUPPORTED: Reason
REASON_ON_BEHALF_OF: Reason
REASON_PERMITTED: Reason
REASON_POLICY_INVALID: Reason
REASON_POLICY_MISSING: Reason
REASON_POLICY_UNAVAILABLE: Reason
REASON_PROJECT_BOUNDARY: Reason
REASON_PROTECTED_TYPE: Reason
REASON_QUERY_NOT_SAFE: Reason
REASON_RESOURCE_DELETED: Reason
REASON_RESOURCE_NOT_FOUND: Reason
REASON_RESOURCE_NOT_GRANTED: Reason
REASON_RESOURCE_TYPE_UNKNOWN: Reason
REASON_RESOURCE_UNAVAILABLE: Reason
REASON_RESULT_NOT_GRANTED: Reason
REASON_SCOPE: Reason
REASON_SECURITY_CONTEXT: Reason
REASON_SESSION_EXPIRED: Reason
REASON_SESSION_FACT_MISSING: Reason
REASON_SUBJECT_INACTIVE: Reason
REASON_SUBJECT_INCOMPLETE: Reason
REASON_SUBJECT_UNKNOWN: Reason
REASON_TENANT_NOT_ALLOWED: Reason
REASON_TOKEN_INVALID: Reason
REASON_UNSPECIFIED: Reason
REASON_VERSION_CONFLICT: Reason
REASON_WRITE_CONSTRAINT: Reason
STRICT_RULE_ACCOUNT_ALLOWED: StrictRule
STRICT_RULE_ADDRESS_BOUNDARY: StrictRule
STRICT_RULE_CREATE_NAMES_GRANTED_PATIENT: StrictRule
STRICT_RULE_DELETED_NEEDS_GRANT: StrictRule
STRICT_RULE_DURABLE_FIELDS: StrictRule
STRICT_RULE_DURABLE_READ: StrictRule
STRICT_RULE_EMPTY_INTERACTION: StrictRule
STRICT_RULE_FACT_REQUIRED: StrictRule
STRICT_RULE_MALFORMED_CRITERIA: StrictRule
STRICT_RULE_ON_BEHALF_OF_ACTIVE: StrictRule
STRICT_RULE_PARAMETER_STRUCTURE: StrictRule
STRICT_RULE_POLICY_PROJECT: StrictRule
STRICT_RULE_POLICY_REQUIRED: StrictRule
STRICT_RULE_SAFE_QUERY: StrictRule
STRICT_RULE_SMART_LETTERS: StrictRule
STRICT_RULE_UNSPECIFIED: StrictRule
STRICT_RULE_WILDCARD_CRITERIA_FIELDS: StrictRule

class Consistency(_message.Message):
    __slots__ = ["at_least_as_fresh", "at_least_revision", "fully_fresh", "max_staleness"]
    AT_LEAST_AS_FRESH_FIELD_NUMBER: _ClassVar[int]
    AT_LEAST_REVISION_FIELD_NUMBER: _ClassVar[int]
    FULLY_FRESH_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    at_least_as_fresh: _containers.RepeatedScalarFieldContainer[str]
    at_least_revision: int
    fully_fresh: bool
    max_staleness: _duration_pb2.Duration
    def __init__(self, max_staleness: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., fully_fresh: bool = ..., at_least_as_fresh: _Optional[_Iterable[str]] = ..., at_least_revision: _Optional[int] = ...) -> None: ...

class Context(_message.Message):
    __slots__ = ["active_tenants", "authentication", "extended_mode", "launch_patient", "on_behalf_of", "purpose_of_use", "read_path", "remote_address", "request_id", "session", "smart_scope", "traceparent", "use_stored_tenant", "user_agent"]
    ACTIVE_TENANTS_FIELD_NUMBER: _ClassVar[int]
    AUTHENTICATION_FIELD_NUMBER: _ClassVar[int]
    EXTENDED_MODE_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_PATIENT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_OF_USE_FIELD_NUMBER: _ClassVar[int]
    READ_PATH_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SMART_SCOPE_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    USE_STORED_TENANT_FIELD_NUMBER: _ClassVar[int]
    active_tenants: _containers.RepeatedScalarFieldContainer[str]
    authentication: Authentication
    extended_mode: bool
    launch_patient: str
    on_behalf_of: str
    purpose_of_use: str
    read_path: ReadPath
    remote_address: str
    request_id: str
    session: Session
    smart_scope: str
    traceparent: str
    use_stored_tenant: bool
    user_agent: str
    def __init__(self, smart_scope: _Optional[str] = ..., launch_patient: _Optional[str] = ..., extended_mode: bool = ..., remote_address: _Optional[str] = ..., authentication: _Optional[_Union[Authentication, str]] = ..., on_behalf_of: _Optional[str] = ..., active_tenants: _Optional[_Iterable[str]] = ..., purpose_of_use: _Optional[str] = ..., read_path: _Optional[_Union[ReadPath, str]] = ..., session: _Optional[_Union[Session, _Mapping]] = ..., user_agent: _Optional[str] = ..., request_id: _Optional[str] = ..., traceparent: _Optional[str] = ..., use_stored_tenant: bool = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ["decision_id", "durable_match", "effect", "enforcement_http_status", "entry", "hidden_fields", "medplum_http_status", "memory_match", "message", "notes", "readonly_fields", "reason", "revision", "valid_until", "versions", "write"]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DURABLE_MATCH_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    ENFORCEMENT_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    MEDPLUM_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MATCH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    READONLY_FIELDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    WRITE_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    durable_match: Match
    effect: Effect
    enforcement_http_status: int
    entry: PolicyEntry
    hidden_fields: _containers.RepeatedScalarFieldContainer[str]
    medplum_http_status: int
    memory_match: Match
    message: str
    notes: _containers.RepeatedCompositeFieldContainer[Note]
    readonly_fields: _containers.RepeatedScalarFieldContainer[str]
    reason: Reason
    revision: int
    valid_until: _timestamp_pb2.Timestamp
    versions: _containers.RepeatedCompositeFieldContainer[VersionFields]
    write: WriteOutcome
    def __init__(self, effect: _Optional[_Union[Effect, str]] = ..., reason: _Optional[_Union[Reason, str]] = ..., message: _Optional[str] = ..., decision_id: _Optional[str] = ..., entry: _Optional[_Union[PolicyEntry, _Mapping]] = ..., hidden_fields: _Optional[_Iterable[str]] = ..., readonly_fields: _Optional[_Iterable[str]] = ..., enforcement_http_status: _Optional[int] = ..., medplum_http_status: _Optional[int] = ..., memory_match: _Optional[_Union[Match, str]] = ..., durable_match: _Optional[_Union[Match, str]] = ..., revision: _Optional[int] = ..., valid_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., notes: _Optional[_Iterable[_Union[Note, _Mapping]]] = ..., write: _Optional[_Union[WriteOutcome, _Mapping]] = ..., versions: _Optional[_Iterable[_Union[VersionFields, _Mapping]]] = ...) -> None: ...

class Note(_message.Message):
    __slots__ = ["code", "strict_rule", "text"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    STRICT_RULE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: NoteCode
    strict_rule: StrictRule
    text: str
    def __init__(self, code: _Optional[_Union[NoteCode, str]] = ..., strict_rule: _Optional[_Union[StrictRule, str]] = ..., text: _Optional[str] = ...) -> None: ...

class PolicyEntry(_message.Message):
    __slots__ = ["built_in", "index", "policy", "policy_name", "policy_version_id", "source"]
    BUILT_IN_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_NAME_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    built_in: str
    index: int
    policy: str
    policy_name: str
    policy_version_id: str
    source: int
    def __init__(self, policy: _Optional[str] = ..., policy_version_id: _Optional[str] = ..., policy_name: _Optional[str] = ..., index: _Optional[int] = ..., source: _Optional[int] = ..., built_in: _Optional[str] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ["body", "deleted", "id", "project", "proposed", "type", "version_id"]
    BODY_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    deleted: bool
    id: str
    project: str
    proposed: bytes
    type: str
    version_id: str
    def __init__(self, type: _Optional[str] = ..., id: _Optional[str] = ..., version_id: _Optional[str] = ..., project: _Optional[str] = ..., body: _Optional[bytes] = ..., proposed: _Optional[bytes] = ..., deleted: bool = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ["authenticated_at", "failed_attempts", "id", "last_activity_at", "last_failed_attempt_at", "locked", "mfa_satisfied"]
    AUTHENTICATED_AT_FIELD_NUMBER: _ClassVar[int]
    FAILED_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LAST_ACTIVITY_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILED_ATTEMPT_AT_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    MFA_SATISFIED_FIELD_NUMBER: _ClassVar[int]
    authenticated_at: _timestamp_pb2.Timestamp
    failed_attempts: int
    id: str
    last_activity_at: _timestamp_pb2.Timestamp
    last_failed_attempt_at: _timestamp_pb2.Timestamp
    locked: bool
    mfa_satisfied: bool
    def __init__(self, id: _Optional[str] = ..., authenticated_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., last_activity_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., failed_attempts: _Optional[int] = ..., last_failed_attempt_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., locked: bool = ..., mfa_satisfied: bool = ...) -> None: ...

class Subject(_message.Message):
    __slots__ = ["access_token", "project", "reference"]
    ACCESS_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    access_token: str
    project: str
    reference: str
    def __init__(self, reference: _Optional[str] = ..., access_token: _Optional[str] = ..., project: _Optional[str] = ...) -> None: ...

class VersionFields(_message.Message):
    __slots__ = ["hidden_fields", "version_id"]
    HIDDEN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    hidden_fields: _containers.RepeatedScalarFieldContainer[str]
    version_id: str
    def __init__(self, version_id: _Optional[str] = ..., hidden_fields: _Optional[_Iterable[str]] = ...) -> None: ...

class WriteOutcome(_message.Message):
    __slots__ = ["accounts", "compartments", "resource", "restored_fields"]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    COMPARTMENTS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    compartments: _containers.RepeatedScalarFieldContainer[str]
    resource: bytes
    restored_fields: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accounts: _Optional[_Iterable[str]] = ..., compartments: _Optional[_Iterable[str]] = ..., restored_fields: _Optional[_Iterable[str]] = ..., resource: _Optional[bytes] = ...) -> None: ...

class Interaction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Effect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Match(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Authentication(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ReadPath(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class StrictRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class NoteCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
