#include "system/upgrade/job_log.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"

namespace osb::system {

JobLog::JobLog(std::string path, std::function<std::int64_t()> now)
    : path_(std::move(path)), now_(std::move(now)) {
    std::error_code ignored;  // open() reports the error
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    try {
        open();
    } catch (const Error& error) {
        warn(error);
        file_ = open_at(AT_FDCWD, "/dev/null", O_RDWR);
    }
}

void JobLog::warn(const Error& error) const {
    if (!std::exchange(warned_, true)) log_warning(concat("the log is incomplete: ", error.message()));
}

void JobLog::open() {
    file_ = open_at(AT_FDCWD, path_, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644);
}

void JobLog::trim(std::uint64_t limit) {
    try {
        keep_newer(limit);
    } catch (const Error& error) {
        warn(error);
    }
}

void JobLog::keep_newer(std::uint64_t limit) {
    const std::uint64_t size = file_size(file_.get());
    if (size <= limit) return;
    const std::uint64_t kept = limit / 2;
    FileRangeSource source(file_.get(), size - kept, kept, path_);
    std::vector<std::uint8_t> bytes(kept);
    std::string_view text = as_text(ByteView(bytes).first(read_full(source, bytes)));
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const std::string next = path_ + ".new";
    ::unlink(next.c_str());
    {
        const Fd file = open_at(AT_FDCWD, next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        write_all(file.get(), as_bytes(text), next);
    }
    if (std::rename(next.c_str(), path_.c_str()) != 0) throw_errno(concat("cannot replace ", quoted(path_)));
    open();
}

void JobLog::line(std::string_view text) const {
    const auto time = static_cast<std::time_t>(now_());
    std::tm local{};
    ::localtime_r(&time, &local);
    std::array<char, 32> stamp{};
    const std::size_t length = std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d %H:%M:%S", &local);
    append(concat(std::string_view(stamp.data(), length), ' ', text, '\n'));
}

void JobLog::append(std::string_view text) const {
    try {
        write_all(file_.get(), as_bytes(text), path_);
    } catch (const Error& error) {
        warn(error);
    }
}

}  // namespace osb::system
