// Whole scenarios in the format of the recorded decisions: resources, policies
// and memberships, and questions about them, which are asked in both modes.

#include <string>
#include <string_view>

#include "clients/pdpctl/local_judge.h"
#include "clients/pdpctl/vector_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

// An input has few resources and asks few questions.
constexpr size_t kMaxResources = 60;
constexpr size_t kMaxQuestions = 24;

}  // namespace

void RunInput(std::string_view input) {
  const auto file = ctl::VectorFile::Parse("input", std::string(input));
  if (!file.ok()) return;
  if ((*file)->resources().size() > kMaxResources ||
      (*file)->checks().size() + (*file)->searches().size() > kMaxQuestions) {
    return;
  }
  ctl::LocalJudge parity(
      {.mode = policy::Mode::kParity,
       .parameter_semantics = policy::ParameterSemantics::kServer});
  ctl::LocalJudge strict(
      {.mode = policy::Mode::kStrict,
       .parameter_semantics = policy::ParameterSemantics::kServer});
  ctl::LocalJudge documented({.mode = policy::Mode::kStrict});
  parity.Enter(**file);
  strict.Enter(**file);
  documented.Enter(**file);

  for (const ctl::RecordedCheck& check : (*file)->checks()) {
    const ctl::CheckQuestion question[] = {{&check}};
    const auto by_parity = parity.Check(question).front();
    const auto by_strict = strict.Check(question).front();
    (void)documented.Check(question);
    for (const auto* answer : {&by_parity, &by_strict}) {
      Require(answer->status.ok() || !answer->permitted,
              "an error never permits");
    }
    if (by_parity.status.ok()) {
      Require(by_parity.permitted || !by_strict.permitted,
              "strict permits no more than parity");
    }
  }
  for (const ctl::RecordedSearch& search : (*file)->searches()) {
    const auto by_parity = parity.Search(search);
    const auto by_strict = strict.Search(search);
    if (by_parity.status.ok() && by_strict.status.ok()) {
      Require(by_parity.permitted || !by_strict.permitted,
              "strict searches no more than parity");
    }
  }
  for (const ctl::RecordedEffectivePolicy& effective : (*file)->effective()) {
    (void)parity.Describe(effective);
    (void)strict.Describe(effective);
  }
}

}  // namespace pdp::fuzz
