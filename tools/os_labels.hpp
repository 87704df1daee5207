#pragma once
// OsLabels: names of operating systems for SYN signatures, from p0f's own file of fingerprints where it is
// installed (Debian package p0f). Only its sections about TCP are read. Immutable once loaded.

#include <string>
#include <string_view>
#include <vector>

#include "tools/os_signature.hpp"

namespace tapline::tools {

class OsLabels {
 public:
  static constexpr const char* kDebianPath = "/etc/p0f/p0f.fp";

  /// kNotFound where there is no such file; kUnsupported names file and line.
  static Result<OsLabels> load(const std::string& path);
  /// `name` is the file's, for messages.
  static Result<OsLabels> parse(std::string_view text, std::string_view name);

  /// "Linux 3.11 and newer"; "" where nothing matches. The first exact match of a specific label wins; then
  /// the first of a generic one; then the first fuzzy one of a system (p0f's README does not say so, but
  /// programs match exactly or not at all). `syn`: of a SYN+ACK the SYN that it answers, else null.
  std::string_view of_syn(const SynSignature& signature) const { return find(requests_, signature, nullptr); }
  std::string_view of_syn_ack(const SynSignature& signature, const SynSignature* syn) const {
    return find(responses_, signature, syn);
  }

 private:
  struct Label {
    std::string text;
    bool is_generic;
    bool is_program;  // class '!': makes its SYNs itself
  };
  struct Entry {
    OsSignature signature;
    std::size_t label;
  };
  enum class Section : std::uint8_t { kOther, kRequest, kResponse };

  Status parse_line(std::string_view line, Section& section);
  Status add_label(std::string_view text);
  Status add_signature(std::string_view text, Section section);
  std::string_view find(const std::vector<Entry>& entries, const SynSignature& signature,
                        const SynSignature* syn) const;

  std::vector<Label> labels_;
  std::vector<Entry> requests_;
  std::vector<Entry> responses_;
};

}  // namespace tapline::tools
