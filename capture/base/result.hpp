#pragma once
// Result<T>: a value, or why the world did not give one. The second of the three kinds of failure (disk, NIC,
// configuration, damaged file); hostile packets get an enum and a counter instead, bugs of ours
// TAPLINE_CHECK.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "capture/base/check.hpp"

namespace tapline {

enum class ErrorCode : std::uint8_t {
  kIo,           // the operating system refused or failed
  kNotFound,     // no such file, session, segment
  kInvalid,      // the caller's argument (usage): names the value and the remedy
  kCorrupt,      // bytes on disk or in an input file contradict themselves or their checksum
  kUnsupported,  // well-formed, but newer or of a kind that we do not read
  kLimit,        // a stated limit was reached
  kBusy,         // somebody else holds the lock
  kNoSpace,      // the disk is full
};

/// A code and one line of context, lower case, with the file, the value and the remedy.
struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string context;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: conversion is the point
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(*checked()); }
  T& operator*() & { return *checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    TAPLINE_CHECK(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  T* checked() {
    TAPLINE_CHECK(ok());
    return std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: conversion is the point

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const {
    TAPLINE_CHECK(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace tapline

/// Returns the error of `expression` (a Result) to the caller, if it has one.
#define TAPLINE_TRY(expression)                                                                         \
  do {                                                                                                  \
    if (auto tapline_try_result = (expression); !tapline_try_result) return tapline_try_result.error(); \
  } while (false)
