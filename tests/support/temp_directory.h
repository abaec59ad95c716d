// A directory for one test.

#ifndef PDP_TESTS_SUPPORT_TEMP_DIRECTORY_H_
#define PDP_TESTS_SUPPORT_TEMP_DIRECTORY_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace pdp {

// Exists until it is destroyed, with all that is in it.
class TempDirectory {
 public:
  TempDirectory() {
    // Memory where it can be had: tests sync often.
    std::string name = "/dev/shm/pdp_test_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      name =
          (std::filesystem::temp_directory_path() / "pdp_test_XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) std::abort();
    }

    path_ = std::filesystem::canonical(name);
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(std::string_view name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline void WriteFile(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(
      std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) std::abort();
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_TEMP_DIRECTORY_H_
