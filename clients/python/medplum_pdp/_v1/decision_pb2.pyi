from google.protobuf import timestamp_pb2 as _timestamp_pb2
from medplum_pdp._v1 import types_pb2 as _types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

COMPARISON_OPERATOR_CONTAINS: ComparisonOperator
COMPARISON_OPERATOR_EQUALS: ComparisonOperator
COMPARISON_OPERATOR_EXISTS: ComparisonOperator
COMPARISON_OPERATOR_GREATER_THAN: ComparisonOperator
COMPARISON_OPERATOR_GREATER_THAN_OR_EQUALS: ComparisonOperator
COMPARISON_OPERATOR_LESS_THAN: ComparisonOperator
COMPARISON_OPERATOR_LESS_THAN_OR_EQUALS: ComparisonOperator
COMPARISON_OPERATOR_NOT_EQUALS: ComparisonOperator
COMPARISON_OPERATOR_STARTS_WITH: ComparisonOperator
COMPARISON_OPERATOR_UNSPECIFIED: ComparisonOperator
DECISION_STAGE_READ: DecisionStage
DECISION_STAGE_RESULT: DecisionStage
DECISION_STAGE_SECURITY_CONTEXT: DecisionStage
DECISION_STAGE_STORED: DecisionStage
DECISION_STAGE_TYPE: DecisionStage
DECISION_STAGE_UNSPECIFIED: DecisionStage
DESCRIPTOR: _descriptor.FileDescriptor
ENTRY_TEST_COMPARTMENT: EntryTest
ENTRY_TEST_CRITERIA: EntryTest
ENTRY_TEST_ERROR: EntryTest
ENTRY_TEST_INTERACTION: EntryTest
ENTRY_TEST_IN_FORCE: EntryTest
ENTRY_TEST_NOT_REACHED: EntryTest
ENTRY_TEST_RESOURCE_TYPE: EntryTest
ENTRY_TEST_TENANT: EntryTest
ENTRY_TEST_UNSPECIFIED: EntryTest
ENTRY_TEST_WRITE_CONSTRAINT: EntryTest
FILTER_KIND_ALWAYS_DENIED: FilterKind
FILTER_KIND_ALWAYS_PERMITTED: FilterKind
FILTER_KIND_CONDITIONAL: FilterKind
FILTER_KIND_UNSPECIFIED: FilterKind
QUERY_RUNNER_PRIVILEGED: QueryRunner
QUERY_RUNNER_SAME_PROJECT: QueryRunner
QUERY_RUNNER_UNSPECIFIED: QueryRunner
SIMULATED_OUTCOME_GAINED: SimulatedOutcome
SIMULATED_OUTCOME_LOST: SimulatedOutcome
SIMULATED_OUTCOME_OTHER_OBLIGATIONS: SimulatedOutcome
SIMULATED_OUTCOME_UNCHANGED: SimulatedOutcome
SIMULATED_OUTCOME_UNKNOWN: SimulatedOutcome
SIMULATED_OUTCOME_UNSPECIFIED: SimulatedOutcome

class BatchCheckItem(_message.Message):
    __slots__ = ["interaction", "resource", "resource_index", "subject"]
    INTERACTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_INDEX_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    interaction: _types_pb2.Interaction
    resource: _types_pb2.Resource
    resource_index: int
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., interaction: _Optional[_Union[_types_pb2.Interaction, str]] = ..., resource: _Optional[_Union[_types_pb2.Resource, _Mapping]] = ..., resource_index: _Optional[int] = ...) -> None: ...

class BatchCheckRequest(_message.Message):
    __slots__ = ["consistency", "context", "items", "resources", "subject"]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consistency: _types_pb2.Consistency
    context: _types_pb2.Context
    items: _containers.RepeatedCompositeFieldContainer[BatchCheckItem]
    resources: _containers.RepeatedCompositeFieldContainer[_types_pb2.Resource]
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_types_pb2.Context, _Mapping]] = ..., consistency: _Optional[_Union[_types_pb2.Consistency, _Mapping]] = ..., resources: _Optional[_Iterable[_Union[_types_pb2.Resource, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[BatchCheckItem, _Mapping]]] = ...) -> None: ...

class BatchCheckResponse(_message.Message):
    __slots__ = ["results"]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchCheckResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchCheckResult, _Mapping]]] = ...) -> None: ...

