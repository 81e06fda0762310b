// Progress as events. Working code reports progress; only cli/ displays it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace osb {

// Receives the progress of a long operation. advance() is thread-safe.
class Progress {
  public:
    Progress() = default;
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    virtual ~Progress() = default;

    // Starts a stage ("importing layers") and ends the previous one. total_bytes is set if it is known.
    virtual void begin(const std::string& stage, std::optional<std::uint64_t> total_bytes) = 0;
    // Adds `bytes` to the completed bytes of the stage.
    virtual void advance(std::uint64_t bytes) noexcept = 0;
    // The operation has ended, successfully or not.
    virtual void end() noexcept = 0;
};

// Calls end(), also when an exception ends the operation: the display of the process that shows it.
class ProgressEnd {
  public:
    explicit ProgressEnd(Progress& progress) : progress_(progress) {}
    ProgressEnd(const ProgressEnd&) = delete;
    ProgressEnd& operator=(const ProgressEnd&) = delete;
    ~ProgressEnd() { progress_.end(); }

  private:
    Progress& progress_;
};

// Discards all events.
class NoProgress final : public Progress {
  public:
    void begin(const std::string& /*stage*/, std::optional<std::uint64_t> /*total_bytes*/) override {}
    void advance(std::uint64_t /*bytes*/) noexcept override {}
    void end() noexcept override {}
};

}  // namespace osb
