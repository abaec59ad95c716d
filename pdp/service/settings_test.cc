#include "pdp/service/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/base/strings.h"
#include "pdp/service/command_line.h"
#include "pdp/service/config_fields.h"

namespace pdp::service {
namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

const std::pair<std::string, std::string> kCallers = {
    "callers", "name=local,from=loopback,permissions=check,subjects=any"};
const Flags kRequired = {
    {"source", "directory:policies"}, {"data-dir", "data"}, kCallers};

Flags With(Flags more) {
  Flags flags = kRequired;
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

// A file that is removed when the test is over.
class ConfigFile {
 public:
  explicit ConfigFile(std::string_view yaml)
      : path_(StrCat("/tmp/pdp-settings-test-", getpid(), ".yaml")) {
    std::ofstream(path_) << yaml;
  }
  ~ConfigFile() { unlink(path_.c_str()); }

  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

TEST(SettingsTest, HasDefaults) {
  const auto settings = LoadSettings({.flags = kRequired});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->source, "directory:policies");
  EXPECT_EQ(settings->source_directory, "policies");
  EXPECT_EQ(settings->data_dir, "data");
  EXPECT_EQ(settings->bootstrap_from, "");
  ASSERT_EQ(settings->listen.size(), 1u);
  EXPECT_EQ(settings->listen[0].ToString(), "127.0.0.1:8990");
  EXPECT_EQ(settings->http_listen->ToString(), "127.0.0.1:8991");
  EXPECT_EQ(settings->mode, policy::Mode::kStrict);
  EXPECT_EQ(settings->parameter_semantics,
            policy::ParameterSemantics::kDocumented);
  EXPECT_EQ(settings->max_staleness, absl::Minutes(5));
  EXPECT_EQ(settings->decision_reuse, absl::Seconds(10));
  EXPECT_EQ(settings->socket_mode, 0600u);
  EXPECT_GE(settings->threads, 1u);
  EXPECT_EQ(settings->audit_mode, AuditMode::kRequired);
}

TEST(SettingsTest, ReadsEveryKeyOfAFile) {
  const ConfigFile file(
      "source: directory:/policies\n"
      "data-dir: \"/data\"\n"
      "bootstrap-from: /seed\n"
      "listen: [127.0.0.1:0, unix:/run/pdp.sock]\n"
      "http-listen: none\n"
      "mode: parity\n"
      "parameter-semantics: server\n"
      "max-staleness: 1m\n"
      "stale-after: 20s\n"
      "decision-reuse: 0s\n"
      "audit-mode: off\n"
      "threads: 3\n"
      "max-bound-policies: 50\n"
      "shadow: true\n"
      "socket-mode: 0660\n"
      "drain-timeout: 5s\n"
      "reflection: true\n"
      "callers:\n"
      "  - name: gateway\n"
      "    token-file: /run/secrets/gateway\n"
      "    permissions: [check, filter]\n"
      "    projects: [p1, p2]\n"
      "    subjects: token\n"
      "    resources: inline\n"
      "  - name: scheduler\n"
      "    from: loopback\n"
      "    permissions: [all]\n"
      "    own: [Bot/b]\n");
  const auto settings = LoadSettings({.config_file = file.path()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->source_directory, "/policies");
  EXPECT_EQ(settings->data_dir, "/data");
  EXPECT_EQ(settings->bootstrap_from, "/seed");
  ASSERT_EQ(settings->listen.size(), 2u);
  EXPECT_EQ(settings->listen[1].ToString(), "unix:/run/pdp.sock");
  EXPECT_FALSE(settings->http_listen.has_value());
  EXPECT_EQ(settings->mode, policy::Mode::kParity);
  EXPECT_EQ(settings->parameter_semantics, policy::ParameterSemantics::kServer);
  EXPECT_EQ(settings->max_staleness, absl::Minutes(1));
  EXPECT_EQ(settings->stale_after, absl::Seconds(20));
  EXPECT_EQ(settings->decision_reuse, absl::ZeroDuration());
  EXPECT_EQ(settings->audit_mode, AuditMode::kOff);
  EXPECT_EQ(settings->threads, 3u);
  EXPECT_EQ(settings->max_bound_policies, 50u);
  EXPECT_TRUE(settings->shadow);
  EXPECT_EQ(settings->socket_mode, 0660u);
  EXPECT_EQ(settings->drain_timeout, absl::Seconds(5));
  EXPECT_TRUE(settings->reflection);
  ASSERT_EQ(settings->callers.size(), 2u);
  EXPECT_EQ(settings->callers[0].token_file, "/run/secrets/gateway");
  const Caller& gateway = settings->callers[0].caller;
  EXPECT_EQ(gateway.name, "gateway");
  EXPECT_TRUE(gateway.May(Permission::kCheck));
  EXPECT_TRUE(gateway.May(Permission::kFilter));
  EXPECT_FALSE(gateway.May(Permission::kAdmin));
  EXPECT_EQ(gateway.projects, (std::vector<std::string>{"p1", "p2"}));
  EXPECT_EQ(gateway.subjects_rule, SubjectsRule::kToken);
  EXPECT_EQ(gateway.resources_rule, ResourcesRule::kInline);
  EXPECT_TRUE(settings->callers[1].from_loopback);
  const Caller& scheduler = settings->callers[1].caller;
  EXPECT_EQ(scheduler.permissions, kAllPermissions);
  EXPECT_EQ(scheduler.subjects_rule, SubjectsRule::kOwn);
  EXPECT_EQ(scheduler.subjects, (std::vector<std::string>{"Bot/b"}));
  EXPECT_EQ(scheduler.resources_rule, ResourcesRule::kReference);
}

TEST(SettingsTest, ReadsTenantsAndSessionRules) {
  const ConfigFile file(
      "source: directory:a\ndata-dir: data\n"
      "tenants:\n  parameters: [clinic, team]\n"
      "session-rules:\n"
      "  - idle-timeout: 30m\n"
      "    absolute-lifetime: 12h\n"
      "    failed-attempts: 5\n"
      "    lock: 1h\n"
      "    administrative-lock: true\n"
      "  - project: p1\n"
      "    mfa: true\n");
  const auto settings =
      LoadSettings({.config_file = file.path(), .flags = {kCallers}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->tenant_parameters,
            (std::vector<std::string>{"clinic", "team"}));
  ASSERT_EQ(settings->session_rules.size(), 2u);
  const policy::SessionRules& rules = settings->session_rules.at("");
  EXPECT_EQ(rules.idle_timeout, absl::Minutes(30));
  EXPECT_EQ(rules.absolute_lifetime, absl::Hours(12));
  EXPECT_EQ(rules.failed_attempts, 5u);
  EXPECT_EQ(rules.lock, absl::Hours(1));
  EXPECT_TRUE(rules.administrative_lock);
  EXPECT_FALSE(rules.mfa);
  EXPECT_TRUE(settings->session_rules.at("p1").mfa);
  EXPECT_FALSE(settings->session_rules.at("p1").idle_timeout.has_value());
}

TEST(SettingsTest, RefusesSessionRulesThatMakeNoSense) {
  const struct {
    const char* yaml;
    const char* message;
  } kCases[] = {
      {"session-rules: [{idle-timeout: 0s}]",
       "session-rules[0]: `idle-timeout` must be more than 0s, and at most a "
       "year"},
      {"session-rules: [{failed-attempts: 0}]",
       "session-rules[0]: `failed-attempts` must be 1 or more"},
      {"session-rules: [{lock: 5m}]",
       "session-rules[0]: `lock` goes with `failed-attempts` only"},
      {"session-rules: [{mfa: true}, {mfa: true}]",
       "session-rules[1]: a second section for the project ``; write one"},
      {"tenants: {parameters: [\"%organization\"]}",
       "tenants.parameters: `%organization` is no name of a parameter; write "
       "it without the percent sign"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.yaml);
    const ConfigFile file(
        StrCat("source: directory:a\ndata-dir: data\n", c.yaml, "\n"));
    EXPECT_EQ(LoadSettings({.config_file = file.path()}).status(),
              absl::InvalidArgumentError(c.message));
  }
}

TEST(SettingsTest, FlagsWinOverTheFile) {
  const ConfigFile file(
      "source: directory:a\ndata-dir: data\nmode: parity\n"
      "listen: [127.0.0.1:1, 127.0.0.1:2]\n");
  const auto settings = LoadSettings(
      {.config_file = file.path(),
       .flags = {{"mode", "strict"}, {"listen", "127.0.0.1:3"}, kCallers}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->mode, policy::Mode::kStrict);
  ASSERT_EQ(settings->listen.size(), 1u);
  EXPECT_EQ(settings->listen[0].port, 3);
}

TEST(SettingsTest, ParityModeMeansServerSemantics) {
  const auto settings = LoadSettings({.flags = With({{"mode", "parity"}})});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->parameter_semantics, policy::ParameterSemantics::kServer);
}

TEST(SettingsTest, AShortBoundMovesTheWarningBelowIt) {
  const auto settings =
      LoadSettings({.flags = With({{"max-staleness", "12s"}})});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->stale_after, absl::Seconds(12));
}

struct FlagCase {
  const char* name;
  Flags flags;
  const char* message;
};

TEST(SettingsTest, RefusesFlagsThatCannotBeUsed) {
  const FlagCase kCases[] = {
      {"NoSource",
       {{"data-dir", "d"}},
       "source: missing; write directory:PATH, where PATH holds FHIR JSON "
       "files, or medplum"},
      {"NoDataDir",
       {{"source", "directory:d"}},
       "data-dir: missing; name the directory of the store"},
      {"SourceOfNoKind", With({{"source", "policies"}}),
       "source: `policies` is not a source; write directory:PATH or medplum"},
      {"SourceWithoutPath", With({{"source", "directory:"}}),
       "source: `directory:` is not a source; write directory:PATH or "
       "medplum"},
      {"EmptyValue", With({{"data-dir", ""}}), "data-dir: the value is empty"},
      {"UnknownFlag", With({{"data_dir", "d"}}),
       "data_dir: unknown flag; did you mean `data-dir`?"},
      {"UnknownFlagOfASection", With({{"medplum.base-uri", "d"}}),
       "medplum.base-uri: unknown flag; did you mean `medplum.base-url`?"},
      {"KeyBelowAValue", With({{"mode.strict", "d"}}),
       "mode.strict: unknown flag; `mode` takes a value"},
      {"KeyBelowAList", With({{"medplum.login.project", "d"}}),
       "medplum.login.project: unknown flag; `medplum.login` takes a value"},
      {"ValueForASection", With({{"medplum", "d"}}),
       "medplum: has keys of its own and no value"},
      {"UnknownKeyInAValue", With({{"medplum.login", "project=p,clientid=c"}}),
       "medplum.login: unknown key `clientid`; did you mean `client-id`?"},
      {"KeyTwiceInAValue", With({{"medplum.login", "project=p,project=q"}}),
       "medplum.login: `project` is given twice"},
      {"KeyWithoutAValue", With({{"medplum.login", "project"}}),
       "medplum.login: `project`: the value is empty"},
      {"NothingForASection", With({{"medplum.login", ""}}),
       "medplum.login: unknown key ``; the keys are: project, client-id, "
       "client-secret-file, private-key-file, key-id"},
      {"Mode", With({{"mode", "lenient"}}),
       "mode: `lenient` is not one of: parity, strict"},
      {"AuditUnknown", With({{"audit-mode", "on"}}),
       "audit-mode: `on` is not one of: off, best_effort, required"},
      {"DocumentedInParity",
       With({{"mode", "parity"}, {"parameter-semantics", "documented"}}),
       "parameter-semantics: `documented` is not what a Medplum server does, "
       "so it does not go with mode parity; write server or leave it out"},
      {"DurationWithoutUnit", With({{"max-staleness", "300"}}),
       "max-staleness: `300` is not a duration; write a number with a unit, "
       "such as 30s, 5m or 1h"},
      {"NegativeDuration", With({{"drain-timeout", "-1s"}}),
       "drain-timeout: `-1s` is not a duration; write a number with a unit, "
       "such as 30s, 5m or 1h"},
      {"NoStalenessAllowed", With({{"max-staleness", "0s"}}),
       "max-staleness: must be more than 0s, or nothing would ever be "
       "answered"},
      {"StaleAfterTheBound",
       With({{"max-staleness", "1m"}, {"stale-after", "2m"}}),
       "stale-after: must not be more than max-staleness, which is 1m"},
      {"ReuseTooLong", With({{"decision-reuse", "6m"}}),
       "decision-reuse: must be at most 5m, as a revoked grant lives that much "
       "longer"},
      {"Threads", With({{"threads", "many"}}),
       "threads: `many` is not a whole number"},
      {"TooManyThreads", With({{"threads", "257"}}),
       "threads: must be at most 256"},
      {"SocketMode", With({{"socket-mode", "0777"}}),
       "socket-mode: `0777` is neither 0600 nor 0660"},
      {"ListenEverywhere", With({{"listen", "0.0.0.0:8990"}}),
       "listen: `0.0.0.0:8990` is not a loopback address: without the section "
       "tls the server is reachable from its own host only; use 127.0.0.1, "
       "[::1], localhost or unix:PATH"},
      {"ListenTwice",
       With({{"listen", "localhost:1"}, {"listen", "127.0.0.1:1"}}),
       "listen: `127.0.0.1:1` is given twice"},
      {"HttpOnASocket", With({{"http-listen", "unix:/run/a"}}),
       "http-listen: `unix:/run/a` is not host:port; HTTP is not served on "
       "unix sockets"},
  };
  for (const FlagCase& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(LoadSettings({.flags = c.flags}).status(),
              absl::InvalidArgumentError(c.message));
  }
}

struct YamlCase {
  const char* name;
  const char* yaml;
  const char* message;  // After the file's name.
};

TEST(SettingsTest, SaysWhereAFileIsWrong) {
  const YamlCase kCases[] = {
      {"UnknownKey", "source: a\nlissten: [b]\n",
       ":2:1: unknown key `lissten`; did you mean `listen`?"},
      {"UnknownKeyLikeNoOther", "source: a\nport: 80\n",
       ":2:1: unknown key `port`; the keys are: source, data-dir, "
       "bootstrap-from, listen, http-listen, mode, parameter-semantics, "
       "max-staleness, stale-after, decision-reuse, audit-mode, threads, "
       "max-bound-policies, socket-mode, drain-timeout, shadow, medplum, "
       "sweep, attributes, tenants, session-rules, audit, callers, tls, "
       "limits, reflection, history, gateway"},
      {"UnknownKeyOfASection", "medplum:\n  base-url: a\n  logins: [b]\n",
       ":3:3: unknown key `logins`; did you mean `login`?"},
      {"UnknownKeyOfAnItem",
       "medplum:\n  login:\n    - project: a\n      client-secret: b\n",
       ":4:7: unknown key `client-secret`; did you mean "
       "`client-secret-file`?"},
      {"TwiceInASection", "sweep:\n  overlap: 1s\n  overlap: 2s\n",
       ":3:3: `overlap` is given twice"},
      {"SectionTwice", "sweep:\n  overlap: 1s\nsweep:\n  interval: 2s\n",
       ":3:1: `sweep` is given twice"},
      {"ScalarForSection", "medplum: https://a/\n",
       ":1:10: `medplum` has keys of its own; write them as `key: value` "
       "lines, further to the right"},
      {"ListForSection", "sweep: [5s]\n",
       ":1:8: `sweep` has keys of its own; write them as `key: value` lines, "
       "further to the right"},
      {"EmptySection", "sweep:\n", ":1:1: `sweep` has no value"},
      {"SectionForList", "medplum:\n  login:\n    project: a\n",
       ":3:5: `login` is a list; write `- ` before each of its items"},
      {"ScalarForItem", "medplum:\n  login: [a]\n",
       ":2:11: `login` has keys of its own; write them as `key: value` lines, "
       "further to the right"},
      {"SectionForScalar", "medplum:\n  base-url: {a: b}\n",
       ":2:13: `base-url` takes a single value"},
      {"WrongValueInASection", "sweep:\n  interval: 5\n",
       ":2:13: `interval`: `5` is not a duration; write a number with a unit, "
       "such as 30s, 5m or 1h"},
      {"Underscore", "data_dir: d\n",
       ":1:1: unknown key `data_dir`; did you mean `data-dir`?"},
      {"Twice", "mode: strict\nsource: a\nmode: parity\n",
       ":3:1: `mode` is given twice"},
      {"ScalarForList", "listen: 127.0.0.1:1\n",
       ":1:9: `listen` is a list; write [VALUE, ...]"},
      {"ListForScalar", "mode: [strict]\n",
       ":1:7: `mode` takes a single value"},
      {"NoValue", "mode:\n", ":1:1: `mode` has no value"},
      {"WrongValue", "threads: 1\nmode: lax\n",
       ":2:7: `mode`: `lax` is not one of: parity, strict"},
      {"WrongNumber", "threads: 1.5\n",
       ":1:10: `threads`: `1.5` is not a whole number"},
      {"Anchor", "source: &a directory:x\n",
       ":1:9: an anchor; write the value where it is used"},
      {"Alias", "source: &a x\ndata-dir: *a\n",
       ":1:9: an anchor; write the value where it is used"},
      {"Tag", "source: !!str x\n", ":1:9: a tag; write the value without it"},
      {"TwoDocuments", "mode: strict\n---\nmode: parity\n",
       ":2:1: a second document; write one"},
      {"DocumentsWithoutEnd", ",*", ":1:1: a second document; write one"},
      {"NotAMap", "- a\n", ":1:1: expected `key: value` lines"},
      {"NotYaml", "a: [b\n", ":2:1: end of sequence flow not found"},
  };
  for (const YamlCase& c : kCases) {
    SCOPED_TRACE(c.name);
    const ConfigFile file(c.yaml);
    EXPECT_EQ(LoadSettings({.config_file = file.path()}).status(),
              absl::InvalidArgumentError(StrCat(file.path(), c.message)));
  }
}

TEST(SettingsTest, AMissingFileIsRefused) {
  EXPECT_EQ(
      LoadSettings({.config_file = "/nonexistent.yaml"}).status(),
      absl::InvalidArgumentError("config: cannot read `/nonexistent.yaml`"));
}

CommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pdpd");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLineTest, KeepsFlagsInTheirOrder) {
  const CommandLine line =
      Parse({"--source", "directory:a", "--listen", "127.0.0.1:1",
             "--listen=unix:/b", "--config", "c.yaml"});
  ASSERT_FALSE(line.exit.has_value()) << line.exit->message;
  EXPECT_EQ(line.inputs.config_file, "c.yaml");
  EXPECT_EQ(line.inputs.flags, (Flags{{"source", "directory:a"},
                                      {"listen", "127.0.0.1:1"},
                                      {"listen", "unix:/b"}}));
}

TEST(CommandLineTest, HelpAndVersionGoToStandardOutput) {
  const CommandLine help = Parse({"--help"});
  ASSERT_TRUE(help.exit.has_value());
  EXPECT_EQ(help.exit->code, 0);
  EXPECT_NE(help.exit->message.find("--max-staleness"), std::string::npos);
  EXPECT_NE(help.exit->message.find("Examples:"), std::string::npos);
  const CommandLine version = Parse({"--version"});
  ASSERT_TRUE(version.exit.has_value());
  EXPECT_EQ(version.exit->code, 0);
  EXPECT_EQ(version.exit->message, "pdpd 0.1.0\n");
}

// `--medplum.rest-hook.listen`, and so on, of all that is a value.
void ListFlags(const google::protobuf::Descriptor& message,
               const std::string& prefix, std::vector<std::string>& flags) {
  for (int i = 0; i < message.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *message.field(i);
    const std::string name = StrCat(prefix, ConfigKey(field));
    if (IsConfigSection(field) && !field.is_repeated()) {
      ListFlags(*field.message_type(), StrCat(name, "."), flags);
    } else {
      flags.push_back(name);
    }
  }
}

TEST(CommandLineTest, EveryKeyIsAFlag) {
  std::vector<std::string> flags;
  ListFlags(*medplum::pdp::config::v1::Config::descriptor(), "--", flags);
  EXPECT_GT(flags.size(), 25u);
  const CommandLine help = Parse({"--help"});
  ASSERT_TRUE(help.exit.has_value());
  for (const std::string& flag : flags) {
    EXPECT_NE(help.exit->message.find(StrCat(flag, " ")), std::string::npos)
        << flag;
  }
}

TEST(CommandLineTest, ListsMayBeGivenSeveralTimes) {
  const char* const kLists[] = {"gateway.honors", "listen", "callers",
                                "tenants.parameters", "audit.archive-command"};
  for (const char* name : kLists) {
    SCOPED_TRACE(name);
    const std::string flag = StrCat("--", name);
    const CommandLine line = Parse({flag.c_str(), "a", flag.c_str(), "b"});
    ASSERT_FALSE(line.exit.has_value()) << line.exit->message;
    EXPECT_EQ(line.inputs.flags, (Flags{{name, "a"}, {name, "b"}}));
  }
}

TEST(CommandLineTest, LoginsMayBeGivenSeveralTimes) {
  const CommandLine line = Parse({"--medplum.login", "project=a,client-id=b",
                                  "--medplum.login=project=c,client-id=d"});
  ASSERT_FALSE(line.exit.has_value()) << line.exit->message;
  EXPECT_EQ(line.inputs.flags,
            (Flags{{"medplum.login", "project=a,client-id=b"},
                   {"medplum.login", "project=c,client-id=d"}}));
}

TEST(CommandLineTest, MistakesEndWith2) {
  const std::vector<const char*> kCases[] = {
      {"--colour"},
      {"positional"},
      {"--mode"},
      {"--mode", "strict", "--mode", "parity"}};
  for (const auto& arguments : kCases) {
    SCOPED_TRACE(arguments[0]);
    const CommandLine line = Parse(arguments);
    ASSERT_TRUE(line.exit.has_value());
    EXPECT_EQ(line.exit->code, 2);
    EXPECT_FALSE(line.exit->message.empty());
  }
}

}  // namespace
}  // namespace pdp::service