class BatchCheckResult(_message.Message):
    __slots__ = ["decision", "error"]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    error: ItemError
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ["consistency", "context", "interaction", "resource", "return_completed_resource", "subject"]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    INTERACTION_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    RETURN_COMPLETED_RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consistency: _types_pb2.Consistency
    context: _types_pb2.Context
    interaction: _types_pb2.Interaction
    resource: _types_pb2.Resource
    return_completed_resource: bool
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_types_pb2.Context, _Mapping]] = ..., interaction: _Optional[_Union[_types_pb2.Interaction, str]] = ..., resource: _Optional[_Union[_types_pb2.Resource, _Mapping]] = ..., consistency: _Optional[_Union[_types_pb2.Consistency, _Mapping]] = ..., return_completed_resource: bool = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ["decision"]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ...) -> None: ...

class CheckStreamRequest(_message.Message):
    __slots__ = ["check", "id"]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    check: CheckRequest
    id: int
    def __init__(self, id: _Optional[int] = ..., check: _Optional[_Union[CheckRequest, _Mapping]] = ...) -> None: ...

class CheckStreamResponse(_message.Message):
    __slots__ = ["decision", "error", "id"]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    decision: _types_pb2.Decision
    error: ItemError
    id: int
    def __init__(self, id: _Optional[int] = ..., decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ...) -> None: ...

class Comparison(_message.Message):
    __slots__ = ["operator", "parameter", "parameter_type", "path", "values"]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_TYPE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    operator: ComparisonOperator
    parameter: str
    parameter_type: str
    path: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, parameter: _Optional[str] = ..., path: _Optional[str] = ..., operator: _Optional[_Union[ComparisonOperator, str]] = ..., values: _Optional[_Iterable[str]] = ..., parameter_type: _Optional[str] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ["all_of", "any_of", "comparison", "constant"]
    ALL_OF_FIELD_NUMBER: _ClassVar[int]
    ANY_OF_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    NOT_FIELD_NUMBER: _ClassVar[int]
    all_of: ConditionList
    any_of: ConditionList
    comparison: Comparison
    constant: bool
    def __init__(self, all_of: _Optional[_Union[ConditionList, _Mapping]] = ..., any_of: _Optional[_Union[ConditionList, _Mapping]] = ..., comparison: _Optional[_Union[Comparison, _Mapping]] = ..., constant: bool = ..., **kwargs) -> None: ...

class ConditionList(_message.Message):
    __slots__ = ["conditions"]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...

class DeniedCount(_message.Message):
    __slots__ = ["count", "reason"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    count: int
    reason: _types_pb2.Reason
    def __init__(self, reason: _Optional[_Union[_types_pb2.Reason, str]] = ..., count: _Optional[int] = ...) -> None: ...

class DescribeAccessRequest(_message.Message):
    __slots__ = ["consistency", "context", "subject"]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consistency: _types_pb2.Consistency
    context: _types_pb2.Context
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_types_pb2.Context, _Mapping]] = ..., consistency: _Optional[_Union[_types_pb2.Consistency, _Mapping]] = ...) -> None: ...

class DescribeAccessResponse(_message.Message):
    __slots__ = ["effective_policy", "medplum_http_status", "membership", "message", "notes", "profile", "project", "reason", "revision", "roles", "tenants", "types"]
    EFFECTIVE_POLICY_FIELD_NUMBER: _ClassVar[int]
    MEDPLUM_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    TENANTS_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    effective_policy: bytes
    medplum_http_status: int
    membership: str
    message: str
    notes: _containers.RepeatedCompositeFieldContainer[_types_pb2.Note]
    profile: str
    project: str
    reason: _types_pb2.Reason
    revision: int
    roles: _containers.RepeatedCompositeFieldContainer[Role]
    tenants: _containers.RepeatedCompositeFieldContainer[Tenant]
    types: _containers.RepeatedCompositeFieldContainer[TypeAccess]
    def __init__(self, membership: _Optional[str] = ..., project: _Optional[str] = ..., profile: _Optional[str] = ..., effective_policy: _Optional[bytes] = ..., types: _Optional[_Iterable[_Union[TypeAccess, _Mapping]]] = ..., tenants: _Optional[_Iterable[_Union[Tenant, _Mapping]]] = ..., roles: _Optional[_Iterable[_Union[Role, _Mapping]]] = ..., reason: _Optional[_Union[_types_pb2.Reason, str]] = ..., message: _Optional[str] = ..., medplum_http_status: _Optional[int] = ..., revision: _Optional[int] = ..., notes: _Optional[_Iterable[_Union[_types_pb2.Note, _Mapping]]] = ...) -> None: ...

