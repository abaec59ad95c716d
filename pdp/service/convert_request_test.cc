#include "pdp/service/convert_request.h"

#include <gtest/gtest.h>

#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/service/test_support.h"

namespace pdp::service {
namespace {

struct RefusedCase {
  const char* name;
  const char* request;  // A CheckRequest, in text format.
  const char* message;  // All of it.
};

#define MEMBER "subject { reference: 'ProjectMembership/member' } "
#define PATIENT "resource { type: 'Patient' id: 'p1' } "
#define READ "interaction: INTERACTION_READ "

const RefusedCase kRefusedCases[] = {
    {"NoInteraction", MEMBER PATIENT,
     "interaction: missing; say what is to be done, READ for example"},
    {"UnknownInteraction", MEMBER PATIENT "interaction: 99",
     "interaction: 99 is not an interaction of this server"},
    {"NoSubject", READ PATIENT,
     "subject.reference: missing; send the member's `ProjectMembership/id`, or "
     "a profile with subject.project"},
    {"SubjectWithoutType", READ PATIENT "subject { reference: 'ann' }",
     "subject.reference: `ann` is not a member; send `Type/id` of a "
     "ProjectMembership, Practitioner, Patient, RelatedPerson, "
     "ClientApplication, Bot or User"},
    {"SubjectOfAnotherType", READ PATIENT "subject { reference: 'Group/1' }",
     "subject.reference: `Group/1` is not a member; send `Type/id` of a "
     "ProjectMembership, Practitioner, Patient, RelatedPerson, "
     "ClientApplication, Bot or User"},
    {"ProjectReference",
     READ PATIENT "subject { reference: 'Patient/1' project: 'Project/1' }",
     "subject.project: `Project/1` is not the id of a Project; send the id "
     "alone, without `Project/`"},
    {"NoResource", READ MEMBER,
     "resource: missing; send its type and id, or its content"},
    {"NoType", READ MEMBER "resource { id: 'p1' }",
     "resource.type: missing; send the resource type, or the resource itself "
     "as `body` or `proposed`"},
    {"TypeThatIsNoName", READ MEMBER "resource { type: '*' id: 'p1' }",
     "resource.type: `*` is not a resource type; send a name such as "
     "`Patient`"},
    {"NoId", READ MEMBER "resource { type: 'Patient' }",
     "resource.id: missing; READ needs the resource's id"},
    {"IdWithSlash", READ MEMBER "resource { type: 'Patient' id: 'a/b' }",
     "resource.id: `a/b` is not an id; send 1 to 64 letters, digits, `-` or "
     "`.`"},
    {"IdForSearch", MEMBER "interaction: INTERACTION_SEARCH " PATIENT,
     "resource.id: not for SEARCH; leave it out"},
    {"BodyForCreate",
     MEMBER "interaction: INTERACTION_CREATE resource { body: "
            "'{\\'resourceType\\':\\'Patient\\'}' }",
     "resource.body: not for CREATE, which has no stored resource; send the "
     "new resource as proposed"},
    {"CreateWithoutProposed",
     MEMBER "interaction: INTERACTION_CREATE resource { type: 'Patient' }",
     "resource.proposed: missing; CREATE needs the resource as it shall be"},
    {"UpdateWithoutProposed", MEMBER "interaction: INTERACTION_UPDATE " PATIENT,
     "resource.proposed: missing; UPDATE needs the resource as it shall be"},
    {"PatchWithoutProposed", MEMBER "interaction: INTERACTION_PATCH " PATIENT,
     "resource.proposed: missing; PATCH needs the resource as it shall be"},
    {"ProposedForDelete",
     MEMBER "interaction: INTERACTION_DELETE resource { id: 'p1' proposed: "
            "'{\\'resourceType\\':\\'Patient\\'}' }",
     "resource.proposed: not for DELETE, which writes no content; leave it "
     "out"},
    {"VreadWithoutVersion", MEMBER "interaction: INTERACTION_VREAD " PATIENT,
     "resource.version_id: missing; VREAD needs the version that is to be "
     "read"},
    {"VersionForRead",
     READ MEMBER "resource { type: 'Patient' id: 'p1' version_id: '2' }",
     "resource.version_id: not for READ; leave it out, or ask for VREAD to "
     "read one version"},
    {"VersionAsETag",
     MEMBER "interaction: INTERACTION_DELETE resource { type: 'Patient' id: "
            "'p1' version_id: 'W/1' }",
     "resource.version_id: `W/1` is not a version; send meta.versionId alone, "
     "without quotes or `W/`"},
    {"BodyOfAnotherType",
     READ MEMBER "resource { type: 'Patient' id: 'p1' body: "
                 "'{\\'resourceType\\':\\'Observation\\'}' }",
     "resource.body: is of the type `Observation`, but type says `Patient`; "
     "send one resource"},
    {"ProposedOfAnotherTypeThanBody",
     MEMBER "interaction: INTERACTION_UPDATE resource { id: 'p1' body: "
            "'{\\'resourceType\\':\\'Patient\\'}' proposed: "
            "'{\\'resourceType\\':\\'Observation\\'}' }",
     "resource.proposed: is of the type `Observation`, but body says "
     "`Patient`; send one resource"},
    {"BodyOfAnotherResource",
     READ MEMBER "resource { id: 'p1' body: "
                 "'{\\'resourceType\\':\\'Patient\\',\\'id\\':\\'p2\\'}' }",
     "resource.body: is the resource `p2`, but id says `p1`; send the resource "
     "that is asked about"},
    {"DeletedWithoutBody",
     READ MEMBER "resource { type: 'Patient' id: 'p1' deleted: true }",
     "resource.deleted: set without body; send the resource's last version as "
     "body, or leave it out and let the server look it up"},
    {"ProjectOfResource",
     READ MEMBER "resource { type: 'Patient' id: 'p1' project: 'a b' }",
     "resource.project: `a b` is not the id of a Project; send the id alone, "
     "without `Project/`"},
    {"LaunchPatient",
     READ MEMBER PATIENT "context { launch_patient: 'Practitioner/1' }",
     "context.launch_patient: `Practitioner/1` is not a patient; send "
     "`Patient/id`, or leave it out"},
    {"EmptyAddress", READ MEMBER PATIENT "context { remote_address: '' }",
     "context.remote_address: empty; send the address, or leave the field "
     "out"},
    {"OnBehalfOf", READ MEMBER PATIENT "context { on_behalf_of: 'User/1' }",
     "context.on_behalf_of: `User/1` is not a member; send `Type/id` of a "
     "ProjectMembership, Practitioner, Patient, RelatedPerson, "
     "ClientApplication or Bot"},
    {"ActiveTenant",
     READ MEMBER PATIENT
     "context { active_tenants: 'Organization/1' active_tenants: 'north' }",
     "context.active_tenants[1]: `north` is not a reference; send `Type/id`, "
     "such as `Organization/123`"},
    {"UnknownAuthentication",
     READ MEMBER PATIENT "context { authentication: 7 }",
     "context.authentication: a value that this server does not know; send "
     "TOKEN, BASIC or LOGIN"},
    {"UnknownReadPath", READ MEMBER PATIENT "context { read_path: 7 }",
     "context.read_path: a value that this server does not know; leave it "
     "out"},
    {"DurableOnlyInStrictMode",
     READ MEMBER PATIENT "context { read_path: READ_PATH_DURABLE_ONLY }",
     "context.read_path: DURABLE_ONLY is for servers in parity mode, and this "
     "one is strict; leave it out"},
    {"LongTextIsCut",
     READ PATIENT "subject { reference: "
                  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\n' }",
     "subject.reference: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaa...` is not a member; send `Type/id` of a "
     "ProjectMembership, Practitioner, Patient, RelatedPerson, "
     "ClientApplication, Bot or User"},
};

// Text format cannot hold ' within '...', as Expand makes " of both; bodies
// above are written with \' and become \".
TEST(ConvertCheckTest, RefusesWhatIsMalformed) {
  for (const RefusedCase& c : kRefusedCases) {
    SCOPED_TRACE(c.name);
    const auto message = Proto<v1::CheckRequest>(c.request);
    policy::AccessRequest request;
    const absl::Status status =
        ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), request);
    EXPECT_EQ(status, absl::InvalidArgumentError(c.message));
  }
}

