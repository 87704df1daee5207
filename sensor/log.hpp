#pragma once
// Log: lines on standard error: with a priority for the journal where it reads them, else with the time.
// Control thread only.

#include <string_view>

namespace tapline::sensor {

void log_info(std::string_view text);
void log_warning(std::string_view text);
void log_error(std::string_view text);

}  // namespace tapline::sensor