class EntryParameter(_message.Message):
    __slots__ = ["name", "source", "value"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    source: int
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ..., source: _Optional[int] = ...) -> None: ...

class EntryTrace(_message.Message):
    __slots__ = ["criteria", "durable", "entry", "failed_test", "interactions", "matched", "parameters", "paths", "resource_type", "search_parameter", "stage", "strict_rule", "test"]
    CRITERIA_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    FAILED_TEST_FIELD_NUMBER: _ClassVar[int]
    INTERACTIONS_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SEARCH_PARAMETER_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STRICT_RULE_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    criteria: str
    durable: bool
    entry: _types_pb2.PolicyEntry
    failed_test: str
    interactions: _containers.RepeatedScalarFieldContainer[_types_pb2.Interaction]
    matched: bool
    parameters: _containers.RepeatedCompositeFieldContainer[EntryParameter]
    paths: _containers.RepeatedScalarFieldContainer[str]
    resource_type: str
    search_parameter: str
    stage: DecisionStage
    strict_rule: _types_pb2.StrictRule
    test: EntryTest
    def __init__(self, entry: _Optional[_Union[_types_pb2.PolicyEntry, _Mapping]] = ..., matched: bool = ..., failed_test: _Optional[str] = ..., criteria: _Optional[str] = ..., paths: _Optional[_Iterable[str]] = ..., parameters: _Optional[_Iterable[_Union[EntryParameter, _Mapping]]] = ..., test: _Optional[_Union[EntryTest, str]] = ..., strict_rule: _Optional[_Union[_types_pb2.StrictRule, str]] = ..., stage: _Optional[_Union[DecisionStage, str]] = ..., durable: bool = ..., search_parameter: _Optional[str] = ..., resource_type: _Optional[str] = ..., interactions: _Optional[_Iterable[_Union[_types_pb2.Interaction, str]]] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ["as_of", "check", "decision_id"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    check: CheckRequest
    decision_id: str
    def __init__(self, check: _Optional[_Union[CheckRequest, _Mapping]] = ..., decision_id: _Optional[str] = ..., as_of: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ["as_of", "decision", "entries", "membership", "missing", "nearest", "project", "recorded", "summary"]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MEMBERSHIP_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    NEAREST_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    as_of: _timestamp_pb2.Timestamp
    decision: _types_pb2.Decision
    entries: _containers.RepeatedCompositeFieldContainer[EntryTrace]
    membership: str
    missing: str
    nearest: int
    project: str
    recorded: RecordedDecision
    summary: str
    def __init__(self, decision: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., entries: _Optional[_Iterable[_Union[EntryTrace, _Mapping]]] = ..., nearest: _Optional[int] = ..., summary: _Optional[str] = ..., missing: _Optional[str] = ..., membership: _Optional[str] = ..., project: _Optional[str] = ..., as_of: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., recorded: _Optional[_Union[RecordedDecision, _Mapping]] = ...) -> None: ...

class FilterRequest(_message.Message):
    __slots__ = ["consistency", "context", "query", "resource_type", "runner", "subject"]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RUNNER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consistency: _types_pb2.Consistency
    context: _types_pb2.Context
    query: str
    resource_type: str
    runner: QueryRunner
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_types_pb2.Context, _Mapping]] = ..., resource_type: _Optional[str] = ..., query: _Optional[str] = ..., runner: _Optional[_Union[QueryRunner, str]] = ..., consistency: _Optional[_Union[_types_pb2.Consistency, _Mapping]] = ...) -> None: ...

class FilterResourcesHeader(_message.Message):
    __slots__ = ["consistency", "context", "interaction", "project", "subject"]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    INTERACTION_FIELD_NUMBER: _ClassVar[int]
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consistency: _types_pb2.Consistency
    context: _types_pb2.Context
    interaction: _types_pb2.Interaction
    project: str
    subject: _types_pb2.Subject
    def __init__(self, subject: _Optional[_Union[_types_pb2.Subject, _Mapping]] = ..., context: _Optional[_Union[_types_pb2.Context, _Mapping]] = ..., interaction: _Optional[_Union[_types_pb2.Interaction, str]] = ..., project: _Optional[str] = ..., consistency: _Optional[_Union[_types_pb2.Consistency, _Mapping]] = ...) -> None: ...

class FilterResourcesRequest(_message.Message):
    __slots__ = ["bundle", "header", "resource"]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    header: FilterResourcesHeader
    resource: bytes
    def __init__(self, header: _Optional[_Union[FilterResourcesHeader, _Mapping]] = ..., resource: _Optional[bytes] = ..., bundle: _Optional[bytes] = ...) -> None: ...

