// Words for the user on the way: warnings and details. Where they go is cli's business.
#pragma once

#include <functional>
#include <string>

namespace osb {

enum class LogLevel { debug, info, warning };

using LogSink = std::function<void(LogLevel, const std::string&)>;

// Where log() sends its lines; an empty function discards them. Not to be called while other threads log.
void set_log_sink(LogSink sink);

// One line, without a line feed; names in it are escaped by the caller, secrets are taken out here. Threads
// may call it at once.
void log(LogLevel level, const std::string& line);

inline void log_warning(const std::string& line) {
    log(LogLevel::warning, line);
}
inline void log_info(const std::string& line) {
    log(LogLevel::info, line);
}
inline void log_debug(const std::string& line) {
    log(LogLevel::debug, line);
}

}  // namespace osb
