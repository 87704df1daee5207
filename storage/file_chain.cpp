#include "storage/file_chain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "capture/base/time_window.hpp"

namespace tapline::storage {
namespace {

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

SegmentId id_of(const std::uint8_t (&bytes)[16]) {
  SegmentId id;
  std::ranges::copy(bytes, id.begin());
  return id;
}

class ChainCheck {
 public:
  ChainCheck(const Catalog& catalog, std::span<const ChainLink> links) {
    for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
      for (const CatalogFile& file : *files) files_.emplace(file.name.id_high, &file);
    }
    for (const auto* files : {&catalog.expired, &catalog.expired_sessions, &catalog.damaged}) {
      for (const CatalogFile& file : *files) gone_.insert(file.name.id_high);
    }
    for (const CatalogFile& file : catalog.expired) {
      if (!file.path.ends_with(kExpiredSuffix)) folded_.push_back(file.name);
    }
    volume_missing_ = !catalog.missing_volumes.empty();
    for (const ChainLink& link : links)
      links_.emplace(storage::id_high(id_of(link.header.segment_id)), &link);
    lists_[kKindPackets] = &catalog.segments;
    lists_[kKindSessions] = &catalog.sessions;
    lists_[kKindLedger] = &catalog.ledgers;
  }

  /// Empty where the chain holds.
  std::string find_break(const ChainLink& link) const {
    if (link.header.previous_state == kPreviousNone) return {};
    const SegmentId previous_id = id_of(link.header.previous_segment_id);
    const std::uint64_t id_high = storage::id_high(previous_id);
    const auto file = files_.find(id_high);
    if (file == files_.end()) {
      if (gone_.contains(id_high) || may_be_gone(link) || is_oldest(link)) return {};
      return fmt::format("chain broken: {} names {:016x}, which is not in the store", link.path, id_high);
    }
    const std::optional<ChainLink> previous = link_of(id_high, *file->second);
    return previous ? compare(link, *previous) : std::string();
  }

 private:
  /// The names of what was dropped long ago are folded into intervals, and nobody knows what is on a volume
  /// that is not there. The file before ended about when this one began, on an idle link up to an hour
  /// earlier.
  bool may_be_gone(const ChainLink& link) const {
    constexpr TimeNs kSegmentSpanNs = 3600 * kNsPerSecond;
    const bool packets = link.header.kind == kKindPackets;
    return packets && (volume_missing_ || std::ranges::any_of(folded_, [&](const FinalName& interval) {
                         return interval.first_ns <= link.header.start_ns &&
                                interval.last_ns >= saturating_add(link.header.start_ns, -kSegmentSpanNs);
                       }));
  }

  /// Nothing where it has expired since, or cannot be read: that is damage of its own.
  std::optional<ChainLink> link_of(std::uint64_t id_high, const CatalogFile& file) const {
    if (const auto known = links_.find(id_high); known != links_.end()) return *known->second;
    CatalogFile wanted = file;
    const Result<ContainerReader> reader = open_listed(wanted);
    return reader ? std::optional(read_link(*reader)) : std::nullopt;
  }

  static std::string compare(const ChainLink& link, const ChainLink& previous) {
    const SegmentHeader& a = link.header;
    const SegmentHeader& b = previous.header;
    const auto complain = [&](std::string_view what) {
      return fmt::format("chain broken: {} names {}, which {}", link.path, name_of(previous.path), what);
    };
    if (id_of(a.previous_segment_id) != id_of(b.segment_id)) return complain("has another id");
    if (a.kind != b.kind || a.port != b.port || a.worker != b.worker || a.link_type != b.link_type)
      return complain("is of another port, worker, kind or link type");
    if (a.previous_state != kPreviousClosed) return {};
    if (!previous.finished) return complain("is not finished");
    if (std::memcmp(a.previous_root, previous.root.data(), previous.root.size()) != 0)
      return complain("has another root");
    return {};
  }

  /// Whether no finished file of this port, worker and kind begins before it.
  bool is_oldest(const ChainLink& link) const {
    const auto list = lists_.find(link.header.kind);
    if (list == lists_.end()) return false;
    const auto self = files_.find(storage::id_high(id_of(link.header.segment_id)));
    const bool open = self == files_.end() || self->second->open;
    return std::ranges::none_of(*list->second, [&](const CatalogFile& file) {
      const bool same_writer =
          !file.open && file.name.port == link.header.port && file.name.worker == link.header.worker;
      return same_writer && (open || file.name.first_ns < self->second->name.first_ns);
    });
  }

  std::unordered_map<std::uint64_t, const CatalogFile*> files_;  // by id_high
  std::unordered_set<std::uint64_t> gone_;                       // expired, or set aside by recovery
  std::vector<FinalName> folded_;                                // times only
  bool volume_missing_ = false;
  std::unordered_map<std::uint64_t, const ChainLink*> links_;                 // by id_high
  std::unordered_map<std::uint16_t, const std::vector<CatalogFile>*> lists_;  // by kind
};

}  // namespace

ChainLink read_link(const ContainerReader& reader) {
  ChainLink link;
  link.path = reader.path();
  link.header = reader.header();
  link.finished = reader.finished();
  if (link.finished) std::ranges::copy(reader.footer().root, link.root.begin());
  return link;
}

std::vector<std::string> find_chain_breaks(const Catalog& catalog, std::span<const ChainLink> links) {
  const ChainCheck check(catalog, links);
  std::vector<std::string> breaks;
  for (const ChainLink& link : links) {
    std::string found = check.find_break(link);
    if (!found.empty()) breaks.push_back(std::move(found));
  }
  return breaks;
}

}  // namespace tapline::storage
