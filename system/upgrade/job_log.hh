// The log of the unattended upgrades, of limited size. It has lines with a time, and the output of programs.
// A log that cannot be written (a full or read-only /var) stops no upgrade: a warning says so once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.hh"
#include "base/fd.hh"

namespace osb::system {

class JobLog {
  public:
    // Opens the log. Creates the file and its directory if they are missing. `now` returns the time of a
    // line, in seconds since 1970.
    JobLog(std::string path, std::function<std::int64_t()> now);

    // Removes the older half, up to a line end, if the log is longer than `limit` bytes.
    void trim(std::uint64_t limit);
    // Writes each line as a whole.
    void line(std::string_view text) const;
    void append(std::string_view text) const;
    // The descriptor for programs that write to the log. Valid until trim(); owned by this object.
    int fd() const noexcept { return file_.get(); }

  private:
    void open();
    void keep_newer(std::uint64_t limit);
    void warn(const Error& error) const;

    std::string path_;
    std::function<std::int64_t()> now_;
    Fd file_;
    mutable bool warned_ = false;
};

}  // namespace osb::system
