// Progress as events. The code that works reports; only cli/ draws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace osb {

// Receives what a long operation reports. Threads may call advance() at once.
class Progress {
  public:
    Progress() = default;
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    virtual ~Progress() = default;

    // A stage begins ("importing layers"); the one before it has ended. total_bytes where it is known.
    virtual void begin(const std::string& stage, std::optional<std::uint64_t> total_bytes) = 0;
    // Another `bytes` bytes of the stage are done.
    virtual void advance(std::uint64_t bytes) noexcept = 0;
    // The operation has ended, well or not.
    virtual void end() noexcept = 0;
};

// Discards everything.
class NoProgress final : public Progress {
  public:
    void begin(const std::string& /*stage*/, std::optional<std::uint64_t> /*total_bytes*/) override {}
    void advance(std::uint64_t /*bytes*/) noexcept override {}
    void end() noexcept override {}
};

}  // namespace osb
