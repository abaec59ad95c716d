// Runs a fuzz target over files and the files of directories, and says how many
// there were.  Arguments that begin with a hyphen are libFuzzer's.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

void RunFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string input((std::istreambuf_iterator<char>(file)), {});
  // Kept in sight for whoever looks at a crash.
  static std::string running;
  running = path.string();
  if (std::getenv("PDP_FUZZ_VERBOSE") != nullptr) {
    std::fprintf(stderr, "%s\n", running.c_str());
  }
  pdp::fuzz::RunTimed(input);
}

}  // namespace

int main(int argc, char** argv) {
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    if (!std::filesystem::is_directory(argv[i])) {
      RunFile(argv[i]);
      ++inputs;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      RunFile(entry.path());
      ++inputs;
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0 ? 1 : 0;
}
