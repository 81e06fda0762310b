#include "system/check/health_checks.hh"

#include <algorithm>
#include <csignal>
#include <optional>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "system/check/program_directory.hh"

namespace osb::system {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxMessage = 256;  // bytes of a message

std::string last_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    const std::size_t start = text.rfind('\n');
    if (start != std::string_view::npos) text.remove_prefix(start + 1);
    return escape(text, kMaxMessage);
}

std::string seconds(milliseconds time) {
    return time.count() % 1000 == 0 ? concat(time.count() / 1000, " s") : concat(time.count(), " ms");
}

// Kills the check and its process group. Returns false if the check does not end.
bool kill_group(Subprocess& child, milliseconds kill_limit) {
    ::kill(-child.pid(), SIGKILL);
    return child.terminate(milliseconds(0), kill_limit);
}

// Runs a shell command until its end or the limit. Uses the output on both descriptors.
CheckResult run_check(CheckResult result, std::vector<std::string> argv, milliseconds limit,
                      milliseconds kill_limit) {
    const auto start = SteadyClock::now();
    try {
        SubprocessOptions options;
        options.argv = std::move(argv);
        Subprocess child(options);
        std::optional<ExitState> state;
        try {
            state = child.wait_for(limit);
        } catch (...) {
            kill_group(child, kill_limit);
            throw;
        }
        if (!state) {
            const bool ended = kill_group(child, kill_limit);
            result.message = concat("it did not end within ", seconds(limit),
                                    ended ? std::string_view() : ", nor after it was killed");
        } else {
            result.ok = state->ok();
            result.message = last_line(child.stderr_tail());
            if (!result.ok && result.message.empty()) result.message = state->to_string();
        }
    } catch (const Error& error) {
        result.message = error.message();
    }
    result.duration = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - start);
    return result;
}

// Checks for services whose process has died. OpenRC prints one name per line.
CheckResult crashed_services(const CheckOptions& options) {
    CheckResult result{.name = "services", .required = true, .ok = false, .message = {}, .duration = {}};
    result = run_check(std::move(result),
                       {"/bin/sh", "-c",
                        "command -v rc-status >/dev/null || exit 0\n"
                        "crashed=$(rc-status --nocolor --crashed 2>/dev/null)\n"
                        "[ -z \"$crashed\" ] || echo crashed: $crashed >&2"},
                       options.limit, options.kill_limit);
    if (result.ok && !result.message.empty()) result.ok = false;
    return result;
}

// Checks for services that failed to start. Not required: a service without a network is not a reason to roll
// back.
CheckResult failed_services(const CheckOptions& options) {
    CheckResult result{.name = "services", .required = false, .ok = false, .message = {}, .duration = {}};
    result = run_check(
        std::move(result),
        {"/bin/sh", "-c",
         "cd /run/openrc/failed 2>/dev/null || exit 0\n"
         "names=\n"
         // This check may have failed earlier in this boot.
         "for name in *; do case $name in '*' | osb-boot-check) ;; *) names=\"$names $name\" ;; esac; done\n"
         "[ -z \"$names\" ] || echo \"not started:$names\" >&2"},
        options.limit, options.kill_limit);
    if (result.ok && !result.message.empty()) result.ok = false;
    return result;
}

}  // namespace

bool CheckReport::healthy() const {
    return std::all_of(results.begin(), results.end(),
                       [](const CheckResult& result) { return result.ok || !result.required; });
}

std::string CheckReport::failure() const {
    for (const CheckResult& result : results) {
        if (result.required && !result.ok) {
            return concat("check '", result.name, "' failed: ", result.message);
        }
    }
    return {};
}

CheckReport run_checks(const CheckOptions& options) {
    CheckReport report;
    const auto deadline = SteadyClock::now() + options.total_limit;
    const auto limit = [&] {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now());
        return std::max(std::min(options.limit, left), milliseconds(0));
    };
    for (const bool required : {true, false}) {
        const char* kind = required ? "required.d" : "wanted.d";
        for (const Program& check : find_programs(options.directories, kind, report.warnings)) {
            CheckResult result{.name = escape(check.name),
                               .required = required,
                               .ok = false,
                               .message = "there was no time left for it",
                               .duration = {}};
            if (const milliseconds left = limit(); left.count() > 0) {
                if (options.on_start) options.on_start(result.name);
                result.message.clear();
                // The shell joins the two outputs, and the program then replaces it.
                result = run_check(std::move(result), {"/bin/sh", "-c", R"(exec "$0" >&2)", check.path}, left,
                                   options.kill_limit);
            }
            report.results.push_back(std::move(result));
        }
        // Last, so that a service that dies soon after its start has had time to do so.
        if (!options.services) continue;
        if (options.on_start) options.on_start("services");
        report.results.push_back(required ? crashed_services(options) : failed_services(options));
    }
    return report;
}

}  // namespace osb::system
