// What every fuzz target consists of.
//
// A target is one .cc file that defines RunInput.  With clang's sanitizers it
// is linked with libFuzzer; in every build it can be run over the checked-in
// inputs (replay_main.cc).  An input is a finding where RunInput crashes,
// leaks, breaks a promise (Require), or takes longer than PDP_FUZZ_MAX_MS
// milliseconds of processor time; without this variable time is not looked at.

#ifndef PDP_TESTS_FUZZ_FUZZ_TARGET_H_
#define PDP_TESTS_FUZZ_FUZZ_TARGET_H_

#include <string_view>

namespace pdp::fuzz {

// Defined by the target.
void RunInput(std::string_view input);

// Ends the process with `claim` where it does not hold.
void Require(bool holds, std::string_view claim);

// RunInput, with the clock on it.
void RunTimed(std::string_view input);

}  // namespace pdp::fuzz

#endif  // PDP_TESTS_FUZZ_FUZZ_TARGET_H_
