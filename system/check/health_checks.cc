#include "system/check/health_checks.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxChecks = 256;   // in one directory
constexpr std::size_t kMaxMessage = 256;  // bytes of a message

// What package managers and editors leave beside a file.
bool is_leftover(std::string_view name) {
    constexpr std::array<std::string_view, 11> kEnds{"~",         ".rpmnew",   ".rpmsave",  ".rpmorig",
                                                     ".apk-new",  ".dpkg-new", ".dpkg-old", ".dpkg-dist",
                                                     ".ucf-dist", ".bak",      ".orig"};
    return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return name.ends_with(end); });
}

std::string last_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    const std::size_t start = text.rfind('\n');
    if (start != std::string_view::npos) text.remove_prefix(start + 1);
    return escape(text, kMaxMessage);
}

struct Found {
    std::string name;
    std::string path;
};

// The checks of one kind, by name; those of an earlier directory in place of those of a later one.
std::vector<Found> find_checks(const CheckOptions& options, const char* kind,
                               std::vector<std::string>& warnings) {
    std::map<std::string, std::string> found;
    const auto warn = [&](const std::string& path, std::string_view why) {
        warnings.push_back(concat("check ", quoted(path), " is skipped: ", why));
    };
    for (const std::string& directory : options.directories) {
        std::error_code error;
        std::size_t count = 0;
        for (fs::directory_iterator it(concat(directory, '/', kind), error), end; !error && it != end;
             it.increment(error)) {
            const std::string name = it->path().filename();
            if (name.front() == '.') continue;
            if (++count > kMaxChecks) {
                warn(it->path(), "there are too many");
                break;
            }
            found.emplace(name, it->path());
        }
    }
    std::vector<Found> out;
    for (auto& [name, path] : found) {
        struct stat info {};
        if (is_leftover(name)) {
            warn(path, "its name is that of a backup or package file");
        } else if (::stat(path.c_str(), &info) != 0) {
            warn(path, "it cannot be read");
        } else if (S_ISCHR(info.st_mode)) {
            continue;  // a link to /dev/null: switched off
        } else if (!S_ISREG(info.st_mode) || ::access(path.c_str(), X_OK) != 0) {
            warn(path, "it is not executable");
        } else {
            out.push_back({name, path});
        }
    }
    return out;
}

std::string seconds(milliseconds time) {
    return time.count() % 1000 == 0 ? concat(time.count() / 1000, " s") : concat(time.count(), " ms");
}

// Ends the check and whatever it has started in its process group; false when the check does not end.
bool kill_group(Subprocess& child, milliseconds kill_limit) {
    ::kill(-child.pid(), SIGKILL);
    return child.terminate(milliseconds(0), kill_limit);
}

// Runs a shell command until its end or the limit. What it says on both outputs counts.
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

// Services whose process has died. OpenRC prints their names, one a line.
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

// Services that were not started, because they failed. Not required: one that has no network to talk to is no
// reason to go back.
CheckResult failed_services(const CheckOptions& options) {
    CheckResult result{.name = "services", .required = false, .ok = false, .message = {}, .duration = {}};
    result = run_check(
        std::move(result),
        {"/bin/sh", "-c",
         "cd /run/openrc/failed 2>/dev/null || exit 0\n"
         "names=\n"
         // This very check may have failed earlier in this boot.
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
        for (const Found& check : find_checks(options, kind, report.warnings)) {
            CheckResult result{.name = escape(check.name),
                               .required = required,
                               .ok = false,
                               .message = "there was no time left for it",
                               .duration = {}};
            if (const milliseconds left = limit(); left.count() > 0) {
                if (options.on_start) options.on_start(result.name);
                result.message.clear();
                // The shell joins its two outputs, and is then replaced by it.
                result = run_check(std::move(result), {"/bin/sh", "-c", R"(exec "$0" >&2)", check.path}, left,
                                   options.kill_limit);
            }
            report.results.push_back(std::move(result));
        }
        // After the others: a service that dies soon after its start has had some time to.
        if (!options.services) continue;
        if (options.on_start) options.on_start("services");
        report.results.push_back(required ? crashed_services(options) : failed_services(options));
    }
    return report;
}

}  // namespace osb::system
