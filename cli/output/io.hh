// The environment of the program, which tests replace to run it in their own process.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace osb::cli {

// Streams, terminal, environment variables and clock. The streams are borrowed.
struct Io {
    std::ostream& out;  // results
    std::ostream& err;  // progress, warnings, errors
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool may_enter_sandbox = false;  // the process ends with the run
    bool has_result = false;         // a result was written to `out`
    int status = 0;                  // exit status of a run that ends without an error
    // The current number of columns of the terminal at err; 0 if it is unknown.
    std::function<unsigned()> width = [] { return 0U; };
    std::function<std::optional<std::string>(const std::string& name)> environment = [](const std::string&) {
        return std::nullopt;
    };
    std::function<std::chrono::steady_clock::time_point()> clock = [] {
        return std::chrono::steady_clock::now();
    };
};

// Standard output and standard error of this process.
Io process_io();

}  // namespace osb::cli
