#pragma once
// Checks for our own bugs. Never on bytes from the wire or from a file: those get a Result or a status.

namespace tapline {

/// Prints what failed to stderr and aborts. Used by the macros below only.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace tapline

/// Always on: an invariant of ours that, if broken, must stop the process before it writes something false.
#define TAPLINE_CHECK(expression)                       \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::tapline::check_failed(#expression, __FILE__, __LINE__))

/// Debug builds only: for hot loops.
#ifdef NDEBUG
#define TAPLINE_DCHECK(expression) static_cast<void>(0)
#else
#define TAPLINE_DCHECK(expression) TAPLINE_CHECK(expression)
#endif