class FilterResourcesResponse(_message.Message):
    __slots__ = ["resource", "summary"]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    resource: FilteredResource
    summary: FilterResourcesSummary
    def __init__(self, resource: _Optional[_Union[FilteredResource, _Mapping]] = ..., summary: _Optional[_Union[FilterResourcesSummary, _Mapping]] = ...) -> None: ...

class FilterResourcesSummary(_message.Message):
    __slots__ = ["decision_id", "denied", "denied_by_reason", "enforcement_http_status", "message", "notes", "permitted", "reason", "received", "removed_fields", "revision", "valid_until"]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    DENIED_BY_REASON_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    ENFORCEMENT_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    PERMITTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    denied: int
    denied_by_reason: _containers.RepeatedCompositeFieldContainer[DeniedCount]
    enforcement_http_status: int
    message: str
    notes: _containers.RepeatedCompositeFieldContainer[_types_pb2.Note]
    permitted: int
    reason: _types_pb2.Reason
    received: int
    removed_fields: int
    revision: int
    valid_until: _timestamp_pb2.Timestamp
    def __init__(self, received: _Optional[int] = ..., permitted: _Optional[int] = ..., denied: _Optional[int] = ..., removed_fields: _Optional[int] = ..., decision_id: _Optional[str] = ..., revision: _Optional[int] = ..., reason: _Optional[_Union[_types_pb2.Reason, str]] = ..., message: _Optional[str] = ..., enforcement_http_status: _Optional[int] = ..., valid_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., notes: _Optional[_Iterable[_Union[_types_pb2.Note, _Mapping]]] = ..., denied_by_reason: _Optional[_Iterable[_Union[DeniedCount, _Mapping]]] = ...) -> None: ...

class FilterResponse(_message.Message):
    __slots__ = ["condition", "decision_id", "enforcement_http_status", "hidden_fields", "inexact", "kind", "medplum_http_status", "message", "notes", "queries", "reason", "revision", "single_query", "strip_fields_required", "valid_until"]
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ENFORCEMENT_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELDS_FIELD_NUMBER: _ClassVar[int]
    INEXACT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MEDPLUM_HTTP_STATUS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SINGLE_QUERY_FIELD_NUMBER: _ClassVar[int]
    STRIP_FIELDS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    condition: Condition
    decision_id: str
    enforcement_http_status: int
    hidden_fields: _containers.RepeatedScalarFieldContainer[str]
    inexact: _containers.RepeatedScalarFieldContainer[str]
    kind: FilterKind
    medplum_http_status: int
    message: str
    notes: _containers.RepeatedCompositeFieldContainer[_types_pb2.Note]
    queries: _containers.RepeatedScalarFieldContainer[str]
    reason: _types_pb2.Reason
    revision: int
    single_query: str
    strip_fields_required: bool
    valid_until: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[FilterKind, str]] = ..., reason: _Optional[_Union[_types_pb2.Reason, str]] = ..., message: _Optional[str] = ..., decision_id: _Optional[str] = ..., queries: _Optional[_Iterable[str]] = ..., single_query: _Optional[str] = ..., condition: _Optional[_Union[Condition, _Mapping]] = ..., hidden_fields: _Optional[_Iterable[str]] = ..., strip_fields_required: bool = ..., enforcement_http_status: _Optional[int] = ..., medplum_http_status: _Optional[int] = ..., revision: _Optional[int] = ..., valid_until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., notes: _Optional[_Iterable[_Union[_types_pb2.Note, _Mapping]]] = ..., inexact: _Optional[_Iterable[str]] = ...) -> None: ...

