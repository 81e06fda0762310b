// What fuzz targets share.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"

namespace osb::fuzz {

// What must hold, whatever the input. Ends the process, which libFuzzer reports with the input.
inline void require(bool holds) {
    if (!holds) std::abort();
}

// Whether text may go to a terminal or a log as it is.
inline bool is_printable(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    }
    return true;
}

// Runs `f`. False when it refused its input: an Error of a kind that speaks of the input, in words that may
// be printed. `internal` and `io` never speak of it.
template<typename F>
bool accepts(F&& f) {
    try {
        std::forward<F>(f)();
        return true;
    } catch (const Error& error) {
        require(error.kind() != ErrorKind::internal && error.kind() != ErrorKind::io);
        require(is_printable(error.message()) && is_printable(error.hint()));
        return false;
    }
}

// The parts of an input that stands for several texts: separated by the byte 1E. At most `most`; the last
// one has the rest.
inline std::vector<std::string> split_parts(std::string_view input, std::size_t most) {
    constexpr char kSeparator = '\x1E';
    std::vector<std::string> out;
    while (out.size() + 1 < most) {
        const std::size_t end = input.find(kSeparator);
        if (end == std::string_view::npos) break;
        out.emplace_back(input.substr(0, end));
        input.remove_prefix(end + 1);
    }
    out.emplace_back(input);
    return out;
}

// A file without a name that holds `content`; path() leads to it while this lives.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view content) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        require(fd_.get() >= 0);
        write_all(fd_.get(), as_bytes(content), "memory file");
    }
    std::string path() const { return concat("/proc/self/fd/", fd_.get()); }

  private:
    Fd fd_;
};

}  // namespace osb::fuzz
