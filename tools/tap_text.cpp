// What a TapSurvey found, for people and as JSON.

#include <fmt/format.h>

#include "storage/query/json_text.hpp"
#include "tools/tap_survey.hpp"

namespace tapline::tools {
namespace {

double share_of(const TapFinding& finding) {
  return finding.whole == 0 ? 0 : static_cast<double>(finding.part) / static_cast<double>(finding.whole);
}

}  // namespace

std::string format_findings(const TapSurvey& survey) {
  std::string text;
  for (const TapFinding& finding : survey.findings()) {
    text += fmt::format("{:<10}port {}: {}: {:.1f} % ({} of {} {}): {}\n", text.empty() ? "tap" : "",
                        finding.port, finding.name, 100 * share_of(finding), finding.part, finding.whole,
                        finding.unit, finding.advice);
  }
  return text;
}

std::vector<std::string> findings_json(const TapSurvey& survey) {
  std::vector<std::string> list;
  for (const TapFinding& finding : survey.findings()) {
    query::JsonObject json;
    json.add("port", std::uint64_t{finding.port});
    json.add_text("finding", finding.name);
    json.add("part", finding.part);
    json.add("whole", finding.whole);
    json.add_text("unit", finding.unit);
    json.add_raw("share", fmt::format("{:.6f}", share_of(finding)));
    json.add_text("advice", finding.advice);
    list.push_back(json.text());
  }
  return list;
}

}  // namespace tapline::tools
