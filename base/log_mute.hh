// Discards log messages that would repeat what the result of an operation says.
#pragma once

namespace osb {

// Discards everything that is logged during its lifetime, by any thread. Thread-safe; several may exist at
// once.
class LogMute {
  public:
    LogMute();
    LogMute(const LogMute&) = delete;
    LogMute& operator=(const LogMute&) = delete;
    ~LogMute();
};

}  // namespace osb
