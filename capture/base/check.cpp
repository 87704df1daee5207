#include "capture/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace tapline {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "tapline: broken invariant: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace tapline
