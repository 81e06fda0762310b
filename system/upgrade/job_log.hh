// The log of the unattended upgrades: lines with a time, and what programs say; bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.hh"

namespace osb::system {

class JobLog {
  public:
    // Opens the log, made with its directory where it is missing. `now` gives the time of a line, in seconds
    // since 1970. Throws Error{io, no_space}.
    JobLog(std::string path, std::function<std::int64_t()> now);

    // Where it is longer than `limit` bytes, the older half goes, cut at a line.
    void trim(std::uint64_t limit);
    // Each line is written as a whole.
    void line(std::string_view text) const;
    void append(std::string_view text) const;
    // For programs that write to it. Valid until trim().
    int fd() const noexcept { return file_.get(); }

  private:
    void open();

    std::string path_;
    std::function<std::int64_t()> now_;
    Fd file_;
};

}  // namespace osb::system
