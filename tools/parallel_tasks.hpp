#pragma once
// ParallelTasks: numbered tasks that share nothing (one file each), done by a few threads while the calling
// one looks on.

#include <cstddef>
#include <functional>

namespace tapline::tools {

/// As many as this process may use.
unsigned default_threads();
/// Most that a command takes: more only wait for each other.
inline constexpr unsigned kThreadsMax = 64;

/// Calls `task` with each number below `count` once, in ascending order of their beginnings, on at most
/// `threads` threads; `look` on the calling thread whenever a task has ended, and at least five times a
/// second, for progress and for results in order. Returns when all have ended and `look` has seen it. Where
/// the system gives no threads, the calling one does the work.
void run_tasks(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& task,
               const std::function<void()>& look);

}  // namespace tapline::tools
