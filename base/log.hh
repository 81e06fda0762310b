// Messages to the user during an operation: warnings and details. cli/ decides where they are printed.
#pragma once

#include <functional>
#include <string>

namespace osb {

enum class LogLevel { debug, info, warning };

using LogSink = std::function<void(LogLevel, const std::string&)>;

// Sets the function that receives the lines; an empty function discards them. Not thread-safe with log().
void set_log_sink(LogSink sink);

// Logs one line without a line feed. The caller escapes names; this function removes secrets. Thread-safe.
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
