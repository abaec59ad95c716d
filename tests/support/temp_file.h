// A file for one test.

#ifndef PDP_TESTS_SUPPORT_TEMP_FILE_H_
#define PDP_TESTS_SUPPORT_TEMP_FILE_H_

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace pdp {

// Exists until it is destroyed.
class TempFile {
 public:
  explicit TempFile(std::string_view content = "") {
    const int file = mkstemp(path_.data());
    if (file < 0) std::abort();
    close(file);
    Write(content);
  }
  ~TempFile() { unlink(path_.c_str()); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  const std::string& path() const { return path_; }

  // In place of what is in it.
  void Write(std::string_view content) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << content;
  }

 private:
  std::string path_ = "/tmp/pdp_test_XXXXXX";
};

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_TEMP_FILE_H_