TEST(ConvertCheckTest, NamesTheFieldThatIsNoJson) {
  auto message = Proto<v1::CheckRequest>(
      READ MEMBER "resource { type: 'Patient' id: 'p1' body: 'x' }");
  policy::AccessRequest request;
  absl::Status status =
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message().substr(0, 15), "resource.body: ");

  message.mutable_resource()->set_body(
      "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"id\":\"p2\"}");
  status =
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

TEST(ConvertCheckTest, ResourcesHaveALimit) {
  auto message =
      Proto<v1::CheckRequest>(READ MEMBER "resource { type: 'Patient' }");
  RequestLimits limits;
  const std::string head =
      "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"x\":\"";
  const std::string tail = "\"}";
  limits.resource.max_bytes = 1000;
  std::string& body = *message.mutable_resource()->mutable_body();
  body = head + std::string(1000 - head.size() - tail.size(), 'x') + tail;
  policy::AccessRequest request;
  EXPECT_EQ(ConvertCheck(message, policy::Mode::kStrict, limits, request),
            absl::OkStatus());
  body.insert(body.size() - 2, "x");
  const absl::Status status =
      ConvertCheck(message, policy::Mode::kStrict, limits, request);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(status.message().substr(0, 15), "resource.body: ");
}

TEST(ConvertCheckTest, ActiveTenantsHaveALimit) {
  auto message = Proto<v1::CheckRequest>(READ MEMBER PATIENT);
  for (int i = 0; i < 101; ++i) {
    message.mutable_context()->add_active_tenants("Organization/1");
  }
  policy::AccessRequest request;
  EXPECT_EQ(
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), request),
      absl::ResourceExhaustedError(
          "context.active_tenants: 101 tenants; at most 100 are taken"));
}