class FilteredResource(_message.Message):
    __slots__ = ["index", "removed_fields", "resource"]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELDS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    index: int
    removed_fields: int
    resource: bytes
    def __init__(self, index: _Optional[int] = ..., resource: _Optional[bytes] = ..., removed_fields: _Optional[int] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ["code", "message"]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class RecordAccessRequest(_message.Message):
    __slots__ = ["decision_id", "event", "success"]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    event: str
    success: bool
    def __init__(self, decision_id: _Optional[str] = ..., event: _Optional[str] = ..., success: bool = ...) -> None: ...

class RecordAccessResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class RecordedDecision(_message.Message):
    __slots__ = ["agrees", "caller", "decision_id", "effect", "method", "policy", "policy_version_id", "reason", "revision", "time"]
    AGREES_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    agrees: bool
    caller: str
    decision_id: str
    effect: _types_pb2.Effect
    method: str
    policy: str
    policy_version_id: str
    reason: _types_pb2.Reason
    revision: int
    time: _timestamp_pb2.Timestamp
    def __init__(self, decision_id: _Optional[str] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., method: _Optional[str] = ..., caller: _Optional[str] = ..., effect: _Optional[_Union[_types_pb2.Effect, str]] = ..., reason: _Optional[_Union[_types_pb2.Reason, str]] = ..., policy: _Optional[str] = ..., policy_version_id: _Optional[str] = ..., revision: _Optional[int] = ..., agrees: bool = ...) -> None: ...

class Role(_message.Message):
    __slots__ = ["name", "policy", "source", "tenant"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    name: str
    policy: str
    source: int
    tenant: str
    def __init__(self, policy: _Optional[str] = ..., name: _Optional[str] = ..., tenant: _Optional[str] = ..., source: _Optional[int] = ...) -> None: ...

class SimulateRequest(_message.Message):
    __slots__ = ["by_current_attributes", "checks", "deleted", "proposed"]
    BY_CURRENT_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_FIELD_NUMBER: _ClassVar[int]
    by_current_attributes: bool
    checks: _containers.RepeatedCompositeFieldContainer[CheckRequest]
    deleted: _containers.RepeatedScalarFieldContainer[str]
    proposed: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, checks: _Optional[_Iterable[_Union[CheckRequest, _Mapping]]] = ..., proposed: _Optional[_Iterable[bytes]] = ..., deleted: _Optional[_Iterable[str]] = ..., by_current_attributes: bool = ...) -> None: ...

class SimulateResponse(_message.Message):
    __slots__ = ["changed", "checks", "revision", "unknown"]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    changed: int
    checks: _containers.RepeatedCompositeFieldContainer[SimulatedCheck]
    revision: int
    unknown: int
    def __init__(self, checks: _Optional[_Iterable[_Union[SimulatedCheck, _Mapping]]] = ..., changed: _Optional[int] = ..., unknown: _Optional[int] = ..., revision: _Optional[int] = ...) -> None: ...

class SimulatedCheck(_message.Message):
    __slots__ = ["after", "before", "by_current_attributes", "error", "outcome"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    BY_CURRENT_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    after: _types_pb2.Decision
    before: _types_pb2.Decision
    by_current_attributes: bool
    error: ItemError
    outcome: SimulatedOutcome
    def __init__(self, before: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., after: _Optional[_Union[_types_pb2.Decision, _Mapping]] = ..., outcome: _Optional[_Union[SimulatedOutcome, str]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ..., by_current_attributes: bool = ...) -> None: ...

class Tenant(_message.Message):
    __slots__ = ["granted_by", "parameter", "policy", "reference", "source"]
    GRANTED_BY_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    granted_by: str
    parameter: str
    policy: str
    reference: str
    source: int
    def __init__(self, reference: _Optional[str] = ..., granted_by: _Optional[str] = ..., policy: _Optional[str] = ..., source: _Optional[int] = ..., parameter: _Optional[str] = ...) -> None: ...

class TypeAccess(_message.Message):
    __slots__ = ["interactions", "resource_type", "unrestricted_interactions"]
    INTERACTIONS_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    UNRESTRICTED_INTERACTIONS_FIELD_NUMBER: _ClassVar[int]
    interactions: _containers.RepeatedScalarFieldContainer[_types_pb2.Interaction]
    resource_type: str
    unrestricted_interactions: _containers.RepeatedScalarFieldContainer[_types_pb2.Interaction]
    def __init__(self, resource_type: _Optional[str] = ..., interactions: _Optional[_Iterable[_Union[_types_pb2.Interaction, str]]] = ..., unrestricted_interactions: _Optional[_Iterable[_Union[_types_pb2.Interaction, str]]] = ...) -> None: ...

class WatchRevisionsRequest(_message.Message):
    __slots__ = ["memberships"]
    MEMBERSHIPS_FIELD_NUMBER: _ClassVar[int]
    memberships: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, memberships: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchRevisionsResponse(_message.Message):
    __slots__ = ["all_changed", "changed", "revision"]
    ALL_CHANGED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    all_changed: bool
    changed: _containers.RepeatedScalarFieldContainer[str]
    revision: int
    def __init__(self, revision: _Optional[int] = ..., changed: _Optional[_Iterable[str]] = ..., all_changed: bool = ...) -> None: ...

class QueryRunner(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class FilterKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ComparisonOperator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DecisionStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class EntryTest(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SimulatedOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
