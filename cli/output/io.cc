#include "cli/output/io.hh"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace osb::cli {

Io process_io() {
    Io io{.out = std::cout, .err = std::cerr};
    io.may_enter_sandbox = true;
    io.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
    io.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
    io.width = [] {
        winsize size{};
        return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? unsigned{size.ws_col} : 0U;
    };
    io.environment = [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): read-only use
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    return io;
}

}  // namespace osb::cli