TEST(ConvertCheckTest, TakesTypeAndIdFromTheBody) {
  auto message = Proto<v1::CheckRequest>(READ MEMBER "resource { }");
  message.mutable_resource()->set_body(
      "{\"resourceType\":\"Patient\",\"id\":\"p1\"}");
  policy::AccessRequest request;
  ASSERT_EQ(
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), request),
      absl::OkStatus());
  EXPECT_EQ(request.resource.type, "Patient");
  EXPECT_EQ(request.resource.id, "p1");
  ASSERT_NE(request.resource.current, nullptr);
}

TEST(ConvertCheckTest, KeepsAbsentAndEmptyScopesApart) {
  auto message = Proto<v1::CheckRequest>(READ MEMBER PATIENT);
  policy::AccessRequest absent;
  ASSERT_EQ(
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), absent),
      absl::OkStatus());
  EXPECT_EQ(absent.context.smart_scope, std::nullopt);
  message.mutable_context()->set_smart_scope("");
  policy::AccessRequest empty;
  ASSERT_EQ(
      ConvertCheck(message, policy::Mode::kStrict, RequestLimits(), empty),
      absl::OkStatus());
  EXPECT_EQ(empty.context.smart_scope, "");
}

TEST(ConvertCheckTest, DurableOnlyIsForParityMode) {
  const auto message = Proto<v1::CheckRequest>(
      READ MEMBER PATIENT "context { read_path: READ_PATH_DURABLE_ONLY }");
  policy::AccessRequest request;
  ASSERT_EQ(
      ConvertCheck(message, policy::Mode::kParity, RequestLimits(), request),
      absl::OkStatus());
  EXPECT_EQ(request.context.read_path, policy::ReadPath::kDurableOnly);
}

TEST(ConvertFilterTest, RefusesWhatIsMalformed) {
  const RefusedCase kCases[] = {
      {"NoType", MEMBER,
       "resource_type: missing; send the type to be searched"},
      {"TypeThatIsNoName", MEMBER "resource_type: 'Patient?a=b'",
       "resource_type: `Patient?a=b` is not a resource type; send a name such "
       "as `Patient`"},
      {"QueryWithQuestionMark",
       MEMBER "resource_type: 'Patient' query: '?active=true'",
       "query: begins with `?` or `/`; send what follows the `?` of a search"},
      {"UnknownRunner", MEMBER "resource_type: 'Patient' runner: 9",
       "runner: a value that this server does not know; send PRIVILEGED or "
       "SAME_PROJECT"},
  };
  for (const RefusedCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto message = Proto<v1::FilterRequest>(c.request);
    policy::FilterRequest request;
    EXPECT_EQ(
        ConvertFilter(message, policy::Mode::kStrict, RequestLimits(), request),
        absl::InvalidArgumentError(c.message));
  }
}

TEST(FindUnsupportedTest, NamesFieldsOfANewerApi) {
  // Field 1000, a varint, as a newer client would send it.
  const std::string newer("\xc0\x3e\x01", 3);
  v1::CheckRequest message = Proto<v1::CheckRequest>(READ MEMBER PATIENT);
  EXPECT_EQ(FindUnsupported(message), std::nullopt);
  std::string context;
  message.context().SerializeToString(&context);
  ASSERT_TRUE(message.mutable_context()->ParseFromString(context + newer));
  EXPECT_EQ(FindUnsupported(message),
            "field 1000 of Context is not known to this server; leave it out, "
            "or ask a newer server");
}

TEST(FindUnsupportedTest, NamesFieldsOfANewerSession) {
  v1::Context context;
  v1::Session& session = *context.mutable_session();
  session.GetReflection()->MutableUnknownFields(&session)->AddVarint(1000, 1);
  EXPECT_EQ(FindUnsupported(context),
            "field 1000 of Session is not known to this server; leave it out, "
            "or ask a newer server");
}

TEST(ConvertContextTest, TakesTheFactsOfASession) {
  const auto message = Proto<v1::Context>(
      "session { authenticated_at { seconds: 5 } last_activity_at { seconds: 6 "
      "nanos: 500000000 } failed_attempts: 0 last_failed_attempt_at { seconds: "
      "-7 } locked: false mfa_satisfied: true }");
  policy::RequestContext context;
  ASSERT_TRUE(ConvertContext(message, policy::Mode::kStrict, {}, context).ok());
  const policy::SessionFacts& facts = context.session;
  EXPECT_EQ(facts.authenticated_at, absl::FromUnixSeconds(5));
  EXPECT_EQ(facts.last_activity_at, absl::FromUnixMillis(6'500));
  EXPECT_EQ(facts.last_failed_attempt_at, absl::FromUnixSeconds(-7));
  EXPECT_EQ(facts.failed_attempts, 0u);
  EXPECT_EQ(facts.locked, false);
  EXPECT_EQ(facts.mfa_satisfied, true);
}

TEST(ConvertContextTest, RefusesWhatIsNoTime) {
  const RefusedCase kCases[] = {
      {"Nanos", "session { last_activity_at { nanos: -1 } }",
       "context.session.last_activity_at: is no valid Timestamp"},
      {"Years", "session { authenticated_at { seconds: 253402300800 } }",
       "context.session.authenticated_at: is no valid Timestamp"},
      {"BothTenants",
       "active_tenants: 'Organization/1' use_stored_tenant: true",
       "context.use_stored_tenant: not together with context.active_tenants; "
       "send one of them"},
  };
  for (const RefusedCase& c : kCases) {
    SCOPED_TRACE(c.name);
    policy::RequestContext context;
    EXPECT_EQ(ConvertContext(Proto<v1::Context>(c.request),
                             policy::Mode::kStrict, {}, context),
              absl::InvalidArgumentError(c.message));
  }
}

TEST(ConvertContextTest, ScopesAreBounded) {
  for (const size_t bytes : {16 * 1024, 16 * 1024 + 1}) {
    v1::Context message;
    message.set_smart_scope(std::string(bytes, 'a'));
    policy::RequestContext context;
    EXPECT_EQ(
        ConvertContext(message, policy::Mode::kStrict, {}, context).code(),
        bytes > 16 * 1024 ? absl::StatusCode::kResourceExhausted
                          : absl::StatusCode::kOk);
  }
}

}  // namespace
}  // namespace pdp::service
